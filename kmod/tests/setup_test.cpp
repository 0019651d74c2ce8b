// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab_test.hpp"

TEST_SUITE_BEGIN("setup");

namespace {

// A REGION_SETUP that every RAM node takes; then one field is spoilt.
template <typename F>
int setup_with(unsigned method, F &&spoil)
{
	Module module;
	Process user;
	file *const file = user.open(module, method);
	ptelab_region_setup arg{};
	REQUIRE(setup(user.open(module, method), arg) == 0);
	spoil(arg);
	const int error = setup(file, arg);
	// A refusal changes nothing.
	if (error)
		CHECK(stats(file).pages_allocated == 0);
	return error;
}

} // namespace

TEST_CASE("REGION_SETUP with everything zero gives a zeroed region of the node's size and kind")
{
	for (const unsigned method : kRamMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const ptelab_query before = query(file);
		REQUIRE(setup(file, {}) == 0);
		const ptelab_query after = query(file);
		CHECK(after.pages == before.pages);
		CHECK(after.backing == before.backing);
		CHECK(stats(file).regions == 1);
		CHECK(stats(file).pages_allocated == 8);
		const Mapped map = user.mmap(file, 8);
		REQUIRE(map.ok());
		CHECK(user.read(page_at(map, 7)) == value(0));
	}
}

TEST_CASE("REGION_SETUP refuses an unknown flag and each reserved field")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		CHECK(setup_with(method, [](ptelab_region_setup &arg) { arg.flags = 1; }) == -EINVAL);
		CHECK(setup_with(method, [](ptelab_region_setup &arg) { arg.reserved0 = 1; }) == -EINVAL);
		for (unsigned i = 0; i < 4; i++)
			CHECK(setup_with(method, [i](ptelab_region_setup &arg) { arg.reserved[i] = 1ULL << 63; }) == -EINVAL);
	}
}

TEST_CASE("REGION_SETUP refuses values past the end of each enumeration")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		CHECK(setup_with(method, [](ptelab_region_setup &arg) { arg.backing = PTELAB_BACKINGS; }) == -EINVAL);
		CHECK(setup_with(method, [](ptelab_region_setup &arg) { arg.backing = ~0U; }) == -EINVAL);
		CHECK(setup_with(method, [](ptelab_region_setup &arg) { arg.cache = PTELAB_CACHES; }) == -EINVAL);
		CHECK(setup_with(method, [](ptelab_region_setup &arg) { arg.fault_action = PTELAB_FAULT_ACTIONS; }) == -EINVAL);
	}
}

TEST_CASE("REGION_SETUP takes as many pages as QUERY promises and not one more")
{
	for (const unsigned backing : {PTELAB_BACKING_SINGLE, PTELAB_BACKING_SPLIT, PTELAB_BACKING_COMPOUND, PTELAB_BACKING_VMALLOC}) {
		const bool block = backing == PTELAB_BACKING_SPLIT || backing == PTELAB_BACKING_COMPOUND;
		CAPTURE(backing);
		Module module;
		Process user;
		file *const file = user.open(module, PTELAB_FAULT_PAGE);
		const ptelab_query limits = query(file);
		const unsigned long most = block ? limits.max_block_pages : limits.max_pages;
		ptelab_region_setup arg{};
		arg.backing = backing;
		arg.pages = most + 1;
		CHECK(setup(file, arg) == -EINVAL);
		arg.pages = ~0ULL;
		CHECK(setup(file, arg) == -EINVAL);
		arg.pages = most;
		CHECK(setup(file, arg) == 0);
		CHECK(query(file).pages == most);
	}
}

TEST_CASE("a compound page has a power of two of pages, a split block has any number")
{
	CHECK(setup_with(PTELAB_FAULT_PAGE, [](ptelab_region_setup &arg) {
		arg.backing = PTELAB_BACKING_COMPOUND;
		arg.pages = 3;
	}) == -EINVAL);
	CHECK(setup_with(PTELAB_FAULT_PAGE, [](ptelab_region_setup &arg) {
		arg.backing = PTELAB_BACKING_COMPOUND;
		arg.pages = 4;
	}) == 0);
	CHECK(setup_with(PTELAB_FAULT_PAGE, [](ptelab_region_setup &arg) {
		arg.backing = PTELAB_BACKING_SPLIT;
		arg.pages = 3;
	}) == 0);
}

TEST_CASE("what a split block has too much is given back at once")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_REMAP_PFN);
	const long before = Kernel::get().live_pages();
	ptelab_region_setup arg{};
	arg.backing = PTELAB_BACKING_SPLIT;
	arg.pages = 5;
	REQUIRE(setup(file, arg) == 0);
	CHECK(Kernel::get().live_pages() == before + 5);
}

TEST_CASE("each node takes exactly the backings that its call can map")
{
	const auto backings = [](unsigned method) {
		unsigned taken = 0;
		for (unsigned backing = 1; backing < PTELAB_BACKINGS; backing++) {
			const int error = setup_with(method, [&](ptelab_region_setup &arg) { arg.backing = backing; });
			CHECK((error == 0 || error == -EOPNOTSUPP));
			taken |= error ? 0U : 1U << backing;
		}
		return taken;
	};
	const unsigned ram = 1U << PTELAB_BACKING_SINGLE | 1U << PTELAB_BACKING_COMPOUND | 1U << PTELAB_BACKING_SPLIT |
			     1U << PTELAB_BACKING_VMALLOC;
	CHECK(backings(PTELAB_INSERT_PAGE) == ram);
	CHECK(backings(PTELAB_FAULT_INSERT_PAGE) == ram);
	CHECK(backings(PTELAB_FAULT_PAGE) == ram);
	CHECK(backings(PTELAB_FAULT_INSERT_PFN) == ram);
	CHECK(backings(PTELAB_REMAP_PFN) == (1U << PTELAB_BACKING_SINGLE | 1U << PTELAB_BACKING_SPLIT));
	CHECK(backings(PTELAB_IOMAP) == 1U << PTELAB_BACKING_DEVICE);
	CHECK(backings(PTELAB_REMAP_VMALLOC) == 1U << PTELAB_BACKING_VMALLOC);
	CHECK(backings(PTELAB_PREPARE_MAP_PAGES) == 1U << PTELAB_BACKING_SINGLE);
	for (const unsigned method : {PTELAB_PREPARE_REMAP, PTELAB_PREPARE_IOREMAP, PTELAB_PREPARE_SIMPLE_IOREMAP})
		CHECK(backings(method) == 1U << PTELAB_BACKING_SPLIT);
	for (const unsigned method : {PTELAB_INSERT_PAGES, PTELAB_MAP_PAGES, PTELAB_MAP_PAGES_ZERO, PTELAB_FAULT_INSERT_PAGES,
				      PTELAB_FAULT_INSERT_MIXED, PTELAB_HUGE_FOLIO, PTELAB_BARE, PTELAB_PREPARE_FAULT_PAGE})
		CHECK(backings(method) == ram);
	CHECK(backings(PTELAB_HUGE_PFN) == (ram | 1U << PTELAB_BACKING_HOLE));
}

TEST_CASE("RAM is write-back, a device is not")
{
	const auto with_cache = [](unsigned method, unsigned cache) {
		return setup_with(method, [&](ptelab_region_setup &arg) { arg.cache = cache; });
	};
	for (const unsigned method : kRamMethods) {
		CHECK(with_cache(method, PTELAB_CACHE_WRITE_BACK) == 0);
		CHECK(with_cache(method, PTELAB_CACHE_UNCACHED) == -EOPNOTSUPP);
		CHECK(with_cache(method, PTELAB_CACHE_WRITE_COMBINING) == -EOPNOTSUPP);
	}
	CHECK(with_cache(PTELAB_IOMAP, PTELAB_CACHE_WRITE_BACK) == -EOPNOTSUPP);
	CHECK(with_cache(PTELAB_IOMAP, PTELAB_CACHE_UNCACHED) == 0);
}

TEST_CASE("a fault action needs a node that faults, STALE one that gives pages, REMAP the bare one")
{
	for (unsigned action = PTELAB_FAULT_SIGBUS; action < PTELAB_FAULT_ACTIONS; action++)
		for (unsigned method = 1; method < PTELAB_METHODS; method++) {
			CAPTURE(action);
			CAPTURE(method);
			const bool faults = !is_eager(method) && method != PTELAB_MAP_PAGES_ZERO;
			const bool stale_fits = method == PTELAB_FAULT_PAGE || method == PTELAB_PREPARE_FAULT_PAGE;
			const bool fits = action == PTELAB_FAULT_STALE ? stale_fits :
					  action == PTELAB_FAULT_REMAP ? method == PTELAB_BARE :
									 faults;
			CHECK(setup_with(method, [&](ptelab_region_setup &arg) {
				arg.fault_action = action;
				arg.fault_delay_ms = action == PTELAB_FAULT_DELAY || action == PTELAB_FAULT_STALE;
			}) == (fits ? 0 : -EOPNOTSUPP));
		}
}

TEST_CASE("a delay is 1 to 10000 ms, and for DELAY and STALE only")
{
	const auto with = [](unsigned action, unsigned delay) {
		return setup_with(PTELAB_FAULT_PAGE, [&](ptelab_region_setup &arg) {
			arg.fault_action = action;
			arg.fault_delay_ms = delay;
		});
	};
	CHECK(with(PTELAB_FAULT_DELAY, 0) == -EINVAL);
	CHECK(with(PTELAB_FAULT_DELAY, 1) == 0);
	CHECK(with(PTELAB_FAULT_DELAY, 10000) == 0);
	CHECK(with(PTELAB_FAULT_DELAY, 10001) == -EINVAL);
	CHECK(with(PTELAB_FAULT_STALE, 0) == -EINVAL);
	CHECK(with(PTELAB_FAULT_STALE, 10000) == 0);
	CHECK(with(PTELAB_FAULT_STALE, 10001) == -EINVAL);
	CHECK(with(PTELAB_FAULT_SIGBUS, 1) == -EINVAL);
	CHECK(with(PTELAB_FAULT_NOTHING, 1) == -EINVAL);
	CHECK(with(0, 1) == -EINVAL);
}

TEST_CASE("counts without an action say nothing and are refused")
{
	CHECK(setup_with(PTELAB_FAULT_PAGE, [](ptelab_region_setup &arg) { arg.fault_after = 1; }) == -EINVAL);
	CHECK(setup_with(PTELAB_FAULT_PAGE, [](ptelab_region_setup &arg) { arg.fault_times = 1; }) == -EINVAL);
	CHECK(setup_with(PTELAB_FAULT_PAGE, [](ptelab_region_setup &arg) {
		arg.fault_action = PTELAB_FAULT_SERVE;
		arg.fault_times = 1;
	}) == -EINVAL);
}

TEST_CASE("REGION_SETUP is refused once the file has been mapped, even if it no longer is")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 1);
		REQUIRE(map.ok());
		user.munmap(map.at(), 1);
		CHECK(setup(file, {}) == -EBUSY);
	}
}

TEST_CASE("an mmap that was refused does not stop REGION_SETUP")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	REQUIRE(user.mmap(file, 9).error() == -EINVAL);
	CHECK(setup(file, {}) == 0);
}

TEST_CASE("a RAM file is set up once, a device file as often as one likes before it is mapped")
{
	Module module;
	Process user;
	file *const ram = user.open(module, PTELAB_FAULT_PAGE);
	REQUIRE(setup(ram, {}) == 0);
	CHECK(setup(ram, {}) == -EBUSY);
	file *const device = user.open(module, PTELAB_IOMAP);
	ptelab_region_setup arg{};
	for (const unsigned cache : {PTELAB_CACHE_WRITE_COMBINING, PTELAB_CACHE_UNCACHED, PTELAB_CACHE_WRITE_COMBINING}) {
		arg.cache = cache;
		CHECK(setup(device, arg) == 0);
		CHECK(query(device).cache == cache);
	}
}

TEST_CASE("a device has the size it has")
{
	CHECK(setup_with(PTELAB_IOMAP, [](ptelab_region_setup &arg) { arg.pages = 8; }) == 0);
	CHECK(setup_with(PTELAB_IOMAP, [](ptelab_region_setup &arg) { arg.pages = 7; }) == -EINVAL);
}

TEST_CASE("a region that REGION_SETUP made belongs to its file alone")
{
	for (const unsigned method : kRamMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const own = user.open(module, method);
		file *const shared = user.open(module, method);
		REQUIRE(setup(own, {}) == 0);
		const Mapped mine = user.mmap(own, 1);
		const Mapped theirs = user.mmap(shared, 1);
		CHECK(user.write(mine.at(), 7) == value(7));
		CHECK(user.read(theirs.at()) == value(0));
	}
}

TEST_SUITE_END();
