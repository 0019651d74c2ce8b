// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/box.hpp"

#include <doctest/doctest.h>

#include "bug.hpp"
#include "fixtures.hpp"
#include "hosted/hooks.hpp"

using namespace cxxrt;
using cxxrt::hosted::fail_allocation;
using cxxrt::hosted::live_blocks;

namespace {

struct Point {
	int x, y;
};

template <typename B>
concept CopiesBox = requires(const B &from) { B(from); };

template <typename B>
concept Assigns = requires(B &to, B &from) { to = cxxrt::move(from); };

template <typename B, typename... Args>
concept Constructs = requires(Args... args) { B{args...}; };

template <typename B>
concept ReleasesNamed = requires(B &box) { box.release(); };

} // namespace

static_assert(!CopiesBox<Box<int>> && !Assigns<Box<int>>);
static_assert(!Constructs<Box<int>> && !Constructs<Box<int>, int *>, "only make() and adopt() give one");
static_assert(!ReleasesNamed<Box<int>>, "move() says that the box is empty afterwards");
static_assert(sizeof(Box<int>) == sizeof(int *));

TEST_CASE("a box owns one object")
{
	int lives = 0;
	{
		auto box = Box<Counted>::make(lives);
		REQUIRE(box.ok());
		CHECK(lives == 1);
		CHECK(live_blocks() == 1);
		CHECK(box.value()->holds());
		CHECK((*box.value()).holds());
	}
	CHECK(lives == 0);
	CHECK(live_blocks() == 0);
}

TEST_CASE("an aggregate is made from its members")
{
	auto box = Box<Point>::make(3, 4);
	REQUIRE(box.ok());
	CHECK(box.value()->x == 3);
	CHECK(box.value()->y == 4);
}

TEST_CASE("no memory is an error and constructs nothing")
{
	int lives = 0;
	fail_allocation(1);
	auto box = Box<Counted>::make(lives);
	REQUIRE_FALSE(box.ok());
	CHECK(box.error() == Errno::kNoMem);
	CHECK(lives == 0);
	CHECK(live_blocks() == 0);
}

TEST_CASE("moving hands over the object")
{
	int lives = 0;
	{
		auto first = Box<Counted>::make(lives).take();
		Box<Counted> second = move(first);
		CHECK(lives == 1);
		CHECK(second->holds());
	}
	CHECK(lives == 0);
}

TEST_CASE("an object travels through C and back")
{
	int lives = 0;
	Counted *kept = Box<Counted>::make(lives).take().release();
	CHECK(lives == 1);
	CHECK(live_blocks() == 1);
	{
		auto box = Box<Counted>::adopt(kept);
	}
	CHECK(lives == 0);
	CHECK(live_blocks() == 0);
}

TEST_CASE("using an empty box is a bug")
{
	auto use = [](auto access) {
		return is_bug([access] {
			auto first = Box<Point>::make(1, 2).take();
			auto second = move(first);
			access(first);
		});
	};
	CHECK(use([](auto &box) { (void)box->x; }));
	CHECK(use([](auto &box) { (void)(*box).x; }));
}
