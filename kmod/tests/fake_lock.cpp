// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_lock.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace fake {
namespace {

struct Held {
	Rank rank;
	const Lock *lock;
	bool exclusive;
};

thread_local std::vector<Held> held;

auto find(const Lock *lock)
{
	return std::find_if(held.begin(), held.end(), [&](const Held &one) { return one.lock == lock; });
}

void check_order(Rank rank, const Lock *lock)
{
	if (find(lock) != held.end())
		bug("a lock is taken twice");
	for (const Held &one : held)
		if (one.rank >= rank)
			bug("a lock is taken out of order");
}

void forget_held(const Lock *lock, bool exclusive)
{
	const auto one = find(lock);
	if (one == held.end() || one->exclusive != exclusive)
		bug("a lock is dropped that is not held");
	held.erase(one);
}

} // namespace

void bug(const char *what)
{
	std::fprintf(stderr, "fake kernel BUG: %s\n", what);
	std::abort();
}

void Lock::lock()
{
	check_order(rank_, this);
	mutex_.lock();
	held.push_back({rank_, this, true});
}

// Waits for nobody, so that the order does not matter.
bool Lock::try_lock()
{
	if (mine())
		bug("a lock is taken twice");
	if (!mutex_.try_lock())
		return false;
	held.push_back({rank_, this, true});
	return true;
}

void Lock::unlock()
{
	forget_held(this, true);
	mutex_.unlock();
}

void Lock::lock_shared()
{
	check_order(rank_, this);
	mutex_.lock_shared();
	held.push_back({rank_, this, false});
}

bool Lock::lock(const std::atomic<bool> *fatal_signal)
{
	check_order(rank_, this);
	while (!mutex_.try_lock()) {
		if (*fatal_signal)
			return false;
		std::this_thread::yield();
	}
	held.push_back({rank_, this, true});
	return true;
}

bool Lock::lock_shared(const std::atomic<bool> *fatal_signal)
{
	check_order(rank_, this);
	while (!mutex_.try_lock_shared()) {
		if (*fatal_signal)
			return false;
		std::this_thread::yield();
	}
	held.push_back({rank_, this, false});
	return true;
}

void Lock::unlock_shared()
{
	forget_held(this, false);
	mutex_.unlock_shared();
}

void Lock::note(bool exclusively)
{
	check_order(rank_, this);
	held.push_back({rank_, this, exclusively});
}

void Lock::forget()
{
	forget_held(this, mine_exclusively());
}

bool Lock::mine() const
{
	return find(this) != held.end();
}

bool Lock::mine_exclusively() const
{
	const auto one = find(this);
	return one != held.end() && one->exclusive;
}

bool holds(Rank rank)
{
	return std::any_of(held.begin(), held.end(), [&](const Held &one) { return one.rank == rank; });
}

bool holds_any()
{
	return !held.empty();
}

} // namespace fake
