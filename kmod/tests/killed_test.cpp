// SPDX-License-Identifier: GPL-2.0-or-later
// What a fatal signal ends, and that nothing is left half done; what a file's end takes back.
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("killed");

namespace {

// While a fatal signal is pending.
struct Killed {
	Killed() { Kernel::get().fatal_signal = true; }
	~Killed() { Kernel::get().fatal_signal = false; }
};

int drop(file *file)
{
	return ptelab_drop_pages(file->session);
}

} // namespace

TEST_CASE("REVOKE and RESTORE of a task that is being killed are EINTR, and change nothing")
{
	Module module;
	Process process;
	process.run();
	file *const file = process.open(module, PTELAB_FAULT_PAGE);
	{
		const Killed killed;
		CHECK(revoke(file) == -EINTR);
		CHECK(restore(file) == -EINTR);
	}
	CHECK(query(file).revoked == 0);
	CHECK(revoke(file) == 0);
	{
		const Killed killed;
		CHECK(revoke(file) == -EINTR);
		CHECK(restore(file) == -EINTR);
	}
	CHECK(query(file).revoked == 1);
	CHECK(restore(file) == 0);
	process.close(file);
}

TEST_CASE("killed while it waits for a mmap, REVOKE gives back what it had closed")
{
	Module module;
	Process process;
	process.run();
	file *const file = process.open(module, PTELAB_INSERT_PAGE);
	const Mapped map = process.mmap(file, 4);
	Kernel::get().on_wait_for_mmaps = [] { Kernel::get().fatal_signal = true; };
	const int told = revoke(file);
	Kernel::get().fatal_signal = false;
	Kernel::get().on_wait_for_mmaps = nullptr;
	CHECK((told == 0 || told == -EINTR));
	if (told) {
		CHECK(query(file).revoked == 0);
		CHECK(process.read(page_at(map, 0)) == value(0));
	}
	process.close(file);
}

TEST_CASE("REGION_SETUP and DROP_ALL of a task that is being killed are EINTR, and nothing is taken or charged")
{
	Module module;
	Process process;
	process.run();
	file *const file = process.open(module, PTELAB_FAULT_PAGE);
	ptelab_region_setup arg{};
	arg.pages = 8;
	{
		const Killed killed;
		CHECK(setup(file, arg) == -EINTR);
		CHECK(file->account.pages == 0);
	}
	CHECK(setup(file, arg) == 0);
	CHECK(file->account.pages == 8);
	{
		const Killed killed;
		CHECK(drop(file) == -EINTR);
	}
	CHECK(query(file).revoked == 0);
	CHECK(drop(file) == 0);
	process.close(file);
}

TEST_CASE("a node is revoked as long as a file that revoked it is open, or until a RESTORE")
{
	Module module;
	Process process;
	process.run();
	file *const watcher = process.open(module, PTELAB_FAULT_PAGE), *const first = process.open(module, PTELAB_FAULT_PAGE),
	     *const second = process.open(module, PTELAB_FAULT_PAGE);
	CHECK(revoke(first) == 0);
	CHECK(revoke(second) == 0);
	CHECK(revoke(second) == 0);
	process.close(second);
	CHECK(query(watcher).revoked == 1);
	CHECK(restore(watcher) == 0);
	CHECK(revoke(watcher) == 0);
	process.close(first);	// whose REVOKE is over
	CHECK(query(watcher).revoked == 1);
	ptelab_region_setup arg{};
	CHECK(setup(watcher, arg) == 0);
	file *const last = process.open(module, PTELAB_FAULT_PAGE);
	CHECK(query(last).revoked == 0);
	process.close(last);
	process.close(watcher);
}

TEST_CASE("who asks for a file's state waits for no REGION_SETUP that allocates")
{
	Module module;
	Process process;
	file *const file = process.open(module, PTELAB_FAULT_PAGE);
	int told = 1, second = 1;
	// Killed, so that a wait would be an error.
	Kernel::get().on_alloc = [&] {
		const Killed killed;
		std::thread([&] {
			ptelab_query arg{};
			told = ptelab_ioctl_query(file->session, &arg);
		}).join();
	};
	CHECK(setup(file, {.pages = 4}) == 0);
	CHECK(told == 0);
	CHECK(setup(file, {.pages = 4}) == -EBUSY);
	process.close(file);

	// Of two at once one is the first.
	struct file *const raced = process.open(module, PTELAB_FAULT_PAGE);
	Kernel::get().on_alloc = [&] { second = setup(raced, {.pages = 2}); };
	CHECK(setup(raced, {.pages = 4}) == -EBUSY);
	CHECK(second == 0);
	CHECK(query(raced).pages == 2);
	CHECK(raced->account.pages == 2);
	process.close(raced);
}

TEST_CASE("a fault of a task that is being killed waits for no page lock")
{
	Module module;
	Process process;
	process.run();
	file *const file = process.open(module, PTELAB_FAULT_PAGE);
	const Mapped map = process.mmap(file, 4);
	fake::Touch told = value(0);
	// The first fault has given the page, locked, and its entry is not set yet.
	Kernel::get().before_pte = [&] {
		const Killed killed;
		std::thread([&] { told = process.read(page_at(map, 1)); }).join();
	};
	CHECK(process.read(page_at(map, 1)) == value(0));
	CHECK(told == kSigbus);
	CHECK(process.read(page_at(map, 1)) == value(0));
	process.close(file);
}

TEST_SUITE_END();
