// SPDX-License-Identifier: GPL-2.0-or-later
// What a program says of a module of another age.
#include <doctest/doctest.h>

#include <ptelab/device.hpp>

using namespace ptelab;

TEST_SUITE_BEGIN("device");

TEST_CASE("a module of this age gets no word, an older or a newer one is told apart")
{
	CHECK(explain_abi(PTELAB_ABI) == "");
	const std::string older = explain_abi(PTELAB_ABI - 1), newer = explain_abi(PTELAB_ABI + 1);
	CHECK(older.find("the module is the older one") != std::string::npos);
	CHECK(newer.find("the program is the older one") != std::string::npos);
	CHECK(newer.find("make module userspace") != std::string::npos);
}

TEST_SUITE_END();
