// SPDX-License-Identifier: GPL-2.0-or-later
// fork: what of a driver's mapping the child gets, and what the driver is told.
#include <unistd.h>

#include <ptelab/child.hpp>

#include "lab.hpp"
#include "release.hpp"
#include "room.hpp"
#include "trace.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

// Serves this many faults and refuses all that follow; a node that fills at mmap refuses every one anyway.
Setup serves(const Node &node, std::size_t faults)
{
	return node.faults ? Setup{.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = faults} : Setup{};
}

struct ChildView {
	std::size_t present;
	std::size_t accesses;
};

RULE_PER_NODE("fork_copies_special_mappings", kSpecialNodes, .contract = "FK-01",
	      .says = "fork copies the page tables of VM_PFNMAP and VM_MIXEDMAP mappings: the child reads without ->fault, even if that would refuse",
	      .source = "mm/memory.c:copy_page_range")
{
	Device device = own_region(rule.node(), kPages, serves(rule.node(), faults_to_fill(rule.node(), kPages)));
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const __u64 before = device.stats().faults;
	const ChildView child = in_child([&] {
		const std::size_t there = present(device, map);
		return ChildView{there, touch_all(map)};
	});
	rule.expect("present in the child", child.present, kPages);
	rule.expect("accesses of the child", child.accesses, kPages);
	rule.expect("calls of ->fault", device.stats().faults - before, 0U);
	device.unmap(0, pages(1), PTELAB_UNMAP_EVEN_COWS);
	rule.expect("->fault would have refused", map.touch(0).outcome(), kSigbus);
}

RULE("fork.leaves_plain_mappings_empty", .contract = "FK-02",
     .says = "fork does not copy the page tables of an ordinary shared ->fault mapping: the child's first access of each page faults",
     .source = "mm/memory.c:copy_page_range")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const __u64 before = device.stats().faults;
	const ChildView child = in_child([&] {
		const std::size_t there = present(device, map);
		return ChildView{there, touch_all(map)};
	});
	rule.expect("present in the child", child.present, 0U);
	rule.expect("accesses of the child", child.accesses, kPages);
	rule.expect("calls of ->fault", device.stats().faults - before, kPages);
	rule.expect("present in the parent", present(device, map), kPages);
}

RULE_PER_NODE("fork_opens_before_it_copies", kFirstNodes, .contract = "FK-03",
	      .says = "fork calls ->open once for the child's VMA and never ->mmap, before the page tables are copied",
	      .source = "kernel/fork.c:dup_mmap")
{
	const Device device = traced_region(rule.node(), kPages);
	const Mapping map(device, pages(kPages));
	touch_all(map);
	EventLog log(device);

	const std::size_t child = in_child([&] { return present(device, map); });
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"open", "close"});
	const ptelab_event &open = event_of(events, PTELAB_HOOK_OPEN);
	rule.expect("the address is the parent's", open.start == address_of(map.bytes()) && open.end == open.start + map.size(), true);
	rule.expect("mmap_lock of the child", lock_name(open), "write");
	rule.expect("called by the parent", open.pid == static_cast<__u32>(::gettid()), true);
	rule.expect("present in ->open", open.present,
		    choose<std::size_t>(older_than(6, 1) && child == kPages, kPages, 0,
					"dup_mmap calls ->open before the rmap and copy_page_range since 6.9, and in 6.1 since its stable update took that over"));
	rule.expect("present in the child", child, is_one_of(rule.node(), kPlainNodes) ? 0 : kPages);
}

struct Lost {
	Touch touch;
	std::size_t vmas;
};

Lost look_from_child(const Mapping &map)
{
	return in_child([&] {
		const Touch touch = map.touch(0);
		return Lost{touch, count_vmas(map.bytes())};
	});
}

RULE_PER_NODE("fork_of_dontcopy", kFirstNodes, .contract = "FK-04",
	      .says = "The child has no mapping where the parent's is VM_DONTCOPY, set by the driver or by MADV_DONTFORK, and ->open is not called",
	      .source = "kernel/fork.c:dup_mmap")
{
	Device by_driver = own_region(rule.node());
	vma_setup(by_driver, {.vm_set = PTELAB_VM_DONTCOPY});
	const Mapping first(by_driver, pages(kPages));
	const Device by_user = own_region(rule.node());
	const Mapping second(by_user, pages(kPages));

	touch_all(first);
	touch_all(second);
	rule.expect("madvise", advise(second.bytes(), MADV_DONTFORK), 0);
	const Lost driver = look_from_child(first);
	rule.expect("by the driver: an access", driver.touch.outcome(), kUnmapped);
	rule.expect("by the driver: VMAs", driver.vmas, 0U);
	const Lost user = look_from_child(second);
	rule.expect("by the user: an access", user.touch.outcome(), kUnmapped);
	rule.expect("by the user: VMAs", user.vmas, 0U);
	rule.expect("calls of ->open", by_driver.stats().opens + by_user.stats().opens, 0U);
	rule.expect("the parent's pages", touch_all(first) + touch_all(second), 2 * kPages);
}

RULE_PER_NODE("dofork", kEntryNodes, .contract = "FK-05",
	      .says = "MADV_DOFORK, which undoes MADV_DONTFORK, is refused for VM_IO, and since 7.0 for every special mapping",
	      .source = "mm/madvise.c:madvise_vma_behavior")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const bool plain = is_one_of(rule.node(), kPlainNodes);
	const Errno mixed = plain ? 0 : EINVAL;

	rule.expect("MADV_DONTFORK", advise(map.bytes(), MADV_DONTFORK), 0);
	const Errno error = advise(map.bytes(), MADV_DOFORK);
	rule.expect("MADV_DOFORK", error,
		    choose(older_than(7, 0), Errno(rule.node().pfn ? EINVAL : 0), mixed, "7.x tests for VM_SPECIAL, earlier kernels for VM_IO alone; only drivers' mappings are VM_SPECIAL, so none of another kind tells first"));
	rule.expect("VMAs of the child", look_from_child(map).vmas, error == Errno{} ? 1U : 0U);
}

struct Frames {
	__u64 drivers;
	__u64 anonymous;
};

Frames frames(const Device &device, const Mapping &map)
{
	const std::vector<ptelab_pte> entries = device.lookup(map.bytes());
	return {entries.at(0).pfn, entries.at(1).pfn};
}

RULE("fork.shares_pinned_driver_pages", .contract = "FK-07",
     .says = "fork copies a pinned anonymous page for the child at once, but never a driver's page in a private mapping, pinned or not",
     .source = "mm/memory.c:copy_present_page", .needs = {root()})
{
	const Device device = own_region(node_of(PTELAB_INSERT_PAGE), 2);
	const Mapping map(device, pages(2), {.flags = MAP_PRIVATE});

	map.put(pages(1), std::uint8_t{0x21});
	const ptelab_pin got = pin(device, {.how = PTELAB_PIN_PIN, .address = map.data(), .pages = 2, .flags = PTELAB_PIN_KEEP});
	rule.expect("pages pinned", got.result, 2);
	rule.expect("the first is the driver's", got.page, 1U);
	const Frames parent = frames(device, map);
	const Frames child = in_child([&] { return frames(device, map); });
	rule.expect("the driver's page is shared", child.drivers == parent.drivers, true);
	rule.expect("the anonymous page is shared", child.anonymous == parent.anonymous, false);
	rule.expect("the child has both", child.drivers != 0 && child.anonymous != 0, true);
	unpin(device);
}

} // namespace
} // namespace ptelab
