// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/result.hpp"

#include <cerrno>

#include <doctest/doctest.h>

#include "bug.hpp"
#include "fixtures.hpp"

using namespace cxxrt;

namespace {

struct Pair {
	int first, second;
};

Result<int> half(int value)
{
	if (value % 2 != 0)
		return Errno::kInval;
	return value / 2;
}

Result<int> quarter(int value)
{
	return CXXRT_TRY(half(CXXRT_TRY(half(value))));
}

Result<void> reach(int value, int &steps)
{
	steps = 1;
	CXXRT_TRY(half(value));
	steps = 2;
	CXXRT_TRY(from_kernel(value == 6 ? -ENODEV : 0));
	steps = 3;
	return {};
}

Result<Counted> make_counted(int &lives, bool fail)
{
	if (fail)
		return Errno::kNoMem;
	return Counted{lives};
}

Result<Counted> pass_on(int &lives, bool fail)
{
	auto counted = CXXRT_TRY(make_counted(lives, fail));
	CHECK(counted.holds());
	return counted;
}

template <typename R>
concept ValueOfTemporary = requires(R make()) { make().value(); };

template <typename R>
concept CopyConstructible = requires(const R &from) { R(from); };

template <typename R>
concept Assignable = requires(R &to, R &&from) { to = cxxrt::move(from); };

template <typename To, typename From>
concept MakesResult = requires(From from) { Result<To>{from}; };

} // namespace

static_assert(TriviallyCopyable<Result<int>> && TriviallyCopyable<Result<Pair>> && TriviallyCopyable<Result<void>>);
static_assert(!TriviallyCopyable<Result<Counted>>);
static_assert(sizeof(Result<int>) == 2 * sizeof(int) && sizeof(Result<void>) == sizeof(int));
static_assert(Result<int>{7}.ok() && !Result<int>{Errno::kIo}.ok(), "usable in constant expressions");

static_assert(CopyConstructible<Result<int>> && !CopyConstructible<Result<Counted>>);
static_assert(Assignable<Result<int>> && !Assignable<Result<Counted>>);
static_assert(!ValueOfTemporary<Result<int>>, "value() would dangle; take() does not");
static_assert(!MakesResult<Pair, int> && !MakesResult<int *, int>);
static_assert(!MakesResult<void, int>, "an int is not an Errno; see from_kernel()");

TEST_CASE("a result holds its value or its error")
{
	auto good = half(4);
	REQUIRE(good.ok());
	CHECK(good.value() == 2);
	good.value() = 5;
	const auto &view = good;
	CHECK(view.value() == 5);

	auto bad = half(3);
	REQUIRE_FALSE(bad.ok());
	CHECK(bad.error() == Errno::kInval);
}

TEST_CASE("asking for what is not there is a bug")
{
	CHECK(is_bug([] { (void)half(4).error(); }));
	CHECK(is_bug([] { half(3).take(); }));
	CHECK(is_bug([] {
		auto bad = half(3);
		(void)bad.value();
	}));
	CHECK(is_bug([] {
		const auto bad = half(3);
		(void)bad.value();
	}));
	CHECK(is_bug([] { (void)Result<void>{}.error(); }));
	CHECK(is_bug([] { Result<void>{Errno::kIo}.take(); }));
}

TEST_CASE("zero is not an error number")
{
	CHECK(is_bug([] { (void)Result<int>{static_cast<Errno>(0)}.ok(); }));
	CHECK(is_bug([] { (void)Result<void>{static_cast<Errno>(-5)}.ok(); }));
}

TEST_CASE("CXXRT_TRY gives the value")
{
	auto result = quarter(12);
	REQUIRE(result.ok());
	CHECK(result.value() == 3);
}

TEST_CASE("CXXRT_TRY returns the error from where it stands")
{
	int steps = 0;
	CHECK(quarter(6).error() == Errno::kInval);
	CHECK(reach(3, steps).error() == Errno::kInval);
	CHECK(steps == 1);
	CHECK(reach(6, steps).error() == Errno::kNoDev);
	CHECK(steps == 2);
	CHECK(reach(4, steps).ok());
	CHECK(steps == 3);
}

TEST_CASE("a move-only value is moved and destroyed once")
{
	int lives = 0;
	{
		auto result = pass_on(lives, false);
		REQUIRE(result.ok());
		CHECK(lives == 1);
		Counted taken = move(result).take();
		CHECK(lives == 1);
		CHECK_FALSE(result.value().holds());
	}
	CHECK(lives == 0);
}

TEST_CASE("an error in place of a move-only value destroys nothing")
{
	int lives = 0;
	{
		auto result = pass_on(lives, true);
		CHECK(result.error() == Errno::kNoMem);
		auto moved = move(result);
		CHECK(moved.error() == Errno::kNoMem);
	}
	CHECK(lives == 0);
}

TEST_CASE("kernel status codes convert both ways")
{
	CHECK(from_kernel(0).ok());
	CHECK(from_kernel(17).ok());
	CHECK(from_kernel(-EBUSY).error() == Errno::kBusy);
	CHECK(to_kernel({}) == 0);
	CHECK(to_kernel(Errno::kBusy) == -EBUSY);
	CHECK(to_kernel(from_kernel(-512)) == -512);
}
