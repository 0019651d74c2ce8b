// SPDX-License-Identifier: GPL-2.0-or-later
// The nodes that are not like the others: huge leaves, pages from the first on, nothing at all.
#include <semaphore>
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("nodes");

namespace {

constexpr std::array kHugeMethods{PTELAB_HUGE_PFN, PTELAB_HUGE_FOLIO};

bool is_huge(file *file, unsigned long addr)
{
	return (lookup(file, addr).state & PTELAB_PTE_HUGE) != 0;
}

} // namespace

TEST_CASE("a PMD that is all VMA and all region is mapped by one leaf, at the first access")
{
	for (const unsigned method : kHugeMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		CHECK(user.write(page_at(map, 5), 55) == value(55));
		CHECK(user.present() == 8);
		CHECK(stats(file).faults == 0);
		for (unsigned long i = 0; i < 8; i++) {
			CHECK(is_huge(file, page_at(map, i)));
			CHECK(lookup(file, page_at(map, i)).page == i + 1);
		}
		CHECK(user.read(page_at(map, 5)) == value(55));
		CHECK(word_at(file, 5 * 4096) == 55);
	}
}

TEST_CASE("where no leaf fits, each page is mapped by itself")
{
	for (const unsigned method : kHugeMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const auto one_by_one = [&](const Mapped &map, unsigned long page) {
			const unsigned long before = user.present();
			CHECK(user.read(page_at(map, page)).ok());
			CHECK(user.present() == before + 1);
			CHECK_FALSE(is_huge(file, page_at(map, page)));
		};
		one_by_one(user.mmap(file, 7), 3);	// the VMA ends before the PMD does
		one_by_one(user.mmap(file, 8), 3);	// it begins in the middle of one
	}
	Module module;
	Process user;
	// An offset in the region: the folio is mapped from its start only.
	file *const file = user.open(module, PTELAB_HUGE_FOLIO);
	REQUIRE(setup(file, {.pages = 16}) == 0);
	const Mapped map = user.mmap(file, 8, 8);
	CHECK(user.read(map.at()).ok());
	CHECK(user.present() == 1);
}

TEST_CASE("a leaf needs one compound page, at an aligned pfn, or one folio")
{
	const auto leaf = [](unsigned method, const ptelab_region_setup &arg, unsigned long pgoff, const Personality &personality = {}) {
		Module module{personality};
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(setup(file, arg) == 0);
		const Mapped map = user.mmap(file, 8, pgoff);
		CHECK(user.read(map.at()).ok());
		return is_huge(file, map.at());
	};
	CHECK(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_COMPOUND, .pages = 16}, 0));
	CHECK(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_COMPOUND, .pages = 16}, 8));
	CHECK(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_COMPOUND, .pages = 8}, 0));
	CHECK_FALSE(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_COMPOUND, .pages = 16}, 4));
	CHECK_FALSE(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_SPLIT, .pages = 16}, 0));
	CHECK_FALSE(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_SINGLE, .pages = 8}, 0));
	CHECK_FALSE(leaf(PTELAB_HUGE_PFN, {.backing = PTELAB_BACKING_VMALLOC, .pages = 8}, 0));
	CHECK(leaf(PTELAB_HUGE_FOLIO, {.backing = PTELAB_BACKING_COMPOUND, .pages = 8}, 0));
	CHECK_FALSE(leaf(PTELAB_HUGE_FOLIO, {.backing = PTELAB_BACKING_COMPOUND, .pages = 16}, 0));
	CHECK_FALSE(leaf(PTELAB_HUGE_FOLIO, {.backing = PTELAB_BACKING_SPLIT, .pages = 8}, 0));
	// Nor where the kernel has no such call, or no such pages.
	for (const unsigned method : kHugeMethods)
		CHECK_FALSE(leaf(method, {.pages = 8}, 0, {.features = PTELAB_HAS_ZAP_VMA}));
	CHECK_FALSE(leaf(PTELAB_HUGE_PFN, {.pages = 8}, 0, {.pmd_pages = 0}));
}

TEST_CASE("a private mapping of a folio is copied page by page, never written through a leaf")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_HUGE_FOLIO);
	const Mapped copy = user.mmap(file, 8, 0, kPrivate);
	CHECK(user.write(copy.at(), 6) == value(6));
	CHECK(user.present() == 1);
	CHECK(word_at(file, 0) == 0);
}

TEST_CASE("a leaf goes as a whole, whichever part is taken away, and comes back as a whole")
{
	for (const unsigned method : kHugeMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		user.write(page_at(map, 7), 7);
		ptelab_zap arg = zap_arg(page_at(map, 2), 1);
		REQUIRE(zap(file, arg) == 0);
		CHECK(arg.present_before == 1);
		CHECK(arg.present_after == 0);
		CHECK(user.present() == 0);
		CHECK(user.read(page_at(map, 7)) == value(7));
		CHECK(user.present() == 8);
		REQUIRE(unmap(file, 0, 1) == 0);
		CHECK(user.present() == 0);
		user.read(map.at());
		user.munmap(page_at(map, 4), 1);
		CHECK(user.read(page_at(map, 7)) == value(7));
		CHECK(user.present() == 1);
	}
}

TEST_CASE("REVOKE takes leaves too, and while it is in force ->fault is what answers")
{
	for (const unsigned method : kHugeMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		user.write(page_at(map, 1), 9);
		REQUIRE(revoke(file) == 0);
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()) == kSigbus);
		CHECK(stats(file).faults == 1);
		CHECK(stats(file).fault_errors == 1);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(page_at(map, 1)) == value(9));
		CHECK(user.present() == 8);
	}
}

TEST_CASE("a hole is mapped by one entry, or not at all")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_HUGE_PFN);
	CHECK(setup(file, {.backing = PTELAB_BACKING_HOLE, .pages = 64}) == -EINVAL);
	REQUIRE(setup(file, {.backing = PTELAB_BACKING_HOLE}) == 0);
	CHECK(query(file).pages == 64);
	CHECK(query(file).backing == PTELAB_BACKING_HOLE);
	const Mapped part = user.mmap(file, 32);
	CHECK(user.read(part.at()) == kSigbus);
	CHECK(user.present() == 0);
	// Each begins an odd number of pages after the last one: one of them where a PUD does.
	Mapped map = user.mmap(file, 64);
	for (int i = 0; i < 64 && (map.at() & 0x3ffff); i++)
		map = user.mmap(file, 64);
	REQUIRE((map.at() & 0x3ffff) == 0);
	CHECK(user.read(page_at(map, 5)).ok());
	CHECK(user.present() == 64);
	CHECK(lookup(file, page_at(map, 63)).page == 64);
	REQUIRE(revoke(file) == 0);
	CHECK(user.present() == 0);
	CHECK(user.read(map.at()) == kSigbus);
	REQUIRE(restore(file) == 0);
	CHECK(user.read(page_at(map, 5)).ok());
	CHECK(user.present() == 64);
	// No part of it goes.
	for (const auto &each : {std::pair{0UL, 1UL}, {0UL, 63UL}, {1UL, 63UL}, {1UL, 0UL}, {1UL, 64UL}}) {
		const unsigned long page = each.first, pages = each.second;
		CAPTURE(page);
		CAPTURE(pages);
		ptelab_zap arg = zap_arg(page_at(map, page), pages);
		CHECK(zap(file, arg) == (pages == 64 ? -ERANGE : -EINVAL));
		CHECK(unmap(file, page, pages) == -EINVAL);
		CHECK(user.present() == 64);
	}
	CHECK(user.munmap(map.at(), 32) == -EINVAL);
	CHECK(user.munmap(page_at(map, 32), 32) == -EINVAL);
	CHECK(user.present() == 64);
	// All of it does.
	for (const unsigned long pages : {0UL, 64UL, 65UL}) {
		CHECK(unmap(file, 0, pages) == 0);
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()).ok());
	}
	ptelab_zap all = zap_arg(map.at(), 64);
	CHECK(zap(file, all) == 0);
	CHECK(all.present_before == 64);
	CHECK(all.present_after == 0);
	CHECK(user.read(map.at()).ok());
	CHECK(user.munmap(map.at(), 64) == 0);
	for (const unsigned method : {PTELAB_HUGE_FOLIO, PTELAB_FAULT_INSERT_PFN, PTELAB_BARE})
		CHECK(setup(user.open(module, method), {.backing = PTELAB_BACKING_HOLE}) == -EOPNOTSUPP);
	::file *const other = user.open(module, PTELAB_HUGE_PFN);
	Kernel::get().fail_call(1);
	CHECK(setup(other, {.backing = PTELAB_BACKING_HOLE}) == -ENOMEM);
	Kernel::get().fail_call(2);
	CHECK(setup(other, {.backing = PTELAB_BACKING_HOLE}) == -ENOMEM);
}

TEST_CASE("of two threads that fill one PMD, by a leaf and by a page, the second finds what the first did")
{
	const auto race = [](std::function<void()> Kernel::*when, unsigned method, bool leaf_first) {
		CAPTURE(method);
		CAPTURE(leaf_first);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		// The call that comes first falls back, and the other is made while it, or what comes after it, is on its way.
		REQUIRE(inject(file, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = PTELAB_ANSWER_FALLBACK, .times = 1}) == 0);
		Kernel::get().*when = [&] {
			std::thread{[&] {
				user.run();
				CHECK(user.write(page_at(map, 2), 5) == value(5));
			}}.join();
		};
		CHECK(user.write(page_at(map, 3), 6) == value(6));
		CHECK(user.read(page_at(map, 2)) == value(5));
		CHECK(is_huge(file, page_at(map, 3)) == leaf_first);
		CHECK(user.present() == (leaf_first ? 8 : 2));
	};
	race(&Kernel::before_fault, PTELAB_HUGE_PFN, true);
	for (const unsigned method : kHugeMethods)
		race(&Kernel::before_huge, method, false);
}

TEST_CASE("a page that ->fault has given, but that is not mapped yet, keeps another thread from a leaf")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_HUGE_FOLIO);
	const Mapped map = user.mmap(file, 8);
	REQUIRE(inject(file, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = PTELAB_ANSWER_FALLBACK, .times = 1}) == 0);
	std::counting_semaphore<2> given{0}, decided{0};
	std::thread other;
	// Nothing is mapped when we go to ->huge_fault; there, another has been given a page; we wait for its lock in ->fault.
	Kernel::get().before_huge = [&] {
		Kernel::get().before_pte = [&] {
			Kernel::get().before_fault = [&] { decided.release(); };
			given.release();
			decided.acquire();
		};
		other = std::thread{[&] {
			user.run();
			CHECK(user.write(page_at(map, 2), 5) == value(5));
		}};
		given.acquire();
	};
	CHECK(user.write(page_at(map, 3), 6) == value(6));
	decided.release();
	other.join();
	CHECK(user.present() == 2);
	CHECK_FALSE(is_huge(file, page_at(map, 3)));
	// No memory for the page table: no page either, and no reference of one is left.
	const Mapped again = user.mmap(file, 8);
	REQUIRE(inject(file, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = PTELAB_ANSWER_FALLBACK, .times = 1}) == 0);
	Kernel::get().fail_call(1);
	CHECK(user.read(again.at()).outcome == Outcome::kOom);
	CHECK(user.present() == 2);
}

TEST_CASE("a leaf for which there is no memory is told, and is not there")
{
	for (const unsigned method : kHugeMethods) {
		Module module;
		Process user;
		const Mapped map = user.mmap(user.open(module, method), 8);
		Kernel::get().fail_call(1);
		CHECK(user.read(map.at()).outcome == Outcome::kOom);
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()) == value(0));
	}
}

TEST_CASE("fork leaves leaves behind, and the child gets its own")
{
	for (const unsigned method : kHugeMethods) {
		Module module;
		Process parent, child;
		parent.run();
		const Mapped map = parent.mmap(parent.open(module, method), 8);
		parent.write(map.at(), 3);
		parent.fork_into(child);
		CHECK(child.present() == 0);
		child.run();
		CHECK(child.read(map.at()) == value(3));
		CHECK(child.present() == 8);
	}
}

TEST_CASE("map_pages_zero maps from the first page on, whatever the offset")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_MAP_PAGES_ZERO);
	const Mapped all = user.mmap(file, 8);
	for (unsigned long i = 0; i < 8; i++)
		user.write(page_at(all, i), 100 + i);
	for (const unsigned long pgoff : {1UL, 7UL, 8UL, 1UL << 40}) {
		CAPTURE(pgoff);
		const Mapped map = user.mmap(file, 3, pgoff);
		REQUIRE(map.ok());
		CHECK(user.read(map.at()) == value(100));
		CHECK(user.read(page_at(map, 2)) == value(102));
		// And so after a REVOKE.
		REQUIRE(revoke(file) == 0);
		CHECK(user.read(map.at()) == kSigbus);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(page_at(map, 2)) == value(102));
	}
	CHECK(user.mmap(file, 9, 0).error() == -EINVAL);
	CHECK(user.mmap(file, 9, 100).error() == -EINVAL);
}

TEST_CASE("map_pages_zero knows its pages when a part of the mapping is gone")
{
	for (const unsigned long pgoff : {0UL, 5UL}) {
		CAPTURE(pgoff);
		Module module;
		Process user;
		file *const file = user.open(module, PTELAB_MAP_PAGES_ZERO);
		const Mapped map = user.mmap(file, 8, pgoff);
		for (unsigned long i = 0; i < 8; i++) {
			user.write(page_at(map, i), 100 + i);
			CHECK(lookup(file, page_at(map, i)).page == i + 1);
		}
		user.munmap(map.at(), 2);
		user.munmap(page_at(map, 4), 1);
		REQUIRE(revoke(file) == 0);
		REQUIRE(restore(file) == 0);
		for (const unsigned long i : {2UL, 3UL, 5UL, 7UL}) {
			CHECK(user.read(page_at(map, i)) == value(100 + i));
			CHECK(lookup(file, page_at(map, i)).page == i + 1);
		}
	}
}

TEST_CASE("insert_pages at the fault goes 16 pages far, and no further than the VMA and the region")
{
	const auto around = [](unsigned long pages, unsigned long pgoff, unsigned long touched, unsigned long map_pages) {
		Module module;
		Process user;
		file *const file = user.open(module, PTELAB_FAULT_INSERT_PAGES);
		REQUIRE(setup(file, {.pages = pages}) == 0);
		const Mapped map = user.mmap(file, map_pages, pgoff);
		CHECK(user.read(page_at(map, touched)).ok());
		CHECK(stats(file).faults == 1);
		CHECK(lookup(file, page_at(map, touched)).page == pgoff + touched + 1);
		return user.present();
	};
	CHECK(around(40, 0, 0, 40) == 16);
	CHECK(around(40, 0, 30, 40) == 10);
	CHECK(around(40, 4, 1, 8) == 7);
	CHECK(around(1, 0, 0, 1) == 1);
}

TEST_CASE("insert_pages at the fault stops where a page is, and serves the fault if it got as far")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_INSERT_PAGES);
	const Mapped map = user.mmap(file, 8);
	user.read(page_at(map, 4));
	CHECK(user.read(map.at()).ok());
	CHECK(user.present() == 8);
	REQUIRE(unmap(file, 0, 8) == 0);
	// The second page fails: the first is there, and was asked for.
	Kernel::get().fail_call(2);
	CHECK(user.read(map.at()) == value(0));
	CHECK(user.present() == 1);
	Kernel::get().fail_call(1);
	CHECK(user.read(page_at(map, 1)).outcome == Outcome::kOom);
}

TEST_CASE("a mapping that grew past the region gets pages up to its end, then SIGBUS")
{
	Module module;
	Process user;
	const Mapped map = user.mmap(user.open(module, PTELAB_FAULT_INSERT_PAGES), 4, 4);
	REQUIRE(user.grow(map.at(), 8));
	CHECK(user.read(map.at()).ok());
	CHECK(user.present() == 4);
	CHECK(user.read(page_at(map, 4)) == kSigbus);
}

TEST_CASE("the bare node maps nothing by itself")
{
	Module module;
	Process user;
	file *const bare = user.open(module, PTELAB_BARE);
	CHECK(user.read(user.mmap(bare, 8).at()) == kSigbus);
}

TEST_SUITE_END();
