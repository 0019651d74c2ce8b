// SPDX-License-Identifier: GPL-2.0-or-later
#include <string_view>

#include "reach.hpp"
#include "runner.hpp"

namespace {

constexpr int kDrillRounds = 5;

} // namespace

int ptelab::tests_main(int argc, char **argv)
{
	// No rule runs then: what the counts of a whole run do to the kernel is done alone.
	if (argc == 2 && std::string_view(argv[1]) == "--reach-drill")
		return drill_reach(kDrillRounds);
	return run_tests(argc, argv);
}
