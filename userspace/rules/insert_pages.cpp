// SPDX-License-Identifier: GPL-2.0-or-later
// The calls that take many pages at once: vm_insert_pages, vm_map_pages, vm_map_pages_zero, remap_vmalloc_range.
#include "calls.hpp"

namespace ptelab {
namespace {

ptelab_call calling(ptelab_call_id id, const Mapping &map, __u64 count)
{
	ptelab_call wanted{};
	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = id;
	wanted.address = address_of(map);
	wanted.count = count;
	return wanted;
}

// Which page of the region, counted from 1, each page of the mapping is; 0: none.
std::vector<__u64> pages_mapped(const Device &device, const Mapping &map)
{
	std::vector<__u64> found;
	for (const ptelab_pte &entry : device.lookup(map.bytes()))
		found.push_back(entry.page);
	return found;
}

RULE("insert_pages.part_of_them", .contract = "IP-13",
     .says = "vm_insert_pages stops at a page that it refuses, leaves those before it mapped, and tells how many are left",
     .source = "mm/memory.c:insert_pages")
{
	const Device device = bare();
	const Mapping map(device, pages(8));
	ptelab_call wanted = calling(PTELAB_CALL_INSERT_PAGES, map, 8);
	wanted.source = PTELAB_SOURCE_ORDER1_TAIL; // reference count 0
	wanted.bad = 5;

	const ptelab_call done = call(device, wanted);
	rule.expect("errno", answer(done), EINVAL);
	rule.expect("left", done.left, 3U);
	rule.expect("mapped", pages_mapped(device, map), std::vector<__u64>{1, 2, 3, 4, 5, 0, 0, 0});
	rule.expect("pages read", touch_all(map), 5U);
	rule.expect("references of page 4", page_info(device, 4).references, 2);
	rule.expect("references of page 6", page_info(device, 6).references, 1);
}

RULE("insert_pages.all_of_them", .contract = "IP-13", .says = "vm_insert_pages that succeeds tells that no page is left",
     .source = "mm/memory.c:insert_pages")
{
	const Device device = bare();
	const Mapping map(device, pages(kPages));
	const ptelab_call done = call(device, calling(PTELAB_CALL_INSERT_PAGES, map, kPages));

	rule.expect("errno", answer(done), 0);
	rule.expect("left", done.left, 0U);
	rule.expect("pages read", touch_all(map), kPages);
	rule.expect("VmFlags", driver_flags(map), "mm");
	const ptelab_call again = call(device, calling(PTELAB_CALL_INSERT_PAGES, map, kPages));
	rule.expect("errno over occupied entries", answer(again), EBUSY);
	rule.expect("left over occupied entries", again.left, kPages);
}

RULE("insert_pages.leaves_the_vma", .contract = "IP-14", .says = "vm_insert_pages over a range that leaves the VMA is EFAULT and maps nothing",
     .source = "mm/memory.c:vm_insert_pages")
{
	const Device device = bare();
	const Mapping map(device, pages(4));

	for (const auto &[name, first, count] : {std::tuple{"past its end", 2, 3U}, {"from before it", -1, 2U}}) {
		const std::string what(name);
		ptelab_call wanted = calling(PTELAB_CALL_INSERT_PAGES, map, count);
		wanted.anchor = address_of(map);
		wanted.address = address_of(map, first);
		const ptelab_call done = call(device, wanted);
		rule.expect(what, answer(done), EFAULT);
		rule.expect(what + ", left", done.left, count);
	}
	rule.expect("present", present(device, map), 0U);
	rule.expect("VmFlags", driver_flags(map), "");
}

struct MappedFour {
	Errno error;
	std::vector<__u64> found;
};

// vm_map_pages() of an array of four pages, in a mapping of this place and length.
MappedFour map_four(ptelab_call_id id, std::size_t pgoff, std::size_t length)
{
	const Device device = bare();
	const Mapping map(device, pages(length), {.offset = pages(pgoff)});

	const Errno error = answer_to(device, calling(id, map, 4));
	return {error, pages_mapped(device, map)};
}

RULE("insert_pages.map_pages_offset", .contract = "IP-15",
     .says = "vm_map_pages wants the offset and the length of the mapping inside the array, vm_map_pages_zero looks at the length alone",
     .source = "mm/memory.c:__vm_map_pages")
{
	rule.expect("offset 4", map_four(PTELAB_CALL_MAP_PAGES, 4, 1).error, ENXIO);
	rule.expect("offset 2, length 3", map_four(PTELAB_CALL_MAP_PAGES, 2, 3).error, ENXIO);
	const MappedFour part = map_four(PTELAB_CALL_MAP_PAGES, 2, 2);
	rule.expect("offset 2, length 2", part.error, 0);
	rule.expect("offset 2, length 2, mapped", part.found, std::vector<__u64>{3, 4});

	const MappedFour zero = map_four(PTELAB_CALL_MAP_PAGES_ZERO, 2, 4);
	rule.expect("zero: offset 2, length 4", zero.error, 0);
	rule.expect("zero: offset 2, length 4, mapped", zero.found, std::vector<__u64>{1, 2, 3, 4});
	rule.expect("zero: length 5", map_four(PTELAB_CALL_MAP_PAGES_ZERO, 0, 5).error, ENXIO);
}

// remap_vmalloc_range() of a buffer of so many pages.
ptelab_call remapping(const Mapping &map, ptelab_page_source source, __u64 count)
{
	ptelab_call wanted = calling(PTELAB_CALL_REMAP_VMALLOC, map, count);
	wanted.source = source;
	return wanted;
}

RULE("insert_pages.remap_vmalloc", .contract = "IP-17",
     .says = "remap_vmalloc_range takes memory of vmalloc_user only, all of the mapping or nothing, and sets VM_DONTEXPAND and VM_DONTDUMP",
     .source = "mm/vmalloc.c:remap_vmalloc_range_partial")
{
	{
		const Device device = bare();
		const Mapping map(device, pages(4));
		rule.expect("of vmalloc", answer_to(device, remapping(map, PTELAB_SOURCE_PLAIN_VMALLOC, 4)), EINVAL);
		rule.expect("of vmalloc, VmFlags", driver_flags(map), "");
		rule.expect("of vmalloc, present", present(device, map), 0U);
		rule.expect("of vmalloc_user", answer_to(device, remapping(map, PTELAB_SOURCE_USER_VMALLOC, 4)), 0);
		rule.expect("of vmalloc_user, VmFlags", driver_flags(map), "mm de dd");
		rule.expect("of vmalloc_user, pages read", touch_all(map), 4U);
	}
	const Device device = bare();
	const Mapping map(device, pages(4));
	rule.expect("too short", answer_to(device, remapping(map, PTELAB_SOURCE_USER_VMALLOC, 3)), EINVAL);
	rule.expect("too short, present", present(device, map), 0U);
}

RULE("remap_vmalloc.vm_flags", .contract = "IP-17", .says = "A mapping made by remap_vmalloc_range at mmap is mm de dd",
     .source = "mm/vmalloc.c:remap_vmalloc_range_partial")
{
	const Device device = own_region(node_of(PTELAB_REMAP_VMALLOC));
	const Mapping map(device, pages(4), {.offset = pages(2)});

	rule.expect("VmFlags", driver_flags(map), "mm de dd");
	rule.expect("mapped", pages_mapped(device, map), std::vector<__u64>{3, 4, 5, 6});
}

} // namespace
} // namespace ptelab
