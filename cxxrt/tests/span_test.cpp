// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/span.hpp"

#include <doctest/doctest.h>

#include "bug.hpp"

using cxxrt::Span;

namespace {

int numbers[] = {1, 2, 3, 4};

int sum(Span<const int> values)
{
	int total = 0;
	for (int value : values)
		total += value;
	return total;
}

template <typename To, typename From>
concept Converts = requires(From from, void take(To)) { take(from); };

} // namespace

static_assert(Converts<Span<const int>, Span<int>>);
static_assert(!Converts<Span<int>, Span<const int>>, "constness is not dropped");
static_assert(!Converts<Span<long>, Span<int>>);
static_assert(!Converts<Span<int>, int *>, "a pointer has no length");

TEST_CASE("a span of an array has all of it")
{
	Span span{numbers};
	CHECK(span.data() == numbers);
	CHECK(span.size() == 4);
	CHECK_FALSE(span.empty());
	CHECK(span[3] == 4);
	CHECK(sum(span) == 10);
}

TEST_CASE("a default span is empty")
{
	Span<int> span;
	CHECK(span.empty());
	CHECK(span.begin() == span.end());
	CHECK(span.part(0, 0).empty());
}

TEST_CASE("parts are counted from the beginning")
{
	Span span{numbers};
	CHECK(sum(span.first(2)) == 3);
	CHECK(sum(span.part(1, 2)) == 5);
	CHECK(span.part(4, 0).empty());
}

TEST_CASE("leaving the bounds is a bug")
{
	CHECK(is_bug([] { (void)Span{numbers}[4]; }));
	CHECK(is_bug([] { (void)Span<int>{}[0]; }));
	CHECK(is_bug([] { (void)Span{numbers}.first(5); }));
	CHECK(is_bug([] { (void)Span{numbers}.part(5, 0); }));
	CHECK(is_bug([] { (void)Span{numbers}.part(2, 3); }));
	CHECK(is_bug([] { (void)Span{numbers}.part(1, ~cxxrt::Size{0}); }));
}
