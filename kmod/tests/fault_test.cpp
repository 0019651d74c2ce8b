// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("fault injection");

namespace {

// Touches page 0, 1, 2, … and answers what happened to each: '.' served, 'B' SIGBUS, 'O' out of memory, '?' else.
std::string touches(unsigned method, const ptelab_region_setup &injection, unsigned count)
{
	Module module;
	Process user;
	file *const file = user.open(module, method);
	REQUIRE(setup(file, injection) == 0);
	const Mapped map = user.mmap(file, 8);
	std::string seen;
	for (unsigned i = 0; i < count; i++) {
		switch (user.read(page_at(map, i)).outcome) {
		case Outcome::kOk:
			seen += '.';
			break;
		case Outcome::kSigbus:
			seen += 'B';
			break;
		case Outcome::kOom:
			seen += 'O';
			break;
		default:
			seen += '?';
		}
	}
	CHECK(stats(file).fault_errors == static_cast<unsigned>(std::count_if(seen.begin(), seen.end(), [](char c) {
		return c == 'B' || c == 'O';
	})));
	return seen;
}

} // namespace

TEST_CASE("an action begins after so many faults and ends after so many more")
{
	for (const unsigned method : kLazyMethods) {
		CAPTURE(method);
		CHECK(touches(method, {}, 6) == "......");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_SIGBUS}, 6) == "BBBBBB");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = 2}, 6) == "..BBBB");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_times = 2}, 6) == "BB....");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = 1, .fault_times = 3}, 6) == ".BBB..");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = 1, .fault_times = ~0ULL}, 6) == ".BBBBB");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = ~0ULL}, 6) == "......");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_OOM, .fault_times = 1}, 3) == "O..");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_DELAY, .fault_delay_ms = 1}, 2) == "..");
		CHECK(touches(method, {.fault_action = PTELAB_FAULT_RETRY, .fault_times = 5}, 2) == "..");
	}
}

TEST_CASE("a page that is present does not fault, and so is not counted")
{
	for (const unsigned method : kLazyMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		for (int i = 0; i < 3; i++)
			CHECK(user.write(map.at(), 1).ok());
		CHECK(stats(file).faults == 1);
	}
}

TEST_CASE("a delay takes as long as was asked and then serves")
{
	for (const unsigned method : kLazyMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(setup(file, {.fault_action = PTELAB_FAULT_DELAY, .fault_after = 1, .fault_times = 2, .fault_delay_ms = 30}) == 0);
		const Mapped map = user.mmap(file, 8);
		for (unsigned i = 0; i < 4; i++)
			CHECK(user.read(page_at(map, i)).ok());
		CHECK(Kernel::get().delayed_ms == 60);
	}
}

TEST_CASE("who is killed while delayed is not served")
{
	for (const unsigned method : kLazyMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(setup(file, {.fault_action = PTELAB_FAULT_DELAY, .fault_delay_ms = 1}) == 0);
		const Mapped map = user.mmap(file, 1);
		Kernel::get().fatal_signal = true;
		CHECK(user.read(map.at()) == kSigbus);
		CHECK(user.present() == 0);
	}
}

TEST_CASE("a retry for ever is the user's own endless loop")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	REQUIRE(setup(file, {.fault_action = PTELAB_FAULT_RETRY}) == 0);
	CHECK(user.read(user.mmap(file, 1).at()).outcome == Outcome::kEndless);
	CHECK(stats(file).fault_errors == 0);
}

TEST_CASE("where the lock cannot be dropped, a retry serves instead")
{
	for (const unsigned method : kLazyMethods) {
		Module module{{.faults_under_vma_lock = true}};
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(setup(file, {.fault_action = PTELAB_FAULT_RETRY}) == 0);
		CHECK(user.read(user.mmap(file, 1).at()) == value(0));
		CHECK(stats(file).faults == 1);
	}
}

TEST_CASE("after a retry has dropped the lock nothing of the VMA, the file or the session is used")
{
	for (const unsigned method : kLazyMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(setup(file, {.fault_action = PTELAB_FAULT_RETRY}) == 0);
		const Mapped map = user.mmap(file, 8);
		// Another thread unmaps and closes at the very moment at which it can. What the handler reads after that is freed
		// memory, and the address sanitizer says so.
		Kernel::get().on_retry = [&] {
			user.close(file);
			user.munmap(map.at(), 8);
		};
		CHECK(user.read(map.at()) == kSegv);
		CHECK(Kernel::get().files == 0);
	}
}

TEST_CASE("a fault that the kernel cannot serve is answered as the kernel's own are")
{
	for (const unsigned method : {PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_INSERT_PFN}) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 1);
		Kernel::get().fail_call(1);
		CHECK(user.read(map.at()).outcome == Outcome::kOom);
		CHECK(stats(file).fault_errors == 1);
		CHECK(user.read(map.at()) == value(0));
	}
}

TEST_SUITE_END();
