// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("hook injection");

namespace {

constexpr const char *kAnswers = "?NEBAZFOPG";	// by enum ptelab_answer

// What the next calls of a hook are answered with.
std::string answers(file *file, unsigned hook, unsigned count)
{
	std::string seen;
	for (unsigned i = 0; i < count; i++) {
		const ptelab_injection injection = ptelab_hook_answer(file->session, hook);
		CHECK(injection.hook == hook);
		REQUIRE(injection.answer < PTELAB_ANSWERS);
		seen += kAnswers[injection.answer];
	}
	return seen;
}

// Which answers INJECT takes for a hook.
std::string takes(unsigned hook)
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	std::string taken;
	for (unsigned answer = 0; answer <= PTELAB_ANSWERS; answer++) {
		const int error = inject(file, {.hook = hook, .answer = answer, .error = answer == PTELAB_ANSWER_ERROR});
		CHECK((error == 0 || error == -EINVAL));
		if (!error)
			taken += kAnswers[answer];
	}
	return taken;
}

} // namespace

TEST_CASE("every hook answers as it always does until a INJECT says otherwise")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	for (unsigned hook = 1; hook < PTELAB_HOOKS; hook++)
		CHECK(answers(file, hook, 3) == "NNN");
}

TEST_CASE("a hook has the answers that make sense for it, and no others")
{
	CHECK(takes(PTELAB_HOOK_MMAP) == "NEZ");
	CHECK(takes(PTELAB_HOOK_MAY_SPLIT) == "NE");
	CHECK(takes(PTELAB_HOOK_MREMAP) == "NE");
	CHECK(takes(PTELAB_HOOK_MPROTECT) == "NE");
	CHECK(takes(PTELAB_HOOK_HUGE_FAULT) == "NFOP");
	CHECK(takes(PTELAB_HOOK_PAGE_MKWRITE) == "NBA");
	CHECK(takes(PTELAB_HOOK_PFN_MKWRITE) == "NBAZ");
	CHECK(takes(PTELAB_HOOK_MMAP_PREPARE) == "NEG");
	CHECK(takes(PTELAB_HOOK_MAPPED) == "NEZ");
	for (const unsigned hook : {0U, unsigned{PTELAB_HOOK_OPEN}, unsigned{PTELAB_HOOK_CLOSE}, unsigned{PTELAB_HOOK_FAULT},
				    unsigned{PTELAB_HOOK_MAP_PAGES}, unsigned{PTELAB_HOOK_ACCESS},
				    unsigned{PTELAB_HOOK_GENERIC_ACCESS}, unsigned{PTELAB_HOOK_NAME},
				    unsigned{PTELAB_HOOK_RELEASE}, unsigned{PTELAB_HOOKS}, ~0U})
		CHECK(takes(hook) == "");
}

TEST_CASE("an answer begins after so many calls of the hook and ends after so many more, counted from the INJECT on")
{
	const auto injected = [](unsigned long long after, unsigned long long count) {
		Module module;
		Process user;
		file *const file = user.open(module, PTELAB_FAULT_PAGE);
		answers(file, PTELAB_HOOK_MREMAP, 3);	// before the INJECT: not counted
		const ptelab_injection arg{
			.hook = PTELAB_HOOK_MREMAP, .answer = PTELAB_ANSWER_ERROR, .error = EIO, .after = after, .times = count};
		REQUIRE(inject(file, arg) == 0);
		return answers(file, PTELAB_HOOK_MREMAP, 5);
	};
	CHECK(injected(0, 0) == "EEEEE");
	CHECK(injected(2, 0) == "NNEEE");
	CHECK(injected(0, 2) == "EENNN");
	CHECK(injected(1, 3) == "NEEEN");
	CHECK(injected(1, ~0ULL) == "NEEEE");
	CHECK(injected(~0ULL, 0) == "NNNNN");
}

TEST_CASE("a second INJECT takes the place of the first and counts anew, other hooks and files have their own")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	::file *const other = user.open(module, PTELAB_FAULT_PAGE);
	REQUIRE(inject(file, {.hook = PTELAB_HOOK_PFN_MKWRITE, .answer = PTELAB_ANSWER_SIGBUS}) == 0);
	CHECK(answers(file, PTELAB_HOOK_PFN_MKWRITE, 2) == "BB");
	CHECK(answers(file, PTELAB_HOOK_PAGE_MKWRITE, 1) == "N");
	CHECK(answers(other, PTELAB_HOOK_PFN_MKWRITE, 1) == "N");
	REQUIRE(inject(file, {.hook = PTELAB_HOOK_PFN_MKWRITE, .answer = PTELAB_ANSWER_ZAP, .after = 1}) == 0);
	CHECK(answers(file, PTELAB_HOOK_PFN_MKWRITE, 2) == "NZ");
	REQUIRE(inject(file, {.hook = PTELAB_HOOK_PFN_MKWRITE, .answer = PTELAB_ANSWER_NORMAL}) == 0);
	CHECK(answers(file, PTELAB_HOOK_PFN_MKWRITE, 2) == "NN");
}

TEST_CASE("INJECT refuses each field that is out of range, and leaves the injection that there was")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	const ptelab_injection right{
		.hook = PTELAB_HOOK_MMAP, .answer = PTELAB_ANSWER_ERROR, .error = ENOMEM, .after = 0, .times = 0, .pages = 2};
	REQUIRE(inject(file, right) == 0);
	const auto spoilt = [&](auto &&spoil) {
		ptelab_injection arg = right;
		spoil(arg);
		return inject(file, arg);
	};
	CHECK(spoilt([](ptelab_injection &arg) { arg.flags = 1; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.reserved[0] = 1; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.reserved[1] = 1ULL << 63; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.error = 0; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.error = 4096; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.answer = PTELAB_ANSWER_ZAP; }) == -EINVAL);
	// A bad page may have an error or none, and a number.
	for (const unsigned error : {0U, unsigned{EIO}})
		CHECK(spoilt([&](ptelab_injection &arg) {
			arg.hook = PTELAB_HOOK_MMAP_PREPARE;
			arg.answer = PTELAB_ANSWER_BAD_PAGE;
			arg.error = error;
		}) == 0);
	// Else pages are for an mmap that fails.
	CHECK(spoilt([](ptelab_injection &arg) { arg.hook = PTELAB_HOOK_MAPPED; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.hook = PTELAB_HOOK_MMAP_PREPARE; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) { arg.hook = PTELAB_HOOK_MREMAP; }) == -EINVAL);
	CHECK(spoilt([](ptelab_injection &arg) {
		arg.answer = PTELAB_ANSWER_ZAP;
		arg.error = 0;
	}) == -EINVAL);
	const ptelab_injection kept = ptelab_hook_answer(file->session, PTELAB_HOOK_MMAP);
	CHECK(kept.answer == PTELAB_ANSWER_ERROR);
	CHECK(kept.error == ENOMEM);
	CHECK(kept.pages == 2);
	CHECK(spoilt([](ptelab_injection &arg) { arg.error = 511; }) == 0);
}

TEST_CASE("a huge fault that is injected to fall back maps the page alone")
{
	for (const unsigned method : {PTELAB_HUGE_PFN, PTELAB_HUGE_FOLIO}) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(inject(file, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = PTELAB_ANSWER_FALLBACK, .times = 1}) == 0);
		const Mapped map = user.mmap(file, 8);
		CHECK(user.read(map.at()).ok());
		CHECK(user.present() == 1);
		CHECK(stats(file).faults == 1);
		REQUIRE(unmap(file, 0, 0) == 0);
		CHECK(user.read(map.at()).ok());
		CHECK(user.present() == 8);
	}
}

TEST_SUITE_END();
