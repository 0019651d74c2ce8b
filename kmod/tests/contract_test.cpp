// SPDX-License-Identifier: GPL-2.0-or-later
// What breaks a driver's contract is another module's, and is asked for by nobody without it.
#include "lab_test.hpp"

TEST_SUITE_BEGIN("contract");

using namespace fake;

namespace {

struct Asked {
	unsigned hook;
	unsigned answer;
	unsigned long long times;
};

ptelab_injection plan_of(const Asked &asked)
{
	ptelab_injection injection{};
	injection.hook = asked.hook;
	injection.answer = asked.answer;
	injection.times = asked.times;
	return injection;
}

// Of everything that INJECT takes for a hook: what is no driver's to answer.
bool is_misuse(const Asked &asked)
{
	switch (asked.answer) {
	case PTELAB_ANSWER_OTHER:
	case PTELAB_ANSWER_OTHER_PUD:
	case PTELAB_ANSWER_BAD_PAGE:
		return true;
	case PTELAB_ANSWER_AGAIN:
		return asked.times == 0;
	}
	return false;
}

bool is_misuse(const ptelab_region_setup &arg)
{
	return arg.fault_action == PTELAB_FAULT_STALE || arg.fault_action == PTELAB_FAULT_REMAP ||
	       (arg.fault_action == PTELAB_FAULT_NOTHING && !arg.fault_times);
}

} // namespace

TEST_CASE("INJECT of an answer that no driver may give is EPERM without the module that gives it, and changes nothing")
{
	unsigned misuses = 0;
	for (unsigned hook = 0; hook <= PTELAB_HOOKS; hook++)
		for (unsigned answer = 0; answer <= PTELAB_ANSWERS; answer++)
			for (const unsigned long long count : {0, 1}) {
				CAPTURE(hook);
				CAPTURE(answer);
				CAPTURE(count);
				const Asked asked{hook, answer, count};
				Module module;
				Process user;
				file *const with = user.open(module, PTELAB_FAULT_PAGE);
				file *const without = user.open(module, PTELAB_FAULT_PAGE);
				without->misuser.there = false;
				const int permitted = inject(with, plan_of(asked));
				if (permitted && answer != PTELAB_ANSWER_ERROR)
					CHECK(permitted == -EINVAL);
				const bool misuse = !permitted && is_misuse(asked);
				misuses += misuse;
				CHECK(with->misuser.held == misuse);
				CHECK(inject(without, plan_of(asked)) == (misuse ? -EPERM : permitted));
				CHECK_FALSE(without->misuser.held);
				if (misuse)
					CHECK(ptelab_hook_answer(without->session, hook).answer == PTELAB_ANSWER_NORMAL);
			}
	// AGAIN without end of two hooks, OTHER and OTHER_PUD of one, BAD_PAGE of one, these three with and without an end.
	CHECK(misuses == 2 + 2 * 3);
}

TEST_CASE("REGION_SETUP of an action that no driver may take is EPERM without the module that takes it, and the file keeps its region")
{
	unsigned misuses = 0;
	for (const unsigned method : {PTELAB_FAULT_PAGE, PTELAB_BARE})
		for (unsigned action = PTELAB_FAULT_SIGBUS; action < PTELAB_FAULT_ACTIONS; action++)
			for (const unsigned long long count : {0, 3}) {
				CAPTURE(method);
				CAPTURE(action);
				CAPTURE(count);
				ptelab_region_setup arg{};
				arg.pages = 2;
				arg.fault_action = action;
				arg.fault_times = count;
				arg.fault_delay_ms = action == PTELAB_FAULT_DELAY || action == PTELAB_FAULT_STALE;
				Module module;
				Process user;
				file *const with = user.open(module, method);
				file *const without = user.open(module, method);
				without->misuser.there = false;
				const int permitted = setup(with, arg);
				const bool misuse = !permitted && is_misuse(arg);
				misuses += misuse;
				CHECK(with->misuser.held == misuse);
				CHECK(setup(without, arg) == (misuse ? -EPERM : permitted));
				if (misuse) {
					CHECK(query(without).pages != 2);
					CHECK(without->account.pages == 0);
				}
			}
	// STALE of one node, REMAP of the other, with and without an end; NOTHING without end of both.
	CHECK(misuses == 2 + 2 + 2);
}

TEST_CASE("the fault that is to be misused is the other module's, those before and behind are served")
{
	for (const unsigned action : {PTELAB_FAULT_STALE, PTELAB_FAULT_REMAP}) {
		CAPTURE(action);
		Module module;
		Process user;
		file *const file = user.open(module, action == PTELAB_FAULT_STALE ? PTELAB_FAULT_PAGE : PTELAB_BARE);
		const unsigned delay = action == PTELAB_FAULT_STALE ? 7 : 0;
		REQUIRE(setup(file, {.fault_action = action, .fault_after = 1, .fault_times = 1, .fault_delay_ms = delay}) == 0);
		const Mapped map = user.mmap(file, 4);
		user.read(map.at());
		CHECK(file->misuser.faults == 0);
		CHECK(user.read(page_at(map, 1)) == kSigbus);
		CHECK(file->misuser.faults == 1);
		CHECK(file->misuser.last == action);
		CHECK(file->misuser.delay_ms == delay);
		user.read(page_at(map, 2));
		CHECK(file->misuser.faults == 1);
	}
}

TEST_CASE("the huge fault that is to be misused is the other module's, and after its fallback the page is served")
{
	for (const unsigned method : {PTELAB_HUGE_PFN, PTELAB_HUGE_FOLIO})
		for (const unsigned answer : {PTELAB_ANSWER_OTHER, PTELAB_ANSWER_OTHER_PUD}) {
			CAPTURE(method);
			CAPTURE(answer);
			Module module;
			Process user;
			file *const file = user.open(module, method);
			REQUIRE(setup(file, {.pages = 8}) == 0);
			REQUIRE(inject(file, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = answer, .times = 1}) == 0);
			file->misuser.code = PORT_FAULT_FALLBACK;
			const Mapped map = user.mmap(file, 8);
			CHECK(user.read(map.at()).ok());
			// A PUD is asked for as a folio alone.
			const bool asked = answer == PTELAB_ANSWER_OTHER || method == PTELAB_HUGE_FOLIO;
			CHECK(file->misuser.huge_faults == asked);
			if (asked)
				CHECK(file->misuser.last == answer);
		}
}

TEST_SUITE_END();
