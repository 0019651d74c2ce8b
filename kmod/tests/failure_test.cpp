// SPDX-License-Identifier: GPL-2.0-or-later
// Every call that may fail does so once. Whatever a run was, Module's destructor finds that nothing is left over.
#include "cxxrt/hosted/hooks.hpp"

#include "lab_test.hpp"

TEST_SUITE_BEGIN("failure");

namespace {

// Who fails: the port's calls, or cxxrt_alloc().
enum class Victim { kPort, kAllocation };

// Runs scenario(module, user) with the nth call failing, n = 1, 2, … until all calls have had their turn. The scenario answers
// with 0 or the errno with which it gave up. Answers how many runs failed.
template <typename F>
unsigned long each_fails_once(const Personality &personality, Victim victim, int expected, F &&scenario)
{
	for (unsigned long n = 1; n < 1000; n++) {
		CAPTURE(n);
		Module module{personality};
		Process user;
		if (victim == Victim::kPort)
			Kernel::get().fail_call(n);
		else
			cxxrt::hosted::fail_allocation(n);
		const int error = scenario(module, user);
		// What failed is told; what was not told has not failed.
		if (error == 0) {
			CHECK_FALSE((victim == Victim::kPort && Kernel::get().call_failed()));
			cxxrt::hosted::fail_allocation(0);
			return n - 1;
		}
		CHECK(error == expected);
		cxxrt::hosted::fail_allocation(0);
		Kernel::get().fail_call(0);
		// And it was for that once.
		CHECK(scenario(module, user) == 0);
	}
	FAIL("it never passes");
	return 0;
}

int open_set_up_and_map(Module &module, Process &user, unsigned method, const ptelab_region_setup &arg, const fake::MapFlags &flags = {})
{
	file *const file = user.open(module, method);
	if (!file)
		return user.open_error();
	int error = setup(file, arg);
	if (!error) {
		const unsigned long pages = arg.pages ? arg.pages : 8;
		const unsigned long before = user.present();
		const Mapped map = user.mmap(file, pages, 0, flags);
		error = map.error();
		if (error)
			CHECK(user.present() == before);
	}
	user.close(file);
	return error;
}

} // namespace

TEST_CASE("loading the module is ENOMEM and leaves nothing, whichever call fails")
{
	for (const Victim victim : {Victim::kPort, Victim::kAllocation}) {
		unsigned long runs = 0;
		for (;; runs++) {
			Module module;
			module.unload();
			if (victim == Victim::kPort)
				Kernel::get().fail_call(runs + 1);
			else
				cxxrt::hosted::fail_allocation(runs + 1);
			const int error = module.load();
			cxxrt::hosted::fail_allocation(0);
			if (!error)
				break;
			CHECK(error == -ENOMEM);
			CHECK(Kernel::get().live_pages() == 0);
		}
		// 20 mutexes and the device's space; 20 nodes and the device's region. The others take theirs when they are opened.
		CHECK(runs == 21);
	}
}

TEST_CASE("opening, setting up and mapping is ENOMEM and leaves nothing, whichever call fails")
{
	for (const bool leaves : {false, true})
		for (const unsigned method : kRamMethods)
			for (const unsigned backing : kRamBackings) {
				if (!takes_backing(method, backing))
					continue;
				CAPTURE(method);
				CAPTURE(backing);
				const Personality personality{.remap_leaves_ptes = leaves};
				const ptelab_region_setup arg{.backing = backing, .pages = 4};
				const auto scenario = [&](Module &module, Process &user) {
					return open_set_up_and_map(module, user, method, arg);
				};
				// The mutex, the counts, the space; then the pages, and what mmap takes.
				CHECK(each_fails_once(personality, Victim::kPort, -ENOMEM, scenario) >= 4);
				// The session, the region; the array of a region's single pages, or else the one that a call takes.
				const bool takes_array = backing != PTELAB_BACKING_SINGLE &&
							 (method == PTELAB_INSERT_PAGES || method == PTELAB_MAP_PAGES);
				// And before all, the same of the node's own.
				const bool node_has_array = ptelab_traits_of(method)->default_backing == PTELAB_BACKING_SINGLE;
				CHECK(each_fails_once(personality, Victim::kAllocation, -ENOMEM, scenario) ==
				      2UL + (backing == PTELAB_BACKING_SINGLE) + takes_array + 1 + node_has_array);
			}
}

TEST_CASE("mapping the node's region is ENOMEM and leaves nothing, shared or private")
{
	for (const bool leaves : {false, true})
		for (const bool is_private : {false, true})
			for (const unsigned method : kEagerMethods) {
				CAPTURE(method);
				CAPTURE(is_private);
				const auto scenario = [&](Module &module, Process &user) {
					file *const file = user.open(module, method);
					if (!file)
						return user.open_error();
					return user.mmap(file, 8, 0, {.is_private = is_private}).error();
				};
				const unsigned long runs =
					each_fails_once({.remap_leaves_ptes = leaves}, Victim::kPort, -ENOMEM, scenario);
				const bool one_call = method == PTELAB_REMAP_PFN || method == PTELAB_IOMAP || prepares_remap(method);
				// The mutex and the counts; what is tracked, by ->mmap_prepare and ->mapped; the VMA between the two.
				const unsigned long before = 2 + (is_one_of(kPreparedMethods, method) ? 3 : 1);
				// The node's space, and its pages or the one block that they are; a device's is there from the beginning.
				const unsigned backing = ptelab_traits_of(method)->default_backing;
				const unsigned long node = backing == PTELAB_BACKING_DEVICE ? 0 : backing == PTELAB_BACKING_SINGLE ? 9 : 2;
				CHECK(runs == node + before + (one_call ? 1 : 8));
			}
}

TEST_CASE("REGION_SETUP that runs out of memory leaves the file the region that it had")
{
	for (const unsigned method : kRamMethods)
		for (unsigned long n = 1;; n++) {
			Module module;
			Process user;
			file *const file = user.open(module, method);
			const Mapped other = user.mmap(user.open(module, method), 1);
			user.write(other.at(), 77);
			Kernel::get().fail_call(n);
			const int error = setup(file, {});
			Kernel::get().fail_call(0);
			if (!error)
				break;
			CHECK(error == -ENOMEM);
			CHECK(stats(file).regions == 0);
			CHECK(stats(file).pages_allocated == stats(file).pages_freed);
			CHECK(user.read(user.mmap(file, 1).at()) == value(77));
		}
}

TEST_CASE("a device that cannot be mapped with another type keeps the one it had")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_IOMAP);
	Kernel::get().fail_call(1);
	CHECK(setup(file, {.cache = PTELAB_CACHE_WRITE_COMBINING}) == -ENOMEM);
	CHECK(query(file).cache == PTELAB_CACHE_UNCACHED);
	CHECK(user.read(user.mmap(file, 1).at()) == value(0));
}

TEST_CASE("ZAP and LOOKUP are EINTR if one is killed while waiting")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_REMAP_PFN);
	const Mapped map = user.mmap(file, 1);
	ptelab_zap arg = zap_arg(map.at(), 1);
	Kernel::get().fail_call(1);
	CHECK(zap(file, arg) == -EINTR);
	CHECK(stats(file).zaps == 0);
	ptelab_lookup where{};
	where.address = map.at();
	where.bytes = 4096;
	ptelab_pte pte{};
	Kernel::get().fail_call(1);
	CHECK(ptelab_ioctl_lookup(file->session, &where, &pte, true) == -EINTR);
	CHECK(zap(file, arg) == 0);
}

TEST_SUITE_END();
