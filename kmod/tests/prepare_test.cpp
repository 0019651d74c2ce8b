// SPDX-License-Identifier: GPL-2.0-or-later
// ->mmap_prepare: what the core asks for before there is a VMA, and that REVOKE misses none that comes of it.
#include <atomic>
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("prepare");

namespace {

constexpr std::array kActing{PTELAB_PREPARE_REMAP, PTELAB_PREPARE_IOREMAP, PTELAB_PREPARE_SIMPLE_IOREMAP, PTELAB_PREPARE_MAP_PAGES};

// What the core answers to a desc of these pages, made with mmap_lock held as in ->mmap_prepare.
struct VmaDesc {
	port_vma_desc desc{};
	int error = 0;
};

VmaDesc described(file *file, unsigned long pages, unsigned long pgoff, bool exec = false)
{
	VmaDesc made;
	made.desc.span = {0x1000000, 0x1000000 + (pages << Kernel::get().shift()), pgoff};
	made.desc.awaited = &file->awaited;
	made.desc.wants_exec = exec;
	fake::current->mmap_lock.lock();
	made.error = ptelab_mmap_prepare(file->session, &made.desc);
	fake::current->mmap_lock.unlock();
	return made;
}

} // namespace

TEST_CASE("each node asks for its action, with the pages from the offset on")
{
	Module module;
	Process user;
	const auto of = [&](unsigned method) { return described(user.open(module, method), 3, 2).desc; };
	const auto first_pfn = [&](unsigned method) {
		file *const file = user.open(module, method);
		return lookup(file, user.mmap(file, 1).at()).pfn;
	};

	CHECK(of(PTELAB_PREPARE_REMAP).action == PORT_ACTION_REMAP);
	CHECK(of(PTELAB_PREPARE_REMAP).pfn == first_pfn(PTELAB_PREPARE_REMAP) + 2);
	CHECK(of(PTELAB_PREPARE_IOREMAP).action == PORT_ACTION_IOREMAP);
	CHECK(of(PTELAB_PREPARE_IOREMAP).pfn == first_pfn(PTELAB_PREPARE_IOREMAP) + 2);
	const port_vma_desc simple = of(PTELAB_PREPARE_SIMPLE_IOREMAP);
	CHECK(simple.action == PORT_ACTION_SIMPLE_IOREMAP);
	CHECK(simple.pfn == first_pfn(PTELAB_PREPARE_SIMPLE_IOREMAP));
	CHECK(simple.bytes == 8 * 4096);
	const port_vma_desc pages = of(PTELAB_PREPARE_MAP_PAGES);
	CHECK(pages.action == PORT_ACTION_MAP_PAGES);
	file *const file = user.open(module, PTELAB_PREPARE_MAP_PAGES);
	for (unsigned i = 0; i < 3; i++)
		CHECK(pages.pages[i]->pfn == lookup(file, user.mmap(file, 1, 2 + i).at()).pfn);
	const port_vma_desc plain = of(PTELAB_PREPARE_FAULT_PAGE);
	CHECK(plain.action == PORT_ACTION_NONE);
	for (const unsigned method : kPreparedMethods)
		CHECK(of(method).forbid_exec);
}

TEST_CASE("what ->mmap refuses, ->mmap_prepare refuses, and nothing is tracked")
{
	for (const unsigned method : kPreparedMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		CHECK(described(file, 9, 0).error == -EINVAL);
		CHECK(described(file, 1, 8).error == -EINVAL);
		CHECK(described(file, 1, ~0UL).error == -EINVAL);
		CHECK(described(file, 1, 0, true).error == -EACCES);
		CHECK(stats(file).map_errors == 4);
		REQUIRE(revoke(file) == 0);
		CHECK(described(file, 1, 0).error == (method == PTELAB_PREPARE_FAULT_PAGE ? 0 : -ENODEV));
		CHECK(Kernel::get().pending_mmaps == 0);
	}
}

TEST_CASE("a desc that comes to nothing is waited for as the next of the same process is, and goes with the file")
{
	for (const unsigned method : kActing) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		for (int i = 0; i < 3; i++) {
			CHECK(described(file, 2, 0).error == 0);
			CHECK(Kernel::get().pending_mmaps == 1);
		}
		Process child;
		user.run();
		user.fork_into(child);
		child.run();
		CHECK(described(file, 2, 0).error == 0);
		CHECK(Kernel::get().pending_mmaps == 2);
		child.exit();
		user.run();
		const Mapped map = user.mmap(file, 2);
		REQUIRE(map.ok());
		CHECK(stats(file).maps == 1);
		CHECK(Kernel::get().pending_mmaps == 3);	// the mapping's too
		user.munmap(map.at(), 2);
		CHECK(Kernel::get().pending_mmaps == 2);
		user.close(file);
		CHECK(Kernel::get().pending_mmaps == 0);
	}
}

TEST_CASE("an action that fails takes the VMA away with ->close")
{
	for (const unsigned method : kActing) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		// What is tracked, the VMA, the first page or the only call.
		Kernel::get().fail_call(3);
		CHECK(user.mmap(file, 4).error() == -ENOMEM);
		CHECK(user.present() == 0);
		CHECK(stats(file).maps == 1);
		CHECK(stats(file).closes == 1);
		Kernel::get().fail_call(2);
		CHECK(user.mmap(file, 4).error() == -ENOMEM);
		CHECK(stats(file).maps == 1);
		CHECK(stats(file).closes == 1);
		// And what ->mapped takes.
		Kernel::get().fail_call(method == PTELAB_PREPARE_MAP_PAGES ? 3 + 4 : 3 + 1);
		CHECK(user.mmap(file, 4).error() == -ENOMEM);
		CHECK(user.present() == 0);
		CHECK(stats(file).maps == 2);
		CHECK(stats(file).closes == 2);
	}
}

TEST_CASE("REVOKE waits for the action of a VMA that is in the rmap and not filled yet")
{
	for (const unsigned method : kActing) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		std::thread other;
		std::atomic<bool> waits{false};
		Kernel::get().on_wait_for_mmaps = [&] { waits = true; };
		Kernel::get().before_action = [&] {
			other = std::thread{[&] { CHECK(revoke(file) == 0); }};
			while (!waits)
				std::this_thread::yield();
		};
		const Mapped map = user.mmap(file, 4);
		other.join();
		REQUIRE(map.ok());
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()) == kSigbus);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(map.at()) == value(0));
	}
}

TEST_CASE("pages are dropped only when no action under way has them in its array")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_PREPARE_MAP_PAGES);
	REQUIRE(setup(file, {.pages = 4}) == 0);
	std::thread other;
	std::atomic<bool> waits{false};
	Kernel::get().on_wait_for_mmaps = [&] { waits = true; };
	Kernel::get().before_action = [&] {
		other = std::thread{[&] { CHECK(ptelab_drop_pages(file->session) == 0); }};
		while (!waits)
			std::this_thread::yield();
	};
	const Mapped map = user.mmap(file, 4);
	other.join();
	REQUIRE(map.ok());
	CHECK(user.read(map.at()) == value(0));
	CHECK(described(file, 1, 0).error == -ENODEV);
}

TEST_SUITE_END();
