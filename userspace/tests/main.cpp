// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner.hpp"

int main(int argc, char **argv)
{
	return ptelab::run_tests(argc, argv);
}
