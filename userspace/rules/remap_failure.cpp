// SPDX-License-Identifier: GPL-2.0-or-later
// remap_pfn_range that fails half way: the first page table is filled, there is no memory for the second.
#include <algorithm>
#include <array>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "injection.hpp"
#include "machine.hpp"
#include "memory_limit.hpp"
#include "room.hpp"
#include "untrack.hpp"

namespace ptelab {
namespace {

// So that there is a half way.
constexpr std::size_t kTables = 2;

std::size_t pages_of_a_table()
{
	return page_size() / sizeof(__u64);
}

// A mapping that begins where a page table does, and fills it and the next.
Mapping over_two_tables(const Device &device)
{
	const std::size_t count = kTables * pages_of_a_table();
	Mapping room = reserve(count + pages_of_a_table());
	// Always leaving a page of the room in front, as a mapping is not split at its start.
	const std::size_t misplaced = address_of(room.bytes()) / page_size() % pages_of_a_table();
	Mapping start = room.split(pages(pages_of_a_table() - misplaced));
	if (start.pages() > count)
		start.split(pages(count)).unmap();
	return map_into(std::move(start), device);
}

struct Outcome {
	int ioctl_error = 0;
	__s64 result = 0;
	std::size_t left = 0;	// entries that the call left behind
	std::size_t tables = 0; // page tables of any level that it got, and did not give back
	bool readable = false;	// the first page is
};

// One REMAP of all of a new mapping; starve() runs the action it is given with too little memory.
template <class F>
Outcome remap_starved(F &&starve)
{
	const Device device = bare({}, kTables * pages_of_a_table());
	const Mapping map = over_two_tables(device);
	ptelab_call wanted{};
	Outcome outcome;

	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = PTELAB_CALL_REMAP;
	wanted.anchor = wanted.address = address_of(map);
	wanted.bytes = map.size();
	const std::uint64_t before = status_kb("VmPTE");
	starve([&] { outcome.ioctl_error = errno_of([&] { outcome.result = call(device, wanted).result; }).value; });
	outcome.tables = (status_kb("VmPTE") - before) * 1024 / page_size();
	outcome.left = present(device, map);
	outcome.readable = map.touch(0).outcome() == kOk;
	return outcome;
}

bool succeeded(const Outcome &outcome)
{
	return outcome.ioctl_error == 0 && outcome.result == 0;
}

// Each allocation in turn fails, up to the call that meets no failure any more.
std::vector<Outcome> fail_each_allocation()
{
	const Injection injection;
	std::vector<Outcome> outcomes;
	bool injected = true;

	for (int n = 1; injected; ++n) {
		const Outcome outcome = remap_starved([&](auto &&action) { injected = injection.fail(n, action); });
		// A copy of the ioctl's argument failed in place of an allocation, or it could be done without.
		if (outcome.ioctl_error != EFAULT && (!succeeded(outcome) || !injected))
			outcomes.push_back(outcome);
	}
	return outcomes;
}

constexpr std::size_t kRooms = 4; // for no page table up to one more than are needed
constexpr std::size_t kRoundsOfRooms = 3; // as what is freed late may add to the room

// All tables but the last: the first is full then.
bool is_half_way(const Outcome &outcome, const Outcome &success)
{
	return !succeeded(outcome) && outcome.tables + 1 == success.tables;
}

// Room for no page, for one, and so on.
std::vector<Outcome> allow_page_by_page()
{
	struct All {
		std::array<Outcome, kRooms * kRoundsOfRooms> outcomes;
		std::size_t count;
	};
	const MemoryLimit limit;
	const All all = in_child([&] {
		All told{};
		limit.join();
		for (bool done = false; !done && told.count < told.outcomes.size();) {
			for (std::size_t room = 0; room < kRooms; ++room)
				told.outcomes[told.count++] = remap_starved([&](auto &&action) { limit.with_room_for(room, action); });
			const auto tried = std::span(told.outcomes).first(told.count);
			done = std::ranges::any_of(tried, [&](const Outcome &outcome) { return is_half_way(outcome, tried.back()); });
		}
		return told;
	});
	return {all.outcomes.begin(), all.outcomes.begin() + static_cast<std::ptrdiff_t>(all.count)};
}

bool can_inject()
{
	for (const Need &need : injection_needs())
		if (!need.why_not().empty())
			return false;
	return true;
}

// By fault injection or by a memory cgroup.
const Need kShortage{"fault injection or " + memory_limit().what, [] { return can_inject() ? std::string() : memory_limit().why_not(); }};

RULE("remap_pfn.failure_half_way", .contract = "RM-10", .says = "remap_pfn_range that runs out of memory half way takes back what it had mapped",
     .source = "mm/memory.c:remap_pfn_range_notrack", .needs = {root(), kShortage, memory_for("what two page tables map", [] { return pages(kTables * pages_of_a_table()); })})
{
	rule.declare_kernel_line("page allocation failure");
	const bool warns = failed_remap_may_warn();
	if (warns)
		rule.declare_kernel_line(kNoFirstPage);
	const bool injects = can_inject();
	const std::vector<Outcome> outcomes = injects ? fail_each_allocation() : allow_page_by_page();
	std::size_t failures = 0, half_way = 0, left = 0, readable = 0;

	const std::string by = injects ? "fault injection" : "a memory cgroup's limit";
	rule.because("by", "each allocation fails in turn where CONFIG_FAULT_INJECTION is, else a limit is raised page by page");
	rule.observe("by", by);
	rule.expect("with enough memory", succeeded(outcomes.back()), true);
	for (const Outcome &outcome : outcomes) {
		if (succeeded(outcome))
			continue;
		rule.expect("errno", Errno(outcome.ioctl_error ? outcome.ioctl_error : static_cast<int>(-outcome.result)), ENOMEM);
		++failures;
		half_way += is_half_way(outcome, outcomes.back());
		left += outcome.left;
		readable += outcome.readable;
	}
	rule.because("failures by fault injection", "each is an allocation: page tables and, where VMAs refer to what x86 tracks of them, a "
						    "pfnmap_track_ctx before these (mm/memory.c:remap_pfn_range_track)");
	rule.varies("* by a memory cgroup's limit"); // what is cached needs none
	rule.observe("failures by " + by, failures);
	rule.observe("half way by " + by, half_way);
	rule.expect("failed half way", half_way > 0, true);
	rule.expect("warned since boot of a first page that was not mapped", kernel_said(kNoFirstPage),
		    choose(warns, true, false,
			   "x86's untrack_pfn, while there was one, asks the page table for the memory type; before the mend of "
			   "CVE-2024-47674 nothing took back"));
	if (left != 0 && remap_is_one_function())
		rule.expected_fail("CVE-2024-47674: this kernel's remap_pfn_range leaves what it has mapped when it fails");
	rule.expect("entries left", left, 0U);
	rule.expect("first pages that can be read", readable, 0U);
}

} // namespace
} // namespace ptelab
