// SPDX-License-Identifier: GPL-2.0-or-later
// mremap: driver mappings that grow, shrink, move and are doubled.
#include <sys/mman.h>
#include <unistd.h>

#include "lab.hpp"
#include "release.hpp"
#include "room.hpp"
#include "trace.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

constexpr __u32 kGrowingNodes = kAllNodes & ~kBoundedNodes;
constexpr std::size_t kGrown = 20; // pages, more than the region has

// Every hook that mremap could call.
constexpr __u64 kMoveHooks = kOpenAndClose | hook_bit(PTELAB_HOOK_MAY_SPLIT) | hook_bit(PTELAB_HOOK_MREMAP) | hook_bit(PTELAB_HOOK_FAULT);

// Grows where it is: the room behind it is given up first.
Errno grow_in_place(Mapping &map, Mapping &&behind)
{
	const std::size_t bytes = map.size() + behind.size();
	behind.unmap();
	return errno_of([&] { map.remap(bytes, 0); });
}

RULE_PER_NODE("growing_a_pfn_mapping", kBoundedNodes, .contract = "MR-01",
	      .says = "A PFN mapping, or one by remap_vmalloc_range, does not grow, in place or elsewhere: EFAULT", .source = "mm/mremap.c:vma_to_resize")
{
	const Device device = own_region(rule.node());
	Mapping room = reserve(kGrown);
	Mapping behind = room.split(pages(8));
	Mapping map = map_into(std::move(room), device);

	touch_all(map);
	rule.expect("elsewhere", errno_of([&] { map.remap(pages(kGrown), MREMAP_MAYMOVE); }), EFAULT);
	rule.expect("in place", grow_in_place(map, std::move(behind)), EFAULT);
	rule.expect("present", present(device, map), 8U);
}

RULE_PER_NODE("growing_a_page_mapping", kGrowingNodes, .contract = "MR-02",
	      .says = "A mapping of pages grows, at the latest by moving; the new end is empty, and ->fault is asked for pages that ->mmap never saw",
	      .source = "mm/mremap.c:vma_to_resize")
{
	const Node &node = rule.node();
	const Device device = traced_region(node, kPages);
	Mapping room = reserve(9);
	const Mapping wall = room.split(pages(8)); // nothing grows into this
	Mapping map = map_into(std::move(room), device);

	touch_all(map);
	rule.expect("in place, without room", errno_of([&] { map.remap(pages(kGrown), 0); }), ENOMEM);
	EventLog log(device);
	rule.expect("elsewhere", errno_of([&] { map.remap(pages(kGrown), MREMAP_MAYMOVE); }), 0);
	rule.expect("VMAs", count_vmas(map.bytes()), 1U);
	rule.expect("present", present(device, map), 8U);
	log.take();
	rule.expect("a page behind the old end", map.touch(9).outcome(), node.faults ? kOk : kSigbus);
	rule.expect("a page behind the region's end", map.touch(17).outcome(), kSigbus);
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"fault", "fault"});
	rule.expect("the offset that ->fault is asked for", event_of(events, PTELAB_HOOK_FAULT, 1).pgoff, 17U);
}

RULE_PER_NODE("growing_in_place", kGrowingNodes, .contract = "MR-03",
	      .says = "Growth in place calls no hook at all; VM_MIXEDMAP, which never merges, could grow so until 6.3",
	      .source = "mm/vma.c:vma_merge_new_range")
{
	const Device device = traced_region(rule.node(), kPages, {.hooks = kMoveHooks});
	Mapping room = reserve(kGrown);
	Mapping behind = room.split(pages(8));
	Mapping map = map_into(std::move(room), device);
	const bool special = is_one_of(rule.node(), kSpecialNodes);

	touch_all(map);
	EventLog log(device);
	const Errno error = grow_in_place(map, std::move(behind));
	rule.expect("mremap", error,
		    choose(special && !older_than(6, 3), Errno(ENOMEM), Errno(0),
			   "growth is a merge with nothing, refused for VM_SPECIAL; before 6.3 a VMA with ->close was resized instead, and only drivers' VMAs have both"));
	rule.expect("hooks", hook_names(log.take()), std::vector<std::string>{});
	rule.expect("pages", map.pages(), error == Errno{} ? kGrown : 8U);
	rule.expect("VMAs", count_vmas(map.bytes()), 1U);
	rule.expect("present", present(device, map), 8U);
}

// Whether mremap(2) merges what it lets grow, as it has since 6.0: seen by two anonymous VMAs with a gap that one grows into.
bool growth_merges()
{
	const std::size_t page = page_size();
	const Mapping room(-1, 3 * page, {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	std::byte *const start = room.data();

	if (::munmap(start + page, page) < 0)
		throw_errno("munmap");
	if (::mremap(start, page, 2 * page, 0) == MAP_FAILED)
		throw_errno("mremap");
	return count_vmas(room.bytes()) == 1;
}

RULE_PER_NODE("growing_in_place_without_close", kGrowingNodes & kFaultNodes, .contract = "MR-03",
	      .says = "Without ->close growth in place is a merge: VM_MIXEDMAP gets ENOMEM, and grew before mremap knew of merging",
	      .source = "mm/mremap.c:mremap, mm/mmap.c:vma_merge")
{
	const Device device = traced_region(rule.node(), kPages, {.hooks = hook_bit(PTELAB_HOOK_FAULT)});
	Mapping room = reserve(kGrown);
	Mapping behind = room.split(pages(8));
	Mapping map = map_into(std::move(room), device);

	rule.expect("mremap", grow_in_place(map, std::move(behind)),
		    choose(is_one_of(rule.node(), kPlainNodes) || !growth_merges(), Errno(0), Errno(ENOMEM),
			   "growth is a merge with nothing, refused for VM_SPECIAL; on kernels where it closes no gap between two VMAs it is none"));
}

RULE_PER_NODE("moving", kAllNodes, .contract = "MR-04",
	      .says = "A move takes the page table entries along without ->fault: ->open of the new VMA, the entries, ->mremap, ->close of the old one",
	      .source = "mm/mremap.c:move_vma")
{
	const Device device = traced_region(rule.node(), kPages, {.hooks = kMoveHooks});
	Mapping map(device, pages(kPages));

	touch_all(map);
	const __u64 from = address_of(map.bytes());
	EventLog log(device);
	rule.expect("mremap", move_into(map, reserve(kPages)), 0);
	const __u64 to = address_of(map.bytes());
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"open", "mremap", "close"});
	rule.expect("->open is of the new", event_of(events, PTELAB_HOOK_OPEN).start == to, true);
	rule.expect("present in ->open", event_of(events, PTELAB_HOOK_OPEN).present, 0U);
	rule.expect("->mremap is of the new", event_of(events, PTELAB_HOOK_MREMAP).start == to, true);
	rule.expect("->close is of the old", event_of(events, PTELAB_HOOK_CLOSE).start == from, true);
	rule.expect("present in ->close", event_of(events, PTELAB_HOOK_CLOSE).present, 0U);
	rule.expect("present", present(device, map), kPages);
	rule.expect("accesses", touch_all(map), kPages);
	rule.expect("hooks of the accesses", hook_names(log.take()), std::vector<std::string>{});
}

RULE_PER_NODE("a_move_that_the_driver_refuses", kFirstNodes, .contract = "MR-05",
	      .says = "If ->mremap fails the entries go back, the new VMA is closed, mremap fails with that errno, and the old mapping works on",
	      .source = "mm/mremap.c:move_vma")
{
	Device device = traced_region(rule.node(), kPages, {.hooks = kMoveHooks});
	Mapping map(device, pages(kPages));
	Mapping target = reserve(kPages);
	const std::span<const std::byte> there = target.bytes();

	touch_all(map);
	inject(device, {.hook = PTELAB_HOOK_MREMAP, .answer = PTELAB_ANSWER_ERROR, .error = EXDEV});
	EventLog log(device);
	rule.expect("mremap", move_into(map, std::move(target)), EXDEV);
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"open", "mremap", "close"});
	rule.expect("->close is of the new", event_of(events, PTELAB_HOOK_CLOSE).start == address_of(there), true);
	rule.expect("VMAs at the new place", count_vmas(there), 0U);
	rule.expect("present", present(device, map), kPages);
	rule.expect("accesses", touch_all(map), kPages);
}

// Since 5.13 MREMAP_DONTUNMAP is for any mapping that may grow.
bool takes_files_for_dontunmap()
{
	const int fd = ::memfd_create("moved", MFD_CLOEXEC);
	if (fd < 0)
		throw_errno("memfd_create");
	const Mapping map(fd, pages(1), {.prot = PROT_NONE});
	::close(fd);
	Mapping target = reserve(1);
	return remap_raw(map.data(), map.size(), map.size(), MREMAP_DONTUNMAP, target) == Errno{};
}

RULE_PER_NODE("moving_without_unmapping", kAllNodes, .contract = "MR-06",
	      .says = "MREMAP_DONTUNMAP moves the pages and leaves an empty mapping behind; what is VM_DONTEXPAND refuses it",
	      .source = "mm/mremap.c:vma_to_resize")
{
	const Node &node = rule.node();
	const Device device = own_region(node);
	const Mapping map(device, pages(kPages));
	Mapping target = reserve(kPages);

	touch_all(map);
	const Errno error = remap_raw(map.data(), map.size(), map.size(), MREMAP_DONTUNMAP, target);
	rule.expect("mremap", error,
		    choose(takes_files_for_dontunmap(), Errno(is_one_of(node, kBoundedNodes) ? EINVAL : 0), Errno(EINVAL),
			   "until 5.13 it was for private anonymous memory alone: measured on a memfd"));
	if (error != Errno{}) {
		rule.expect("present", present(device, map), kPages);
		return;
	}
	rule.expect("present in the old", present(device, map), 0U);
	rule.expect("present in the new", present(device, target), kPages);
	const __u64 before = device.stats().faults;
	rule.expect("an access of the old", map.touch(3).outcome(), node.faults ? kOk : kSigbus);
	rule.expect("calls of ->fault", device.stats().faults - before, 1U);
	rule.expect("accesses of the new", touch_all(target), kPages);
}

RULE_PER_NODE("duplicating", kAllNodes, .contract = "MR-07",
	      .says = "mremap of 0 bytes doubles a shared mapping: ->open is called and the copy is empty; what is VM_DONTEXPAND refuses with EFAULT",
	      .source = "mm/mremap.c:vma_to_resize")
{
	const Node &node = rule.node();
	const Device device = own_region(node);
	const Mapping map(device, pages(kPages));
	Mapping copy = reserve(kPages);

	touch_all(map);
	const Errno error = remap_raw(map.data(), 0, map.size(), 0, copy);
	const bool refused = is_one_of(node, kBoundedNodes);
	rule.expect("mremap", error, refused ? EFAULT : 0);
	rule.expect("present", present(device, map), kPages);
	rule.expect("calls of ->open", device.stats().opens, refused ? 0U : 1U);
	if (error != Errno{})
		return;
	rule.expect("present in the copy", present(device, copy), 0U);
	rule.expect("an access of the copy", copy.touch(0).outcome(), node.faults ? kOk : kSigbus);
}

RULE("mremap.duplicating_a_private_mapping", .contract = "MR-07", .says = "mremap of 0 bytes of a private mapping is EINVAL",
     .source = "mm/mremap.c:vma_to_resize")
{
	const Device device = own_region(node_of(PTELAB_INSERT_PAGE));
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
	Mapping copy = reserve(kPages);

	rule.declare_kernel_line("attempted to duplicate a private mapping with mremap");
	rule.expect("mremap", remap_raw(map.data(), 0, map.size(), 0, copy), EINVAL);
	rule.expect("present", present(device, map), kPages);
}

// Not PTELAB_IOMAP where the move has happened before the driver is asked: the piece cannot be unmapped without a complaint of
// PAT's then (arch/x86/mm/pat/memtype.c: untrack_pfn).
RULE_PER_NODE("moving_the_middle_that_may_not_be_split", kFirstNodes, .contract = "MR-08",
	      .says = "A driver that refuses the split keeps a part of its mapping from being moved: its errno, and nothing has happened; while the "
		      "hook was called ->split, the part had moved by then, and what it left could only not be unmapped",
	      .source = "mm/mremap.c:move_vma")
{
	const bool asks_first = kernel_features() & PTELAB_HAS_MAY_SPLIT;
	if (!asks_first && rule.node().method == PTELAB_IOMAP)
		rule.skip("this kernel moves first and asks then, which leaves a device's memory type reserved");
	const std::string reason = "5.11 made ->split ->may_split and asks before the move";
	Device device = traced_region(rule.node(), kPages, {.hooks = kMoveHooks});
	const Mapping map(device, pages(kPages));
	Mapping target = reserve(4);

	touch_all(map);
	inject(device, {.hook = PTELAB_HOOK_MAY_SPLIT, .answer = PTELAB_ANSWER_ERROR, .error = EBUSY});
	EventLog log(device);
	rule.expect("mremap", remap_raw(map.page(4).data(), pages(4), pages(4), 0, target), choose(asks_first, Errno(EBUSY), Errno(0), reason));
	rule.expect("hooks", hook_names(log.take()),
		    choose(asks_first, std::vector<std::string>{"may_split"}, std::vector<std::string>{"open", "mremap", "may_split"}, reason));
	rule.expect("VMAs", count_vmas(map.bytes()), 1U);
	rule.expect("present", present(device, map), choose(asks_first, kPages, kPages - 4, reason));
	if (!asks_first)
		rule.expect("present in the part that moved", present(device, target), 4U);
}

RULE_PER_NODE("shrinking", kAllNodes, .contract = "MR-09",
	      .says = "Every driver mapping shrinks; the end is split off and closed as by munmap", .source = "mm/mremap.c:mremap")
{
	const Device device = traced_region(rule.node(), kPages);
	Mapping map(device, pages(kPages));
	const __u64 start = address_of(map.bytes());

	touch_all(map);
	EventLog log(device);
	rule.expect("mremap", errno_of([&] { map.remap(pages(6), 0); }), 0);
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"open", "close"});
	rule.expect("closed from", event_of(events, PTELAB_HOOK_CLOSE).start - start, pages(6));
	rule.expect("closed up to", event_of(events, PTELAB_HOOK_CLOSE).end - start, pages(kPages));
	rule.expect("accesses", touch_all(map), 6U);
	rule.expect("present", present(device, map), 6U);
}

bool moves_several_mappings()
{
	Mapping first(-1, pages(2), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	Mapping second = first.split(pages(1));
	Mapping target = reserve(2);

	second.protect(PROT_READ);
	if (remap_raw(first.data(), pages(2), pages(2), 0, target) != Errno{})
		return false;
	first.release();
	second.release();
	return true;
}

RULE_PER_NODE("moving_several_mappings", kFirstNodes, .contract = "MR-10",
	      .says = "One mremap does not move several mappings, EFAULT, until 6.17 taught it to", .source = "mm/mremap.c:remap_move")
{
	const Device device = own_region(rule.node());
	Mapping map(device, pages(kPages));
	Mapping second = map.split(pages(8));
	Mapping target = reserve(kPages);
	const bool refuses = !moves_several_mappings();

	second.protect(PROT_READ);
	touch_all(map);
	touch_all(second);
	const std::byte *const from = map.data();
	const Errno error = remap_raw(from, pages(kPages), pages(kPages), 0, target);
	rule.expect("mremap", error, choose(refuses, Errno(EFAULT), Errno(0), "remap_move came with 6.17: measured on anonymous memory"));
	if (error == Errno{}) {
		map.release();
		second.release();
		rule.expect("present", present(device, target.split(pages(8))) + present(device, target), kPages);
	} else {
		rule.expect("present", present(device, map) + present(device, second), kPages);
	}
}

} // namespace
} // namespace ptelab
