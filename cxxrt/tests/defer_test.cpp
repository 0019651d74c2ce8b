// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/defer.hpp"

#include <doctest/doctest.h>

#include "cxxrt/result.hpp"
#include "fixtures.hpp"

using namespace cxxrt;

namespace {

Result<void> leave_early(int &undone)
{
	Defer undo{[&] { undone++; }};
	CXXRT_TRY(from_kernel(-5));
	undo.dismiss();
	return {};
}

using Undo = Defer<void (*)()>;

template <typename T>
concept CopiesDefer = requires(T &from) { T(from); };

template <typename T>
concept Moves = requires(T &from) { T(cxxrt::move(from)); };

} // namespace

static_assert(!CopiesDefer<Undo> && !Moves<Undo>, "it would run twice");

TEST_CASE("the action runs when the scope is left")
{
	int runs = 0;
	{
		Defer count{[&] { runs++; }};
		CHECK(runs == 0);
	}
	CHECK(runs == 1);
}

TEST_CASE("an error on the way runs it")
{
	int undone = 0;
	CHECK_FALSE(leave_early(undone).ok());
	CHECK(undone == 1);
}

TEST_CASE("a dismissed action does not run")
{
	int runs = 0;
	{
		Defer count{[&] { runs++; }};
		count.dismiss();
	}
	CHECK(runs == 0);
}

TEST_CASE("actions run in reverse order")
{
	int order = 0;
	{
		Defer outer{[&] { order = order * 10 + 1; }};
		Defer inner{[&] { order = order * 10 + 2; }};
	}
	CHECK(order == 21);
}

TEST_CASE("what the action captured dies with it")
{
	int lives = 0;
	{
		Defer keep{[held = Counted{lives}] { CHECK(held.holds()); }};
		CHECK(lives == 1);
	}
	CHECK(lives == 0);
}
