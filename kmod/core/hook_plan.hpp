// SPDX-License-Identifier: GPL-2.0
// What a hook answers, and to which of its calls (PLAN). Counted per file, from the PLAN on.
#pragma once

#include "cxxrt/result.hpp"
#include "kmod/core.h"

namespace ptelab {
namespace {

class HookPlans {
public:
	cxxrt::Result<void> set(const ptelab_plan &plan)
	{
		if (plan.hook >= PTELAB_HOOKS || !has_answer(plan.hook, plan.answer) || plan.error > kMostErrno)
			return cxxrt::Errno::kInval;
		const bool bad_page = plan.answer == PTELAB_ANSWER_BAD_PAGE;
		const bool fails_mmap = plan.hook == PTELAB_HOOK_MMAP && plan.answer == PTELAB_ANSWER_ERROR;
		if ((!bad_page && (plan.answer == PTELAB_ANSWER_ERROR) != (plan.error != 0)) ||
		    (plan.pages && !bad_page && !fails_mmap))
			return cxxrt::Errno::kInval;
		plans_[plan.hook] = plan;
		calls_[plan.hook] = 0;
		return {};
	}

	// Counts a call of this hook, and says how it is to be answered.
	ptelab_plan answer(unsigned hook)
	{
		CXXRT_ASSERT(hook < PTELAB_HOOKS);
		const unsigned long long number = ++calls_[hook];
		const ptelab_plan &plan = plans_[hook];
		const bool applies = number > plan.after && (plan.count == 0 || number - plan.after <= plan.count);
		if (plan.answer && applies)
			return plan;
		ptelab_plan normal{};
		normal.hook = hook;
		normal.answer = PTELAB_ANSWER_NORMAL;
		return normal;
	}

	bool is_planned(unsigned hook, unsigned answer) const
	{
		CXXRT_ASSERT(hook < PTELAB_HOOKS);
		return plans_[hook].answer == answer;
	}

	// Whether this call is one of those that are to get just this answer; counted only if it could be.
	bool is_answered(unsigned hook, unsigned wanted)
	{
		return is_planned(hook, wanted) && answer(hook).answer == wanted;
	}

private:
	// What user space knows (include/uapi/asm-generic/errno.h); from 512 on they are the kernel's own, such as ERESTARTSYS.
	static constexpr unsigned kMostErrno = 511;

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

	ptelab_plan plans_[PTELAB_HOOKS]{};
	unsigned long long calls_[PTELAB_HOOKS]{};
};

} // namespace
} // namespace ptelab
