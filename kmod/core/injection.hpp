// SPDX-License-Identifier: GPL-2.0
// What a hook answers in place of its normal work, and to which of its calls: INJECT says so of any hook but ->fault, REGION_SETUP of that.
#pragma once

#include "cxxrt/result.hpp"
#include "kmod/core.h"

namespace ptelab {
namespace {

struct Injection {
	unsigned answer = 0;		// enum ptelab_answer, of ->fault enum ptelab_fault_action; 0: always the normal work
	unsigned error = 0;
	unsigned delay_ms = 0;
	unsigned long long pages = 0;
	unsigned long long after = 0;	// so many calls are answered as ever first
	unsigned long long times = 0;	// then so many like this; 0: all that follow

	static cxxrt::Result<Injection> of(const ptelab_injection &injection)
	{
		if (injection.hook >= PTELAB_HOOKS || !has_answer(injection.hook, injection.answer) || injection.error > kMostErrno)
			return cxxrt::Errno::kInval;
		const bool bad_page = injection.answer == PTELAB_ANSWER_BAD_PAGE;
		const bool fails_mmap = injection.hook == PTELAB_HOOK_MMAP && injection.answer == PTELAB_ANSWER_ERROR;
		if ((!bad_page && (injection.answer == PTELAB_ANSWER_ERROR) != (injection.error != 0)) ||
		    (injection.pages && !bad_page && !fails_mmap))
			return cxxrt::Errno::kInval;
		return Injection{injection.answer, injection.error, 0, injection.pages, injection.after, injection.times};
	}

	static cxxrt::Result<Injection> of(const ptelab_traits &method, const ptelab_region_setup &arg)
	{
		const unsigned action = arg.fault_action ? arg.fault_action : static_cast<unsigned>(PTELAB_FAULT_SERVE);
		const bool delays = action == PTELAB_FAULT_DELAY || action == PTELAB_FAULT_STALE;
		if (action >= PTELAB_FAULT_ACTIONS || (delays && arg.fault_delay_ms == 0) || arg.fault_delay_ms > kMostDelay ||
		    (!delays && arg.fault_delay_ms))
			return cxxrt::Errno::kInval;
		if (action == PTELAB_FAULT_SERVE) {
			if (arg.fault_after || arg.fault_times)
				return cxxrt::Errno::kInval;
			return Injection{};
		}
		if (method.eager || (action == PTELAB_FAULT_STALE && !method.gives_pages) ||
		    (action == PTELAB_FAULT_REMAP && !method.custom))
			return cxxrt::Errno::kOpNotSupp;
		return Injection{action, 0, arg.fault_delay_ms, 0, arg.fault_after, arg.fault_times};
	}

	// What no good driver does: only with the module that is there for it. An answer that sends the caller round again is one of
	// these if it never ends.
	bool misuses(unsigned hook) const
	{
		switch (hook) {
		case PTELAB_HOOK_FAULT:
			return answer == PTELAB_FAULT_STALE || answer == PTELAB_FAULT_REMAP || (answer == PTELAB_FAULT_NOTHING && !times);
		case PTELAB_HOOK_PAGE_MKWRITE:
		case PTELAB_HOOK_PFN_MKWRITE:
			return answer == PTELAB_ANSWER_AGAIN && !times;
		case PTELAB_HOOK_HUGE_FAULT:
			return answer == PTELAB_ANSWER_OTHER || answer == PTELAB_ANSWER_OTHER_PUD;
		case PTELAB_HOOK_MMAP_PREPARE:
			return answer == PTELAB_ANSWER_BAD_PAGE;
		}
		return false;
	}

	// To the call with this number, counted from 1.
	bool applies(unsigned long long number) const
	{
		return answer && number > after && (times == 0 || number - after <= times);
	}

private:
	// What user space knows (include/uapi/asm-generic/errno.h); from 512 on they are the kernel's own, such as ERESTARTSYS.
	static constexpr unsigned kMostErrno = 511;
	static constexpr unsigned kMostDelay = 10000;

	static bool has_answer(unsigned hook, unsigned answer)
	{
		switch (hook) {
		case PTELAB_HOOK_MMAP:
		case PTELAB_HOOK_MAPPED:
			return answer == PTELAB_ANSWER_NORMAL || answer == PTELAB_ANSWER_ERROR || answer == PTELAB_ANSWER_ZAP;
		case PTELAB_HOOK_MMAP_PREPARE:
			return answer == PTELAB_ANSWER_NORMAL || answer == PTELAB_ANSWER_ERROR || answer == PTELAB_ANSWER_BAD_PAGE;
		case PTELAB_HOOK_MAY_SPLIT:
		case PTELAB_HOOK_MREMAP:
		case PTELAB_HOOK_MPROTECT:
			return answer == PTELAB_ANSWER_NORMAL || answer == PTELAB_ANSWER_ERROR;
		case PTELAB_HOOK_PAGE_MKWRITE:
			return answer == PTELAB_ANSWER_NORMAL || answer == PTELAB_ANSWER_SIGBUS || answer == PTELAB_ANSWER_AGAIN;
		case PTELAB_HOOK_PFN_MKWRITE:
			return answer == PTELAB_ANSWER_NORMAL || answer == PTELAB_ANSWER_SIGBUS ||
			       answer == PTELAB_ANSWER_AGAIN || answer == PTELAB_ANSWER_ZAP;
		case PTELAB_HOOK_HUGE_FAULT:
			return answer == PTELAB_ANSWER_NORMAL || answer == PTELAB_ANSWER_FALLBACK ||
			       answer == PTELAB_ANSWER_OTHER || answer == PTELAB_ANSWER_OTHER_PUD;
		}
		return false;
	}
};

// Of every hook that INJECT takes, counted per file, from the INJECT on. Of ->fault, which is not to take a lock, the session keeps it.
class HookInjections {
public:
	void set(unsigned hook, const Injection &injection)
	{
		CXXRT_ASSERT(hook < PTELAB_HOOKS);
		injected_[hook] = injection;
		calls_[hook] = 0;
	}

	// Counts a call of this hook, and says how it is to be answered.
	ptelab_injection answer(unsigned hook)
	{
		CXXRT_ASSERT(hook < PTELAB_HOOKS);
		const Injection &injected = injected_[hook];
		ptelab_injection injection{};
		injection.hook = hook;
		injection.answer = PTELAB_ANSWER_NORMAL;
		if (injected.applies(++calls_[hook])) {
			injection.answer = injected.answer;
			injection.error = injected.error;
			injection.pages = injected.pages;
		}
		return injection;
	}

	bool is_injected(unsigned hook, unsigned answer) const
	{
		CXXRT_ASSERT(hook < PTELAB_HOOKS);
		return injected_[hook].answer == answer;
	}

	// Whether this call is one of those that are to get just this answer; counted only if it could be.
	bool is_answered(unsigned hook, unsigned wanted)
	{
		return is_injected(hook, wanted) && answer(hook).answer == wanted;
	}

private:
	Injection injected_[PTELAB_HOOKS]{};
	unsigned long long calls_[PTELAB_HOOKS]{};
};

} // namespace
} // namespace ptelab
