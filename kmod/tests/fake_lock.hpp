// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's locks with what lockdep would say: a real lock each, so that threads race for real, and a check that each thread
// takes them in the order that port.h promises and none of them twice.
#pragma once

#include <atomic>
#include <shared_mutex>

namespace fake {

// Where the kernel would BUG, WARN, or go wrong in silence.
[[noreturn]] void bug(const char *what);

// port.h: "Lock order". Each is taken only while no lock of the same or a later rank is held.
enum class Rank { kRevoke, kMmap, kSession, kPage, kGate, kLeaf, kRmap };

class Lock {
public:
	explicit Lock(Rank rank) : rank_{rank} {}
	Lock(const Lock &) = delete;
	Lock &operator=(const Lock &) = delete;

	void lock();
	bool try_lock();
	void unlock();
	void lock_shared();
	// false: it had to be waited for, and a fatal signal is pending.
	bool lock(const std::atomic<bool> *fatal_signal);
	bool lock_shared(const std::atomic<bool> *fatal_signal);
	void unlock_shared();

	// Of a lock that is another's work: that this thread is about to have it, and gives it back.
	void note(bool exclusively);
	void forget();

	bool mine() const;		// this thread holds it, in whatever way
	bool mine_exclusively() const;

private:
	const Rank rank_;
	std::shared_mutex mutex_;
};

bool holds(Rank rank);
bool holds_any();

} // namespace fake
