// SPDX-License-Identifier: GPL-2.0-or-later
#include <cstdlib>
#include <vector>

#include "runner.hpp"

int main(int argc, char **argv)
{
	std::vector<const char *> arguments(argv, argv + argc);

	// The rules that fail on purpose: only for the tests of the reporters, which run this program again.
	if (!std::getenv("PTELAB_SAMPLES"))
		arguments.push_back("--test-suite-exclude=samples");
	return ptelab::run_tests(static_cast<int>(arguments.size()), arguments.data());
}
