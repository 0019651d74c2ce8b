// SPDX-License-Identifier: GPL-2.0-or-later
// Two mappings side by side that become one, and what the driver then never hears of.
#include "lab.hpp"
#include "node_folder.hpp"
#include "release.hpp"
#include "room.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

constexpr __u64 kFaultOnly = hook_bit(PTELAB_HOOK_FAULT);

// Our ->mmap clears VM_MAYEXEC, which the core compares before it calls ->mmap: on a noexec mount it has cleared it itself.
Device mergeable(const NodeFolder &folder, const Node &node, const VmaSetup &wanted)
{
	Device device(folder.add(node));
	if (node.method != PTELAB_IOMAP)
		device.setup({.pages = kPages});
	VmaSetup recorded = wanted;
	recorded.flags |= PTELAB_VMA_SETUP_EVENTS;
	vma_setup(device, recorded);
	return device;
}

// Two mmaps of one file, next to each other in memory and in the file.
struct Pair {
	Mapping first;
	Mapping second;
	std::size_t vmas;

	explicit Pair(const Device &device) : Pair(device, reserve(kPages)) {}

private:
	Pair(const Device &device, Mapping room) : Pair(device, std::move(room), Mapping(-1, pages(1), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS})) {}
	Pair(const Device &device, Mapping &&room, Mapping &&rest) : first(std::move(rest)), second(std::move(room)), vmas(0)
	{
		Mapping behind = second.split(pages(8));
		first = map_into(std::move(second), device);
		second = map_into(std::move(behind), device, {.offset = pages(8)});
		vmas = count_vmas({first.data(), pages(kPages)});
	}
};

RULE("merge.without_close", .contract = "MM-07",
     .says = "Two adjacent mappings of one file without special flags and without ->close become one, and the second ->mmap is not called",
     .source = "mm/mmap.c:is_mergeable_vma", .needs = {root()})
{
	const NodeFolder folder(true);
	const Device device = mergeable(folder, node_of(PTELAB_FAULT_PAGE), {.hooks = kFaultOnly});
	EventLog log(device);
	const Pair pair(device);

	rule.expect("hooks", hook_names(log.take()), std::vector<std::string>{"mmap"});
	rule.expect("VMAs", pair.vmas, 1U);
	rule.expect("accesses", touch_all(pair.first) + touch_all(pair.second), kPages);
	rule.expect("calls of ->fault", device.stats().faults, kPages);
}

RULE("merge.with_close", .contract = "MM-07",
     .says = "With ->close they stayed apart until 6.3; since then the first is extended all the same and the second ->mmap not called",
     .source = "mm/mmap.c:is_mergeable_vma", .needs = {root()})
{
	const NodeFolder folder(true);
	const Device device = mergeable(folder, node_of(PTELAB_FAULT_PAGE), {.hooks = kFaultOnly | kOpenAndClose});
	EventLog log(device);
	const Pair pair(device);
	const std::string reason = "until 6.3 is_mergeable_vma refused any VMA with ->close, since then only one that would be removed; no mapping has ->close but a driver's, so none tells first";

	rule.expect("calls of ->mmap", count_of(log.take(), PTELAB_HOOK_MMAP), choose<std::size_t>(older_than(6, 3), 2, 1, reason));
	rule.expect("VMAs", pair.vmas, choose<std::size_t>(older_than(6, 3), 2, 1, reason));
}

RULE_PER_NODE("special_mappings_do_not_merge", kSpecialNodes, .contract = "MM-07",
	      .says = "VM_MIXEDMAP and VM_PFNMAP mappings never merge: ->mmap is called for each", .source = "mm/mmap.c:is_mergeable_vma",
	      .needs = {root()})
{
	const NodeFolder folder(true);
	const bool fills = !rule.node().faults;
	const Device device = mergeable(folder, rule.node(), {.hooks = fills ? kFaultOnly | kOpenAndClose : kFaultOnly});
	EventLog log(device);
	const Pair pair(device);

	rule.expect("hooks", hook_names(log.take()), std::vector<std::string>{"mmap", "mmap"});
	rule.expect("VMAs", pair.vmas, 2U);
}

RULE("merge.vma_of_mmap_may_be_freed", .contract = "MM-12",
     .says = "If ->mmap changes the VMA's flags so that it fits its neighbour, the kernel merges the two and frees the VMA that the driver was given",
     .source = "mm/mmap.c:mmap_region")
{
	const Device device = traced_region(node_of(PTELAB_FAULT_PAGE), kPages, {.hooks = kFaultOnly, .vm_set = PTELAB_VM_DONTDUMP});
	EventLog log(device);
	const Pair pair(device);
	const Events maps = log.take();

	rule.expect("hooks", hook_names(maps), std::vector<std::string>{"mmap", "mmap"});
	rule.expect("VMAs", pair.vmas, choose<std::size_t>(older_than(7, 0), 1, 2, "7.x does not try to merge again after ->mmap, and no other file's ->mmap changes flags so that its VMA fits its neighbour"));
	const __u64 first = event_of(maps, PTELAB_HOOK_MMAP, 0).vma;
	const __u64 second = event_of(maps, PTELAB_HOOK_MMAP, 1).vma;
	rule.expect("->mmap got two VMAs", first != second, true);
	pair.second.touch(0);
	const __u64 faulted = event_of(log.take(), PTELAB_HOOK_FAULT).vma;
	rule.expect("a fault in the second mapping is in the first VMA", faulted == first, pair.vmas == 1);
	rule.expect("a fault in the second mapping is in the second VMA", faulted == second, pair.vmas == 2);
}

} // namespace
} // namespace ptelab
