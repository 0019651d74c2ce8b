// SPDX-License-Identifier: GPL-2.0-or-later
// What the glue asks of a file's region for direct calls: its pages one by one, and what happens when the driver gives them up.
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("pages");

TEST_CASE("a page comes with a reference, and only while the region has it")
{
	for (const unsigned method : kRamMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		CHECK(ptelab_pages(file->session) == 8);
		page *const page = ptelab_page_get(file->session, 7);
		REQUIRE(page != nullptr);
		CHECK(page->head->refs == 2);
		CHECK(ptelab_find(file->session, page->pfn) == 8);
		Kernel::get().put(page);
		CHECK(ptelab_page_get(file->session, 8) == nullptr);
		CHECK(ptelab_page_get(file->session, ~0UL) == nullptr);
		REQUIRE(revoke(file) == 0);
		CHECK(ptelab_page_get(file->session, 7) == nullptr);
		REQUIRE(restore(file) == 0);
		Kernel::get().put(ptelab_page_get(file->session, 7));
	}
}

TEST_CASE("a device has no page, but a place for each pfn")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_IOMAP);
	CHECK(ptelab_page_get(file->session, 0) == nullptr);
	CHECK(ptelab_find(file->session, fake::kDevicePfn + 7) == 8);
	CHECK(ptelab_find(file->session, fake::kDevicePfn + 8) == 0);
	CHECK(ptelab_contiguous(file->session, 0, 8));
	CHECK(ptelab_own_space(file->session) == nullptr);
}

TEST_CASE("pages are in a row or they are not, and never past the end")
{
	for (const unsigned backing : kRamBackings) {
		CAPTURE(backing);
		Module module;
		Process user;
		file *const file = user.open(module, PTELAB_BARE);
		REQUIRE(setup(file, {.backing = backing, .pages = 8}) == 0);
		const bool block = backing == PTELAB_BACKING_COMPOUND || backing == PTELAB_BACKING_SPLIT;
		CHECK(ptelab_contiguous(file->session, 3, 1));
		CHECK(ptelab_contiguous(file->session, 0, 8) == block);
		CHECK(ptelab_contiguous(file->session, 6, 2) == block);
		CHECK_FALSE(ptelab_contiguous(file->session, 0, 9));
		CHECK_FALSE(ptelab_contiguous(file->session, 7, 2));
		CHECK_FALSE(ptelab_contiguous(file->session, 8, 1));
		CHECK_FALSE(ptelab_contiguous(file->session, ~0UL, 2));
	}
}

TEST_CASE("a file has a space of its own once REGION_SETUP gave it a region")
{
	for (const unsigned method : kRamMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		CHECK(ptelab_own_space(file->session) == nullptr);
		REQUIRE(setup(file, {}) == 0);
		CHECK(ptelab_own_space(file->session) == file->mapping);
	}
}

TEST_CASE("what a method is like is told: filled at mmap, counted pages")
{
	Module module;
	Process user;
	for (unsigned method = 1; method < PTELAB_METHODS; method++) {
		CAPTURE(method);
		const file *const file = user.open(module, method);
		const bool counts = is_one_of(kCountingMethods, method) || method == PTELAB_MAP_PAGES_ZERO ||
				    method == PTELAB_REMAP_VMALLOC || method == PTELAB_HUGE_FOLIO;
		CHECK(ptelab_counts_pages(file->session) == counts);
		CHECK(ptelab_fills_at_mmap(file->session) == (is_eager(method) || method == PTELAB_MAP_PAGES_ZERO));
	}
}

TEST_CASE("zapping everywhere leaves nothing, private copies included, and revokes nothing")
{
	for (const unsigned method : kLazyMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		for (unsigned i = 0; i < 8; i++)
			user.write(page_at(map, i), i);
		ptelab_zap_everywhere(file->session);
		CHECK(user.present() == 0);
		CHECK(user.read(page_at(map, 3)) == value(3));
	}
}

TEST_CASE("who passes the gate keeps REVOKE waiting, and nobody passes while it is in force")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_BARE);
	const Mapped map = user.mmap(file, 1);
	REQUIRE(map.ok());
	REQUIRE(ptelab_gate_enter(file->session));
	CHECK(file->mapping->gate.mine());
	// Leaving takes no lock that a mapper holds who waits for the gate behind REVOKE.
	ptelab_gate_leave(file->session);
	REQUIRE(revoke(file) == 0);
	CHECK_FALSE(ptelab_gate_enter(file->session));
	CHECK_FALSE(file->mapping->gate.mine());
	CHECK(ptelab_fault_revoked(file->session));
	REQUIRE(restore(file) == 0);
	CHECK_FALSE(ptelab_fault_revoked(file->session));
}

TEST_CASE("pages that are dropped while mapped live on in the page tables until they are unmapped")
{
	for (const unsigned method : kCountingMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const long before = Kernel::get().live_pages();
		REQUIRE(setup(file, {.backing = PTELAB_BACKING_SINGLE, .pages = 4}) == 0);
		const Mapped map = user.mmap(file, 4);
		for (unsigned i = 0; i < 4; i++)
			CHECK(user.write(page_at(map, i), 10 + i).ok());
		REQUIRE(unmap(file, 3, 1) == 0);
		REQUIRE(ptelab_drop_pages(file->session) == 0);
		CHECK(Kernel::get().live_pages() == before + 3);
		CHECK(stats(file).pages_freed == 4);
		CHECK(user.read(page_at(map, 1)) == value(11));
		CHECK(lookup(file, page_at(map, 1)).page == 2);
		// What is not mapped is gone, for every way to ask.
		CHECK(user.read(page_at(map, 3)) == kSigbus);
		CHECK(user.read(page_at(map, 3)) == kSigbus);
		CHECK(ptelab_page_get(file->session, 1) == nullptr);
		CHECK(read_at(file, 0, 1) == -ENODEV);
		const Mapped again = user.mmap(file, 4);
		if (is_eager(method))
			CHECK(again.error() == -ENODEV);
		else
			CHECK(user.read(again.at()) == kSigbus);
		user.munmap(page_at(map, 1), 1);
		CHECK(Kernel::get().live_pages() == before + 2);
		// Nothing brings it back, and it is not dropped twice.
		CHECK(restore(file) == -ENODEV);
		REQUIRE(ptelab_drop_pages(file->session) == 0);
		CHECK(stats(file).pages_freed == 4);
		REQUIRE(revoke(file) == 0);
		CHECK(user.present() == 0);
		CHECK(Kernel::get().live_pages() == before);
		CHECK(restore(file) == -ENODEV);
	}
}

TEST_CASE("pages are dropped only where mappings count them, from a region of the file's own, each allocated alone")
{
	for (unsigned method = 1; method < PTELAB_METHODS; method++)
		for (const unsigned backing : kRamBackings) {
			if (!takes_backing(method, backing))
				continue;
			CAPTURE(method);
			CAPTURE(backing);
			Module module;
			Process user;
			file *const shared = user.open(module, method);
			CHECK(ptelab_drop_pages(shared->session) == -EOPNOTSUPP);
			file *const file = user.open(module, method);
			REQUIRE(setup(file, {.backing = backing, .pages = 4}) == 0);
			const bool fits = ptelab_counts_pages(file->session) && backing == PTELAB_BACKING_SINGLE;
			CHECK(ptelab_drop_pages(file->session) == (fits ? 0 : -EOPNOTSUPP));
		}
}

TEST_CASE("a fault injection that fails the access says how")
{
	const auto outcome = [](unsigned action) {
		Module module;
		Process user;
		file *const file = user.open(module, PTELAB_FAULT_PAGE);
		REQUIRE(setup(file, {.fault_action = action, .fault_times = 1}) == 0);
		const Mapped map = user.mmap(file, 1);
		const Outcome seen = user.read(map.at()).outcome;
		CHECK(stats(file).fault_errors == 1);
		CHECK(user.read(map.at()) == value(0));
		return seen;
	};
	CHECK(outcome(PTELAB_FAULT_SIGSEGV) == Outcome::kSegv);
	CHECK(outcome(PTELAB_FAULT_HWPOISON) == Outcome::kHwPoison);
}

TEST_CASE("a fault that is answered with nothing comes again at once")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	REQUIRE(setup(file, {.fault_action = PTELAB_FAULT_NOTHING, .fault_times = 5}) == 0);
	CHECK(user.read(user.mmap(file, 1).at()) == value(0));
	CHECK(stats(file).faults == 6);
	CHECK(stats(file).fault_errors == 0);
}

TEST_SUITE_END();
