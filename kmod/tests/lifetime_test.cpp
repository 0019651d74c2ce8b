// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab_test.hpp"

TEST_SUITE_BEGIN("lifetime");

TEST_CASE("a file's own region lives exactly as long as its last mapping or descriptor")
{
	for (const unsigned method : kRamMethods)
		for (const bool close_first : {false, true}) {
			CAPTURE(method);
			CAPTURE(close_first);
			Module module;
			Process user;
			file *const file = user.open(module, method);
			const long before = Kernel::get().live_pages();
			REQUIRE(setup(file, {.pages = 5}) == 0);
			const Mapped map = user.mmap(file, 5);
			CHECK(Kernel::get().live_pages() == before + 5);
			if (close_first) {
				user.close(file);
				CHECK(user.write(map.at(), 1).ok());
				user.munmap(page_at(map, 1), 3);
				CHECK(Kernel::get().live_pages() == before + 5);
				user.munmap(map.at(), 5);
			} else {
				user.munmap(map.at(), 5);
				CHECK(Kernel::get().live_pages() == before + 5);
				user.close(file);
			}
			CHECK(Kernel::get().live_pages() == before);
		}
}

TEST_CASE("a child keeps the region of a parent that is gone")
{
	for (const unsigned method : kRamMethods) {
		Module module;
		Process child;
		Mapped map{0};
		{
			Process parent;
			file *const file = parent.open(module, method);
			REQUIRE(setup(file, {.pages = 4}) == 0);
			map = parent.mmap(file, 4);
			parent.write(map.at(), 9);
			parent.fork_into(child);
		}
		child.run();
		CHECK(child.read(map.at()) == value(9));
		CHECK(child.write(page_at(map, 3), 1).ok());
	}
}

TEST_CASE("a page that somebody has pinned outlives its region")
{
	for (const unsigned backing : kRamBackings) {
		CAPTURE(backing);
		Module module;
		{
			// The node's own memory stays.
			Process first;
			first.open(module, PTELAB_FAULT_PAGE);
		}
		const long before = Kernel::get().live_pages();
		page *pinned = nullptr;
		{
			Process user;
			file *const file = user.open(module, PTELAB_FAULT_PAGE);
			REQUIRE(setup(file, {.backing = backing, .pages = 4}) == 0);
			pinned = ptelab_page_get(file->session, 2);
			REQUIRE(pinned);
		}
		CHECK(Kernel::get().live_pages() == before + (backing == PTELAB_BACKING_COMPOUND ? 4 : 1));
		Kernel::get().put(pinned);
		CHECK(Kernel::get().live_pages() == before);
	}
}

TEST_CASE("the device is held with one memory type at a time, for as long as a file uses it")
{
	Module module;
	Process user;
	const ptelab_region_setup uncached{.cache = PTELAB_CACHE_UNCACHED};
	const ptelab_region_setup combining{.cache = PTELAB_CACHE_WRITE_COMBINING};
	file *const one = user.open(module, PTELAB_IOMAP);
	file *const other = user.open(module, PTELAB_IOMAP);
	file *const third = user.open(module, PTELAB_IOMAP);
	REQUIRE(setup(one, combining) == 0);
	CHECK(setup(other, uncached) == -EBUSY);
	CHECK(user.mmap(third, 1).error() == -EBUSY);
	CHECK(read_at(third, 0, 1) == -EBUSY);
	CHECK(setup(other, combining) == 0);
	user.close(one);
	CHECK(setup(third, uncached) == -EBUSY);
	user.close(other);
	CHECK(setup(third, uncached) == 0);
	const Mapped map = user.mmap(third, 1);
	REQUIRE(map.ok());
	CHECK(lookup(third, map.at()).cache == PTELAB_CACHE_UNCACHED);
}

TEST_CASE("a read takes hold of the device, and its own file may still change the type")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_IOMAP);
	CHECK(read_at(file, 0, 1) == 1);
	CHECK(Kernel::get().device()->holders == 1);
	REQUIRE(setup(file, {.cache = PTELAB_CACHE_WRITE_COMBINING}) == 0);
	CHECK(Kernel::get().device()->holders == 1);
	const Mapped map = user.mmap(file, 1);
	CHECK(lookup(file, map.at()).cache == PTELAB_CACHE_WRITE_COMBINING);
	user.exit();
	CHECK(Kernel::get().device()->holders == 0);
}

TEST_CASE("asking past the end of the device does not take hold of it")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_IOMAP);
	CHECK(read_at(file, 8 * 4096, 1) == 0);
	CHECK(user.mmap(file, 9).error() == -EINVAL);
	CHECK(Kernel::get().device()->holders == 0);
}

TEST_CASE("a session knows its node, and a node's region is as large as a block can be")
{
	Module module{{.max_order = 2, .pmd_pages = 4}, 16};
	Process user;
	for (const unsigned method : kAllMethods) {
		file *const file = user.open(module, method);
		CHECK(ptelab_session_method(file->session) == method);
		CHECK(query(file).pages == (default_backing(method) == PTELAB_BACKING_SPLIT ? 4 : 16));
	}
	CHECK(query(user.open(module, PTELAB_HUGE_FOLIO)).pages == 4);
}

TEST_CASE("where a PMD maps too much of the memory, huge_folio has a region as the others have, and it is mapped by pages")
{
	Module module{{.pmd_pages = 8, .pmd_fits = false}, 16};
	Process user;
	file *const file = user.open(module, PTELAB_HUGE_FOLIO);
	CHECK(query(file).pages == 16);
	const Mapped map = user.mmap(file, 16);
	CHECK(user.write(map.at(), 5) == value(5));
	CHECK(user.present() == 1);
	CHECK_FALSE((lookup(file, map.at()).state & PTELAB_PTE_HUGE) != 0);
}

TEST_SUITE_END();
