// SPDX-License-Identifier: GPL-2.0-or-later
// An ->mmap that fails, or that leaves something undone: what the kernel makes of it.
#include "lab.hpp"
#include "room.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

Injected fails_after(std::size_t page_count)
{
	return {.hook = PTELAB_HOOK_MMAP, .answer = PTELAB_ANSWER_ERROR, .error = EIO, .times = 1, .pages = page_count};
}

RULE_PER_NODE("failed_mmap_is_undone", bit_of(PTELAB_INSERT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PAGE), .contract = "MM-05",
	      .says = "After a failed ->mmap the kernel takes back the pages it inserted and never calls ->close",
	      .source = "mm/mmap.c:mmap_region")
{
	Device device = traced_region(rule.node(), kPages);
	const __s64 references = page_info(device, 1).references;
	EventLog log(device);

	inject(device, fails_after(2));
	rule.expect("mmap", map_errno(device.fd(), kPages), EIO);
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"mmap"});
	rule.expect("->mmap's answer", event_of(events, PTELAB_HOOK_MMAP).answer, -EIO);
	rule.expect("references of an inserted page", page_info(device, 1).references - references, 0);
	rule.expect("mmap again", map_errno(device.fd(), kPages), 0);
	rule.expect("closes", device.stats().closes, 1U);
}

RULE_PER_NODE("failed_mmap_leaves_a_hole", kFirstNodes, .contract = "MM-06",
	      .says = "A failing ->mmap with MAP_FIXED has already destroyed the mapping that was there: a hole remains",
	      .source = "mm/vma.h:vms_abort_munmap_vmas")
{
	const Device device = own_region(rule.node());
	Device failing = own_region(rule.node());
	Mapping map(device, pages(kPages));
	const std::span<std::byte> there = map.bytes();

	touch_all(map);
	inject(failing, fails_after(0));
	rule.expect("mmap", errno_of([&] { Mapping(failing, map.size(), {.flags = MAP_SHARED | MAP_FIXED, .at = map.data()}); }), EIO);
	rule.expect("the old mapping", map.touch(0).outcome(), kUnmapped);
	rule.expect("VMAs", count_vmas(there), 0U);
	rule.expect("closes of the old mapping", device.stats().closes, 1U);
	map.release();
}

RULE_PER_NODE("mmap_without_vm_ops", kFaultNodes | bit_of(PTELAB_BARE), .contract = "MM-08",
	      .says = "An ->mmap that sets no vm_ops makes a mapping whose every access is SIGBUS BUS_ADRERR", .source = "mm/memory.c:do_fault")
{
	Device device = own_region(rule.node());
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_NO_VM_OPS});
	const Mapping map(device, pages(kPages));

	rule.expect("VMAs", count_vmas(map.bytes()), 1U);
	rule.expect("a read", map.touch(0).outcome(), kSigbus);
	rule.expect("a write", map.write(pages(1), 1).outcome(), kSigbus);
	rule.expect("calls of ->fault", device.stats().faults, 0U);
}

RULE_PER_NODE("find_vma_inside_mmap", kFirstNodes, .contract = "MM-11",
	      .says = "find_vma() inside ->mmap does not find the VMA that is being made", .source = "mm/mmap.c:mmap_region")
{
	const Device device = traced_region(rule.node(), kPages);
	EventLog log(device);
	const Mapping map(device, pages(kPages));

	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"mmap"});
	rule.expect("found", event_of(events, PTELAB_HOOK_MMAP).present, 0U);
	rule.expect("found by LOOKUP afterwards", errno_of([&] { device.lookup(map.bytes()); }), 0);
}

} // namespace
} // namespace ptelab
