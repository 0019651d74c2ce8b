// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/utility.hpp"

#include <new>

#include <doctest/doctest.h>

#include "fixtures.hpp"

namespace {

template <typename T>
int category(T &&value)
{
	struct Overload {
		static int of(int &) { return 1; }
		static int of(const int &) { return 2; }
		static int of(int &&) { return 3; }
	};
	return Overload::of(cxxrt::forward<T>(value));
}

} // namespace

template <typename T>
concept ForwardsRvalueAs = requires { cxxrt::forward<T>(0); };

static_assert(cxxrt::SameAs<decltype(cxxrt::move(*static_cast<int *>(nullptr))), int &&>);
static_assert(ForwardsRvalueAs<int>);
static_assert(sizeof(cxxrt::Size) == sizeof(void *));

TEST_CASE("forward keeps the value category")
{
	int variable = 0;
	const int constant = 0;
	CHECK(category(variable) == 1);
	CHECK(category(constant) == 2);
	CHECK(category(0) == 3);
}

TEST_CASE("exchange gives the old value")
{
	int number = 1;
	CHECK(cxxrt::exchange(number, 2) == 1);
	CHECK(number == 2);
	int *pointer = &number;
	CHECK(cxxrt::exchange(pointer, nullptr) == &number);
	CHECK(pointer == nullptr);
}

TEST_CASE("construct makes classes and aggregates where it is told")
{
	struct Pair {
		int first, second;
	};
	alignas(Pair) unsigned char room[sizeof(Pair)];
	auto *pair = cxxrt::construct<Pair>(room, 3, 4);
	CHECK(static_cast<void *>(pair) == room);
	CHECK(pair->second == 4);

	int lives = 0;
	alignas(Counted) unsigned char more[sizeof(Counted)];
	auto *counted = cxxrt::construct<Counted>(more, lives);
	CHECK(lives == 1);
	counted->~Counted();
	CHECK(lives == 0);
}

TEST_CASE("the placement new of <new> still works beside ours")
{
	alignas(int) unsigned char room[sizeof(int)];
	CHECK(*new (room) int{5} == 5);
}
