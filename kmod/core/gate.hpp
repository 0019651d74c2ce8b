// SPDX-License-Identifier: GPL-2.0
// The gate of a region. Whatever puts something into page tables passes it, and REVOKE closes it and waits for those inside. Each fault
// passes and hardly one meets a REVOKE: so entering is one atomic operation and a branch on what it left, leaving is the same, and
// nothing is called.
#pragma once

#include "cxxrt/badge.hpp"
#include "cxxrt/result.hpp"
#include "kmod/port.h"

namespace ptelab {
namespace {

class GateState;

// A gate, passed and found open: what is inserted while it lives, a later REVOKE finds. GateState alone makes it and every insert takes
// it, so that an insert elsewhere does not compile.
class Gate {
public:
	Gate(cxxrt::Badge<GateState>, unsigned long long restores) : restores_{restores} {}
	Gate(const Gate &) = delete;
	Gate &operator=(const Gate &) = delete;

	// A mapping that was filled at mmap before the last of them is filled on access.
	unsigned long long restores() const { return restores_; }

private:
	unsigned long long restores_;
};

// One word: how many are inside, and above that what stands in the way of the next. Who enters and who closes change the same word, so
// that one of them is first: who came before is waited for, who comes after sees that it is closed, and goes or waits.
class GateState {
public:
	explicit GateState(port_space *space) : space_{space} {}
	GateState(const GateState &) = delete;
	GateState &operator=(const GateState &) = delete;

	// Runs use(gate) while nobody can close the gate, or answers revoked if it is, or killed before it knows.
	template <typename F>
	auto pass(F &&use, decltype(use(*static_cast<const Gate *>(nullptr))) revoked)
	{
		if (!enter())
			return revoked;
		auto result = this->revoked() ? cxxrt::move(revoked) : use(Gate{{}, restores_});
		leave();
		return result;
	}

	// The same of a gate that nobody closes or has closed, with no wait. Else otherwise(), which leaves it first. find() is that gate:
	// asked for each time, it need not be kept.
	template <typename Find, typename F, typename G>
	[[gnu::always_inline]] static inline auto pass_at_once(Find &&find, F &&use, G &&otherwise)
	{
		find().tell_acquire(false);
		if (find().count_in() < 0) [[unlikely]]
			return otherwise();
		auto result = use(Gate{{}, find().restores_});
		if (find().count_out() < 0) [[unlikely]]
			result = find().left_shut(result);
		find().tell_release();
		return result;
	}

	// Sleeps, while somebody closes it. false: killed meanwhile. Revoked or not: who enters sees which, and it stays so.
	bool enter()
	{
		tell_acquire(false);
		while (count_in() & kClosing) {
			wake_if_last(count_out());
			if (port_space_gate_wait(space_, &state_, kClosing, true))
				continue;
			tell_release();
			return false;
		}
		return true;
	}

	void leave()
	{
		wake_if_last(count_out());
		tell_release();
	}

	// Any context. May have changed when it is told, but inside the gate, and with what keeps it closed.
	bool revoked() const { return __atomic_load_n(&state_, __ATOMIC_ACQUIRE) & kRevoked; }
	unsigned long long restores() const { return restores_; }

	// Nobody is inside after it, and who wants to enter waits until open(). One at a time: the region's revoke mutex. false: killed while
	// it waited for those inside, and all is as it was.
	bool close(bool killable)
	{
		tell_acquire(true);
		__atomic_fetch_or(&state_, kShut | kClosing, __ATOMIC_SEQ_CST);
		if (port_space_gate_wait(space_, &state_, kInside, killable))
			return true;
		open();
		return false;
	}

	void open()
	{
		const unsigned none = revoked() ? kClosing : kShut | kClosing;
		__atomic_fetch_and(&state_, ~none, __ATOMIC_SEQ_CST);
		port_space_gate_wake(space_);
		tell_release();
	}

	// Closed.
	void revoke() { __atomic_fetch_or(&state_, kRevoked, __ATOMIC_SEQ_CST); }
	void restore()
	{
		restores_++;
		__atomic_fetch_and(&state_, ~kRevoked, __ATOMIC_SEQ_CST);
	}

private:
	static constexpr unsigned kShut = 1U << 31;	// the sign: any of the two that follow
	static constexpr unsigned kClosing = 1U << 30;	// who comes waits
	static constexpr unsigned kRevoked = 1U << 29;
	static constexpr unsigned kInside = kRevoked - 1;	// how many; more than there are tasks

	// What is left, as a signed number.
	[[gnu::always_inline]] inline int count_in() { return static_cast<int>(__atomic_add_fetch(&state_, 1, __ATOMIC_SEQ_CST)); }
	[[gnu::always_inline]] inline int count_out() { return static_cast<int>(__atomic_sub_fetch(&state_, 1, __ATOMIC_SEQ_CST)); }

	// The space is there as long as somebody is about to leave: he has a VMA or a descriptor of a file that has it.
	void wake_if_last(int left)
	{
		const auto state = static_cast<unsigned>(left);
		if ((state & kClosing) && !(state & kInside))
			port_space_gate_wake(space_);
	}

	// By itself, so that who leaves an open gate keeps nothing for it. It is open again at worst.
	template <typename T>
	[[gnu::noinline]] T left_shut(T result)
	{
		port_space_gate_wake(space_);
		return result;
	}

	// To lockdep, where there is one: it is told of nothing that is not called.
	[[gnu::always_inline]] inline void tell_acquire([[maybe_unused]] bool exclusively)
	{
#ifdef PTELAB_GATE_IS_TOLD
		port_space_gate_acquire(space_, exclusively);
#endif
	}
	[[gnu::always_inline]] inline void tell_release()
	{
#ifdef PTELAB_GATE_IS_TOLD
		port_space_gate_release(space_);
#endif
	}

	unsigned state_ = 0;
	unsigned long long restores_ = 0;
	port_space *space_;
};

} // namespace
} // namespace ptelab
