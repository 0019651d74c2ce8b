// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/guarded.hpp"

#include <doctest/doctest.h>

#include "cxxrt/result.hpp"

using namespace cxxrt;

namespace {

class Mutex {
public:
	void lock()
	{
		CHECK_FALSE(held_);
		held_ = true;
	}
	void unlock()
	{
		CHECK(held_);
		held_ = false;
	}
	bool held() const { return held_; }

private:
	bool held_ = false;
};

struct State {
	int count;
};

using Shared = Guarded<State, Mutex &>;

struct OnlyLocks {
	void lock() {}
};

template <typename G>
concept Reaches = requires(G &guarded) { guarded.value_; };

template <typename G>
concept CopiesGuarded = requires(const G &from) { G(from); };

template <typename L>
concept Guards = requires(L lock, void take(Guarded<State, L> &)) { sizeof(Guarded<State, L>); };

} // namespace

static_assert(Lock<Mutex> && !Lock<OnlyLocks> && !Lock<int>);
static_assert(Guards<Mutex &> && !Guards<OnlyLocks &>);
static_assert(!Guards<Mutex>, "the lock is lent, not owned");
static_assert(!Reaches<Shared> && !CopiesGuarded<Shared>);

TEST_CASE("the lock is held while the datum is used, and only then")
{
	Mutex mutex;
	Shared shared{mutex, 1};
	CHECK_FALSE(mutex.held());
	shared.with([&](State &state) {
		CHECK(mutex.held());
		state.count++;
	});
	CHECK_FALSE(mutex.held());
	CHECK(shared.with([](const State &state) { return state.count; }) == 2);
}

TEST_CASE("an early return releases the lock")
{
	Mutex mutex;
	Shared shared{mutex, 0};
	auto attempt = shared.with([](State &) -> Result<int> {
		CXXRT_TRY(from_kernel(-5));
		return 1;
	});
	CHECK(attempt.error() == Errno::kIo);
	CHECK_FALSE(mutex.held());
}

TEST_CASE("two data may share a lock")
{
	Mutex mutex;
	Shared first{mutex, 1};
	Shared second{mutex, 2};
	first.with([](State &state) { state.count = 10; });
	CHECK(second.with([](State &state) { return state.count; }) == 2);
}
