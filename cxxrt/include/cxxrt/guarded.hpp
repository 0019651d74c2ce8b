// SPDX-License-Identifier: GPL-2.0-or-later
// A datum that can't be touched without its lock: `state.with([](State &s) { … })`. The lock itself lives in a C struct,
// where it has the right size and lockdep class, and is lent by reference. Says nothing about the order of locks, and
// can't keep a lambda from storing the address of what it was shown.
#pragma once

#include "cxxrt/traits.hpp"
#include "cxxrt/utility.hpp"

namespace cxxrt {

template <typename L>
concept Lock = requires(L &lock)
{
	lock.lock();
	lock.unlock();
};

template <typename T, typename L>
class Guarded;

template <typename T, Lock L>
class Guarded<T, L &> {
public:
	template <typename... Args>
	[[gnu::always_inline]] explicit Guarded(L &lock, Args &&...args) : lock_{lock}, value_{cxxrt::forward<Args>(args)...}
	{
	}
	Guarded(const Guarded &) = delete;
	Guarded &operator=(const Guarded &) = delete;
	[[gnu::always_inline]] ~Guarded() = default;

	template <typename F>
	[[gnu::always_inline]] decltype(auto) with(F &&use)
	{
		static_assert(!Reference<decltype(use(value_))>, "a reference would outlive the lock");
		Held held{lock_};
		return use(value_);
	}

	// For a lock that can be waited for until a fatal signal comes: then the answer is killed, and nothing was used.
	template <typename F>
	[[gnu::always_inline]] auto with_killable(F &&use, decltype(use(*static_cast<T *>(nullptr))) killed)
	{
		static_assert(!Reference<decltype(use(value_))>, "a reference would outlive the lock");
		if (!lock_.lock_killable())
			return killed;
		Held held{lock_, Taken{}};
		return use(value_);
	}

private:
	struct Taken {};

	class Held {
	public:
		[[gnu::always_inline]] explicit Held(L &lock) : lock_{lock} { lock_.lock(); }
		[[gnu::always_inline]] Held(L &lock, Taken) : lock_{lock} {}
		Held(const Held &) = delete;
		Held &operator=(const Held &) = delete;
		[[gnu::always_inline]] ~Held() { lock_.unlock(); }

	private:
		L &lock_;
	};

	L &lock_;
	T value_;
};

} // namespace cxxrt
