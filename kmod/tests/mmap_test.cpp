// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab_test.hpp"

TEST_SUITE_BEGIN("mmap");

TEST_CASE("what one mapping writes, every other mapping of the node reads")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process one, other;
		one.run();
		const Mapped mine = one.mmap(one.open(module, method), 8);
		other.run();
		const Mapped theirs = other.mmap(other.open(module, method), 4, 4);
		REQUIRE(mine.ok());
		REQUIRE(theirs.ok());
		for (unsigned i = 0; i < 4; i++) {
			CHECK(one.write(page_at(mine, 4 + i), 100 + i) == value(100 + i));
			CHECK(other.read(page_at(theirs, i)) == value(100 + i));
		}
	}
}

TEST_CASE("a node's content stays when nobody maps it, and is the node's own")
{
	Module module;
	for (const unsigned method : kAllMethods) {
		Process user;
		const Mapped map = user.mmap(user.open(module, method), 1);
		CHECK(user.read(map.at()) == value(0));
		user.write(map.at(), method);
	}
	for (const unsigned method : kAllMethods) {
		Process user;
		const Mapped map = user.mmap(user.open(module, method), 1);
		CHECK(user.read(map.at()) == value(method));
	}
}

TEST_CASE("eager nodes fill the mapping at mmap, the others at the fault")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		const Mapped map = user.mmap(user.open(module, method), 4);
		REQUIRE(map.ok());
		const bool eager = is_eager(method);
		CHECK(user.present() == (eager ? 4 : 0));
		CHECK(user.read(page_at(map, 2)).ok());
		// From the page that was touched to the end of the VMA.
		CHECK(user.present() == (eager ? 4 : method == PTELAB_FAULT_INSERT_PAGES ? 2 : 1));
	}
}

TEST_CASE("every backing is mapped page for page, wherever its pages lie")
{
	for (const bool adjacent : {false, true})
		for (const unsigned method : kRamMethods)
			for (const unsigned backing : kRamBackings) {
				if (!takes_backing(method, backing))
					continue;
				CAPTURE(method);
				CAPTURE(backing);
				Module module{{.adjacent_singles = adjacent}};
				Process user;
				file *const file = user.open(module, method);
				REQUIRE(setup(file, {.backing = backing, .pages = 4}) == 0);
				const Mapped map = user.mmap(file, 4);
				REQUIRE(map.ok());
				for (unsigned long i = 0; i < 4; i++) {
					CHECK(user.write(page_at(map, i), i).ok());
					CHECK(lookup(file, page_at(map, i)).page == i + 1);
				}
				const Mapped tail = user.mmap(file, 2, 2);
				CHECK(user.read(tail.at()) == value(2));
				CHECK(user.read(page_at(tail, 1)) == value(3));
			}
}

TEST_CASE("a mapping lies inside the region, else EINVAL")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		CHECK(user.mmap(file, 8, 0).ok());
		CHECK(user.mmap(file, 1, 7).ok());
		CHECK(user.mmap(file, 9, 0).error() == -EINVAL);
		CHECK(user.mmap(file, 2, 7).error() == -EINVAL);
		CHECK(user.mmap(file, 1, 8).error() == -EINVAL);
		CHECK(user.mmap(file, 1, 1UL << 40).error() == -EINVAL);
		// Nobody asks the driver.
		CHECK(user.mmap(file, 1, ~0UL).error() == -EOVERFLOW);
		CHECK(stats(file).maps == 2);
		CHECK(stats(file).map_errors == 4);
	}
}

TEST_CASE("nothing is ever executable")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		CHECK(user.mmap(file, 1, 0, {.exec = true}).error() == -EACCES);
		CHECK(user.mmap(file, 1, 0, {.exec = true, .is_private = true}).error() == -EACCES);
		const Mapped map = user.mmap(file, 1);
		REQUIRE(map.ok());
		CHECK_FALSE(user.protect_exec(map.at()));
	}
}

TEST_CASE("a read-only file maps for reading, and can be copied into, but not written")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method, false);
		const Mapped map = user.mmap(file, 1, 0, {.write = false});
		REQUIRE(map.ok());
		CHECK(user.read(map.at()) == value(0));
		CHECK(user.write(map.at(), 1) == kSegv);
		CHECK(user.mmap(file, 1).error() == -EACCES);
	}
}

TEST_CASE("MAP_PRIVATE copies on write, but for bare pfns put in at the fault, which is EINVAL")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped shared = user.mmap(file, 8);
		const Mapped copy = user.mmap(file, 8, 0, kPrivate);
		if (method == PTELAB_FAULT_INSERT_PFN) {
			CHECK(copy.error() == -EINVAL);
			// Read-only makes no difference: mprotect() could make it writable.
			CHECK(user.mmap(file, 8, 0, {.write = false, .is_private = true}).error() == -EINVAL);
			continue;
		}
		REQUIRE(copy.ok());
		CHECK(user.write(shared.at(), 5) == value(5));
		CHECK(user.read(copy.at()) == value(5));
		CHECK(user.write(copy.at(), 6) == value(6));
		CHECK(user.read(shared.at()) == value(5));
		CHECK(user.write(page_at(copy, 1), 7) == value(7));
		CHECK(user.read(page_at(shared, 1)) == value(0));
	}
}

TEST_CASE("a private remap is one run of pages or EINVAL, and leaves nothing when it is refused")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_REMAP_PFN);
	REQUIRE(setup(file, {.backing = PTELAB_BACKING_SINGLE, .pages = 4}) == 0);
	CHECK(user.mmap(file, 4, 0, kPrivate).error() == -EINVAL);
	CHECK(user.present() == 0);
	CHECK(user.mmap(file, 1, 2, kPrivate).ok());
}

TEST_CASE("a mapping that grows reaches the end of the region and no further")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		const Mapped map = user.mmap(user.open(module, method), 4, 4);
		REQUIRE(map.ok());
		const bool fixed = is_pfnmap(method) || method == PTELAB_REMAP_VMALLOC;
		CHECK(user.grow(map.at(), 8) == !fixed);
		if (!fixed)
			CHECK(user.read(page_at(map, 4)) == kSigbus);
		CHECK(user.read(page_at(map, 3)).ok());
	}
}

TEST_CASE("fork copies the mappings, a hole splits them, and the counts tell")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process parent;
		file *const file = parent.open(module, method);
		const Mapped map = parent.mmap(file, 8);
		parent.write(map.at(), 3);
		{
			Process child;
			parent.fork_into(child);
			child.run();
			CHECK(child.read(map.at()) == value(3));
			CHECK(stats(file).opens == 1);
			CHECK(child.write(page_at(map, 7), 9) == value(9));
		}
		parent.run();
		CHECK(stats(file).closes == 1);
		CHECK(parent.read(page_at(map, 7)) == value(9));
		parent.munmap(page_at(map, 2), 2);
		CHECK(stats(file).opens == 3);
		CHECK(stats(file).closes == 2);
		CHECK(parent.read(page_at(map, 1)) == value(0));
		CHECK(parent.read(page_at(map, 2)) == kSegv);
		CHECK(parent.read(page_at(map, 7)) == value(9));
	}
}

TEST_CASE("pages are 64 KiB where the kernel's are")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module{{.page_shift = 16, .max_order = 9}};
		Process user;
		file *const file = user.open(module, method);
		CHECK(query(file).page_shift == 16);
		CHECK(ptelab_size(file->session) == 8 << 16);
		const Mapped map = user.mmap(file, 8);
		REQUIRE(map.ok());
		CHECK(user.write(map.at() + (7 << 16), 4) == value(4));
		CHECK(lookup(file, map.at() + (7 << 16)).page == 8);
	}
}

TEST_SUITE_END();
