// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/traits.hpp"

#include <doctest/doctest.h>

using namespace cxxrt;

namespace {

struct Plain {
	int member;
};

struct Owner {
	~Owner() {}
};

enum class Colour { kRed };

} // namespace

static_assert(SameAs<RemoveReference<int &>, int>);
static_assert(SameAs<RemoveReference<const int &&>, const int>);
static_assert(SameAs<RemoveReference<int>, int>);
static_assert(!SameAs<int, const int>);

static_assert(LvalueReference<int &>);
static_assert(!LvalueReference<int &&>);
static_assert(!LvalueReference<int>);
static_assert(Reference<int &>);
static_assert(Reference<int &&>);
static_assert(!Reference<int *>);

static_assert(TriviallyCopyable<Plain>);
static_assert(!TriviallyCopyable<Owner>);

static_assert(Integer<long> && Integer<unsigned char>);
static_assert(!Integer<bool> && !Integer<char>, "neither is a number");
static_assert(!Integer<Colour> && !Integer<int *> && !Integer<double>);
static_assert(UnsignedInteger<unsigned short> && UnsignedInteger<unsigned long long>);
static_assert(!UnsignedInteger<int> && !UnsignedInteger<bool>);

TEST_CASE("a type is the same as itself where a template deduces it")
{
	auto deduced = []<typename T>(T &&) { return LvalueReference<T>; };
	int variable = 0;
	CHECK(deduced(variable));
	CHECK_FALSE(deduced(0));
}
