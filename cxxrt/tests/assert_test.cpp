// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/assert.hpp"

#include <doctest/doctest.h>

#include "bug.hpp"

static constexpr int half_of_even(int value)
{
	CXXRT_ASSERT(value % 2 == 0);
	return value / 2;
}

static_assert(half_of_even(4) == 2, "an assertion that holds is a constant expression");

TEST_CASE("an assertion that holds does nothing")
{
	int *pointer = nullptr;
	int target = 0;
	CXXRT_ASSERT(!pointer);
	pointer = &target;
	CXXRT_ASSERT(pointer);
	CHECK_FALSE(is_bug([] { CXXRT_ASSERT(1 + 1 == 2); }));
}

TEST_CASE("an assertion that fails is a bug")
{
	CHECK(is_bug([] { CXXRT_ASSERT(1 + 1 == 3); }));
	CHECK(is_bug([] { cxxrt::bug("file", 1, "what"); }));
}

TEST_CASE("the condition is evaluated once")
{
	int calls = 0;
	CXXRT_ASSERT(++calls == 1);
	CHECK(calls == 1);
}
