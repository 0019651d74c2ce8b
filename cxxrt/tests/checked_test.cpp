// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/checked.hpp"

#include <climits>

#include <doctest/doctest.h>

#include "bug.hpp"

using namespace cxxrt;

namespace {

template <typename A, typename B>
concept Adds = requires(A a, B b) { checked_add(a, b); };

template <typename T>
concept Aligns = requires(T value) { checked_align_up(value, value); };

template <typename T>
bool overflows(Result<T> result)
{
	return !result.ok() && result.error() == Errno::kOverflow;
}

} // namespace

static_assert(Adds<int, int> && !Adds<int, long>, "mixed types are cast first");
static_assert(!Adds<bool, bool> && !Adds<char, char>);
static_assert(Aligns<unsigned long> && !Aligns<long>);

TEST_CASE("sums, differences and products that fit")
{
	CHECK(checked_add(INT_MAX - 1, 1).take() == INT_MAX);
	CHECK(checked_sub(1u, 1u).take() == 0);
	CHECK(checked_mul(0x10000ul, 0x10000ul).take() == 0x100000000ul);
	CHECK(checked_mul(-2, INT_MAX / 2).take() == -INT_MAX + 1);
}

TEST_CASE("those that do not fit are errors")
{
	CHECK(overflows(checked_add(INT_MAX, 1)));
	CHECK(overflows(checked_add(ULONG_MAX, 1ul)));
	CHECK(overflows(checked_sub(0u, 1u)));
	CHECK(overflows(checked_sub(INT_MIN, 1)));
	CHECK(overflows(checked_mul(ULONG_MAX / 2 + 1, 2ul)));
	CHECK(overflows(checked_mul(INT_MIN, -1)));
}

TEST_CASE("small types overflow at their own size")
{
	unsigned char byte = 255, one = 1;
	CHECK(overflows(checked_add(byte, one)));
	short big = SHRT_MAX, two = 2;
	CHECK(overflows(checked_mul(big, two)));
}

TEST_CASE("a cast keeps the number or fails")
{
	CHECK(checked_cast<unsigned char>(255ul).take() == 255);
	CHECK(overflows(checked_cast<unsigned char>(256ul)));
	CHECK(overflows(checked_cast<unsigned long>(-1)));
	CHECK(overflows(checked_cast<int>(ULONG_MAX)));
	CHECK(checked_cast<long>(-1).take() == -1);
}

TEST_CASE("alignment goes down, or up unless it overflows")
{
	CHECK(align_down(0x1fffu, 0x1000u) == 0x1000);
	CHECK(align_down(0x2000u, 0x1000u) == 0x2000);
	CHECK(checked_align_up(0x1001u, 0x1000u).take() == 0x2000);
	CHECK(checked_align_up(0x1000u, 0x1000u).take() == 0x1000);
	CHECK(checked_align_up(0u, 0x1000u).take() == 0);
	CHECK(overflows(checked_align_up(ULONG_MAX, 0x1000ul)));
	CHECK(is_aligned(0x2000u, 0x1000u));
	CHECK_FALSE(is_aligned(0x2008u, 0x1000u));
}

TEST_CASE("only a power of two is an alignment")
{
	CHECK(is_power_of_two(1u));
	CHECK(is_power_of_two(ULONG_MAX / 2 + 1));
	CHECK_FALSE(is_power_of_two(0u));
	CHECK_FALSE(is_power_of_two(6u));
	CHECK(is_bug([] { (void)align_down(1u, 0u); }));
	CHECK(is_bug([] { (void)checked_align_up(1u, 3u).ok(); }));
}
