// SPDX-License-Identifier: GPL-2.0-or-later
// What mmap(2), mprotect(2), munmap(2) and mremap(2) answer on each node.
#include <ptelab/procfs.hpp>

#include "lab.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

RULE_PER_NODE("plain_open_and_mmap", kFirstNodes | kPrepareNodes, .says = "open and mmap with no ioctl give the whole region, every page of it accessible",
	      .source = "mm/mmap.c:mmap_region")
{
	const Device device(rule.node());
	const Mapping map(device, device.size());

	rule.expect("pages read", touch_all(map), map.pages());
}

RULE_PER_NODE("past_the_end_is_einval", kOffsetNodes | kPrepareNodes, .says = "A mapping that would reach beyond the region is refused with EINVAL",
	      .source = "mm/mmap.c:mmap_region")
{
	const Device device(rule.node());
	const std::size_t size = device.size();
	const auto refusal = [&](std::size_t bytes, std::size_t offset) {
		return errno_of([&] { Mapping(device, bytes, {.offset = offset}); });
	};

	rule.expect("one page too many", refusal(size + pages(1), 0), EINVAL);
	rule.expect("offset at the end", refusal(pages(1), size), EINVAL);
	rule.expect("across the end", refusal(pages(2), size - pages(1)), EINVAL);
	rule.expect("offset far beyond", refusal(pages(1), std::size_t{1} << 40), EINVAL);
	rule.expect("the last page", refusal(pages(1), size - pages(1)), 0);
}

RULE_PER_NODE("offset_is_honoured", kOffsetNodes | kPrepareNodes, .says = "A mapping with an offset begins at that byte of the region",
	      .source = "mm/memory.c:vm_iomap_memory")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(2), {.offset = pages(5)});
	const std::uint32_t sent = 0x50'0f'f5'e7;
	std::uint32_t seen = 0;

	map.put(0, sent);
	device.read(pages(5), std::as_writable_bytes(std::span(&seen, 1)));
	rule.expect("the driver's bytes", seen, sent);
}

RULE_PER_NODE("exec_is_eacces", kAllNodes | kPrepareNodes, .says = "PROT_EXEC is refused with EACCES by mmap and by mprotect",
	      .source = "mm/mprotect.c:do_mprotect_pkey")
{
	const Device device = own_region(rule.node());

	rule.expect("mmap", errno_of([&] { Mapping(device, pages(1), {.prot = PROT_READ | PROT_EXEC}); }), EACCES);
	Mapping map(device, pages(1));
	rule.expect("mprotect", errno_of([&] { map.protect(PROT_READ | PROT_EXEC); }), EACCES);
	rule.expect("still accessible", map.touch(0).outcome(), kOk);
}

RULE("fault_insert_pfn.private_is_einval",
     .says = "MAP_PRIVATE is refused with EINVAL, because vmf_insert_pfn has a BUG_ON for a copy-on-write mapping",
     .source = "mm/memory.c:vmf_insert_pfn_prot")
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));

	for (const int prot : {PROT_READ, PROT_READ | PROT_WRITE})
		rule.expect(prot & PROT_WRITE ? "writable" : "read-only",
			    errno_of([&] { Mapping(device, pages(1), {.prot = prot, .flags = MAP_PRIVATE}); }), EINVAL);
	rule.expect("refused mappings counted", device.stats().map_errors, 2U);
}

RULE_PER_NODE("private_writes_go_to_a_copy", kPrivateNodes,
	      .says = "A write to a MAP_PRIVATE mapping reaches a copy of the page, not the driver's",
	      .source = "mm/memory.c:wp_page_copy")
{
	Device device = own_region(rule.node());
	const std::size_t at = pages(4);
	std::vector<std::byte> before(8);
	device.read(at, before);
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
	std::vector<std::byte> seen(before.size());

	map.copy_out(at, seen);
	rule.expect("reads the driver's bytes", seen == before, true);
	const std::vector<std::byte> sent = pattern(before.size(), 3);
	map.copy_in(at, sent);
	map.copy_out(at, seen);
	rule.expect("reads its own bytes back", seen == sent, true);
	device.read(at, seen);
	rule.expect("the driver's bytes are as before", seen == before, true);
	rule.expect("the page is not the region's", (state_of(device, map, 4) & PTELAB_PTE_OURS) != 0, false);
	rule.expect("its neighbour is not copied", map.touch(5).outcome(), kOk);
	rule.expect("its neighbour is the region's", (state_of(device, map, 5) & PTELAB_PTE_OURS) != 0, true);
}

RULE("remap_pfn.private_needs_contiguous_pages",
     .says = "MAP_PRIVATE of a region of scattered pages is refused with EINVAL: a copy-on-write mapping must be remapped in one call",
     .source = "mm/memory.c:remap_pfn_range_notrack", .needs = {root()})
{
	constexpr std::size_t kMany = 1024; // so many that they are not contiguous by chance
	const Device device = own_region(node_of(PTELAB_REMAP_PFN), kMany, {.backing = PTELAB_BACKING_SINGLE});
	bool contiguous = true;
	{
		const Mapping map(device, pages(kMany));
		const std::vector<ptelab_pte> entries = device.lookup(map.bytes());
		for (std::size_t index = 0; index < entries.size(); ++index)
			contiguous = contiguous && entries[index].pfn == entries[0].pfn + index;
		rule.expect("shared", touch_all(map), kMany);
	}
	rule.expect("private", errno_of([&] { Mapping(device, pages(kMany), {.flags = MAP_PRIVATE}); }),
		    choose(contiguous, 0, EINVAL, "the pages that the allocator gave are contiguous, or they are not"));
}

RULE_PER_NODE("read_only_file", kFirstNodes, .says = "A file opened for reading maps shared for reading only, for ever",
	      .source = "mm/mmap.c:do_mmap")
{
	const Device device(rule.node(), O_RDONLY);

	rule.expect("writable mmap", errno_of([&] { Mapping(device, pages(1)); }), EACCES);
	Mapping map(device, pages(1), {.prot = PROT_READ});
	rule.expect("read", map.touch(0).outcome(), kOk);
	rule.expect("write", map.write(0, 1).outcome(), kForbidden);
	rule.expect("mprotect", errno_of([&] { map.protect(PROT_READ | PROT_WRITE); }), EACCES);
}

RULE_PER_NODE("write_only_file", kFirstNodes, .says = "A file opened for writing only cannot be mapped", .source = "mm/mmap.c:do_mmap")
{
	const Device device(rule.node(), O_WRONLY);

	rule.expect("mmap", errno_of([&] { Mapping(device, pages(1), {.prot = PROT_WRITE}); }), EACCES);
}

RULE_PER_NODE("protection_is_obeyed", kAllNodes, .says = "mprotect takes rights away and gives them back, and the pages stay",
	      .source = "mm/mprotect.c:mprotect_fixup")
{
	const Device device = own_region(rule.node());
	Mapping map(device, pages(kPages));
	const std::size_t at = pages(4);

	map.put(at, std::uint8_t{0x42});
	map.protect(PROT_READ);
	rule.expect("write to read-only", map.write(at, 1).outcome(), kForbidden);
	map.protect(PROT_NONE);
	rule.expect("read of nothing", map.read(at).outcome(), kForbidden);
	map.protect(PROT_READ | PROT_WRITE);
	rule.expect("the byte is there", map.get<std::uint8_t>(at), 0x42);
	rule.expect("write again", map.write(at, 0).outcome(), kOk);
}

// remap_vmalloc has a rule of its own: insert_pages.cpp.
RULE_PER_NODE("vm_flags", kAllNodes & ~bit_of(PTELAB_REMAP_VMALLOC), .contract = "IP-07",
	      .says = "vm_insert_page sets VM_MIXEDMAP and nothing else; a PFN mapping is io pf de dd; a plain one has none of these",
	      .source = "mm/memory.c:vm_insert_page, remap_pfn_range")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(1));
	const std::optional<Smaps> smaps = smaps_at(map.data());
	REQUIRE(smaps);
	const bool mixed = is_one_of(rule.node(), kMixedNodes);

	Value::Array all(smaps->flags.begin(), smaps->flags.end());
	if (rule.node().pfn && !rule.node().faults)
		std::erase(all, Value("ar")); // shows_its_reservation judges it
	rule.because("all VmFlags", "sd, which a new mapping has, is there only with CONFIG_MEM_SOFT_DIRTY");
	rule.observe("all VmFlags", all);
	rule.expect("mm", smaps->has("mm"), mixed);
	for (const char *flag : {"io", "pf", "de", "dd"})
		rule.expect(flag, smaps->has(flag), rule.node().pfn);
}

RULE_PER_NODE("munmap_of_the_tail", kFirstNodes, .says = "Unmapping the tail leaves the head mapped and working", .source = "mm/mmap.c:__split_vma")
{
	const Device device = own_region(rule.node());
	Mapping head(device, pages(kPages));
	Mapping tail = head.split(pages(4));
	std::byte *const gone = tail.data();

	tail.unmap();
	rule.expect("head", touch_all(head), 4U);
	rule.expect("tail", Probe().read(gone).outcome(), kUnmapped);
	const ptelab_stats stats = device.stats();
	rule.observe("opens", stats.opens);
	rule.observe("closes", stats.closes);
	rule.expect("mappings alive", stats.maps + stats.opens - stats.closes, 1U);
}

RULE_PER_NODE("munmap_of_the_middle", kSplitNodes & kFirstNodes, .says = "Unmapping pages in the middle leaves the ends mapped and working",
	      .source = "mm/mmap.c:__split_vma")
{
	const Device device = own_region(rule.node());
	Mapping low(device, pages(kPages));
	Mapping middle = low.split(pages(4));
	const Mapping high = middle.split(pages(4));
	std::byte *const hole = middle.data();

	middle.unmap();
	rule.expect("low end", touch_all(low), 4U);
	rule.expect("high end", touch_all(high), kPages - 8);
	rule.expect("middle", Probe().read(hole).outcome(), kUnmapped);
	const ptelab_stats stats = device.stats();
	rule.observe("opens", stats.opens);
	rule.observe("closes", stats.closes);
	rule.expect("mappings alive", stats.maps + stats.opens - stats.closes, 2U);
}

RULE_PER_NODE("map_fixed_over_it", kSplitNodes & kFirstNodes, .says = "Another mapping put over the middle with MAP_FIXED takes its place, the ends go on working",
	      .source = "mm/mmap.c:mmap_region")
{
	const Device device = own_region(rule.node());
	Mapping low(device, pages(kPages));
	Mapping middle = low.split(pages(4));
	const Mapping high = middle.split(pages(4));

	const Mapping over(-1, middle.size(), {.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, .at = middle.data()});
	middle.release();
	rule.expect("the new mapping", over.get<std::uint8_t>(0), 0);
	rule.expect("ends", touch_all(low) + touch_all(high), kPages - 4);
	rule.expect("not ours any more", errno_of([&] { (void)device.lookup(over.bytes()); }), EINVAL);
}

RULE_PER_NODE("mremap_moves", kFirstNodes, .says = "mremap to another address keeps the bytes, and the old address is unmapped",
	      .source = "mm/mremap.c:move_vma")
{
	const Device device = own_region(rule.node());
	Mapping map(device, pages(kPages));
	Mapping target(-1, map.size(), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	std::byte *const old = map.data();

	map.put(pages(4), std::uint8_t{0x77});
	map.remap(map.size(), MREMAP_MAYMOVE | MREMAP_FIXED, target.data());
	target.release();
	rule.expect("the byte", map.get<std::uint8_t>(pages(4)), 0x77);
	rule.expect("all pages", touch_all(map), kPages);
	rule.expect("the old address", Probe().read(old).outcome(), kUnmapped);
	map.put(pages(4), std::uint8_t{0});
}

RULE_PER_NODE("mremap_shrinks", kFirstNodes, .says = "mremap to a smaller size unmaps the tail and keeps the rest",
	      .source = "mm/mremap.c:mremap")
{
	const Device device = own_region(rule.node());
	Mapping map(device, pages(kPages));
	std::byte *const tail = map.page(4).data();

	map.remap(pages(4), 0);
	rule.expect("the rest", touch_all(map), 4U);
	rule.expect("the tail", Probe().read(tail).outcome(), kUnmapped);
}

// Growing with MREMAP_FIXED, to where there is room: growing in place is a matter of its own, see below.
RULE_PER_NODE("mremap_grows", kAllNodes, .contract = "MR-01",
	      .says = "Growing a mapping that is VM_DONTEXPAND is EFAULT; any other grows, and the driver decides what the tail holds",
	      .source = "mm/mremap.c:vma_to_resize")
{
	const Device device = own_region(rule.node());
	Mapping map(device, pages(kPages / 2));
	Mapping room(-1, pages(kPages + 1), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});

	const Errno grown = errno_of([&] { map.remap(room.size(), MREMAP_MAYMOVE | MREMAP_FIXED, room.data()); });
	rule.expect("growing", grown, is_one_of(rule.node(), kBoundedNodes) ? EFAULT : 0);
	if (grown.value == 0)
		room.release();
	rule.expect("what was mapped", map.touch(0).outcome(), kOk);
	if (grown.value != 0)
		return;
	rule.expect("the tail", map.touch(kPages / 2).outcome(), rule.node().faults ? kOk : kSigbus);
	rule.expect("beyond the region", map.touch(kPages).outcome(), kSigbus);
}

RULE_PER_NODE("mremap_grows_in_place", kAllNodes & ~kBoundedNodes, .contract = "MR-03",
	      .says = "Growing in place calls no hook of the driver; where the kernel cannot merge a VM_MIXEDMAP mapping with its growth, it is ENOMEM",
	      .source = "mm/mmap.c:vma_merge_extend")
{
	const Device device = own_region(rule.node());
	// Room for the growth, in which the kernel has nothing to put there itself.
	Mapping room(-1, pages(2 * kPages), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	Mapping after = room.split(pages(kPages));
	Mapping map(device, pages(kPages / 2), {.flags = MAP_SHARED | MAP_FIXED, .at = room.data()});
	room.split(pages(kPages / 2)).unmap();
	room.release();
	const ptelab_stats before = device.stats();

	const Errno grown = errno_of([&] { map.remap(pages(kPages), 0); });
	rule.because("errno", "growth is a merge with nothing, refused for VM_SPECIAL since 6.3");
	rule.observe("errno", grown);
	const bool mixed = is_one_of(rule.node(), kMixedNodes);
	rule.expect("grown, or refused as the kernel may", grown.value == 0 || (mixed && grown == ENOMEM), true);
	rule.expect("what was mapped", map.touch(0).outcome(), kOk);
	if (grown.value != 0)
		return;
	rule.expect("the tail", map.touch(kPages / 2).outcome(), rule.node().faults ? kOk : kSigbus);
	rule.expect("maps", device.stats().maps, before.maps);
	rule.expect("opens", device.stats().opens, before.opens);
	rule.expect("closes", device.stats().closes, before.closes);
}

RULE_PER_NODE("populate", kAllNodes, .says = "MAP_POPULATE faults every page in, except in a PFN mapping, which it skips without an error",
	      .source = "mm/gup.c:populate_vma_page_range")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages), {.flags = MAP_SHARED | MAP_POPULATE});
	const Node &node = rule.node();

	rule.expect("present", present(device, map), node.pfn && node.faults ? 0U : kPages);
	rule.expect("faults", device.stats().faults, node.faults && !node.pfn ? faults_to_fill(node, kPages) : 0U);
}

} // namespace
} // namespace ptelab
