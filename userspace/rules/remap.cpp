// SPDX-License-Identifier: GPL-2.0-or-later
// remap_pfn_range: the flags it sets, what it refuses, and what it does to a private mapping. And apply_to_page_range.
#include <algorithm>
#include <regex>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "machine.hpp"
#include "misuse_module.hpp"

namespace ptelab {
namespace {

constexpr const char *kRemapFlags = "io pf de dd";

const Node &remap_pfn()
{
	return node_of(PTELAB_REMAP_PFN);
}

ptelab_call remapping(const Mapping &map, std::size_t first, std::size_t count)
{
	ptelab_call wanted{};
	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = PTELAB_CALL_REMAP;
	wanted.address = address_of(map, static_cast<std::int64_t>(first));
	wanted.index = first;
	wanted.bytes = pages(count);
	return wanted;
}

RULE("remap_pfn.exact_flags", .contract = "RM-01", .says = "remap_pfn_range makes the VMA io pf de dd and nothing else, also when it maps a part of it",
     .source = "mm/memory.c:remap_pfn_range_internal")
{
	{
		const Device device = own_region(remap_pfn());
		const Mapping map(device, pages(4));
		rule.expect("in ->mmap", driver_flags(map), kRemapFlags);
	}
	const Device device = bare();
	const Mapping map(device, pages(4));
	rule.expect("before", driver_flags(map), "");
	rule.expect("one page", answer_to(device, remapping(map, 2, 1)), 0);
	rule.expect("after one page", driver_flags(map), kRemapFlags);
	rule.expect("pages read", touch_all(map), 1U);
}

RULE("remap_pfn.io_remap", .contract = "RM-01", .says = "io_remap_pfn_range is remap_pfn_range: it sets the same flags, on RAM too",
     .source = "include/linux/mm.h:io_remap_pfn_range")
{
	const Device device = bare();
	const Mapping map(device, pages(4));
	ptelab_call wanted = remapping(map, 0, 4);
	wanted.call = PTELAB_CALL_IO_REMAP;

	rule.expect("errno", answer_to(device, wanted), 0);
	rule.expect("VmFlags", driver_flags(map), kRemapFlags);
	rule.expect("pages read", touch_all(map), 4U);
}

RULE("remap_pfn.unaligned_address", .contract = "RM-02", .says = "remap_pfn_range at an address inside a page is EINVAL and, once, a warning",
     .source = "mm/memory.c:remap_pfn_range_internal", .needs = {root()})
{
	const std::string line = warning_in("mm/memory\\.c", "(do_)?remap_pfn_range");
	const Device device = bare();
	const Mapping map(device, pages(4));
	ptelab_call wanted = remapping(map, 1, 1);
	wanted.anchor = address_of(map);
	wanted.address += 0x100;

	rule.declare_kernel_line(line);
	rule.expect("errno", answer_to(device, wanted), EINVAL);
	rule.expect("warned since boot", kernel_said(line), true);
	rule.expect("VmFlags", driver_flags(map),
		    by_feature<std::string>(PTELAB_HAS_VMA_SET_FLAGS, kRemapFlags, "",
					    "the flags are set by remap_pfn_range_prepare_vma, before the address is looked at, where there is one"));
	rule.expect("present", present(device, map), 0U);
}

RULE("remap_pfn.part_of_a_private_mapping", .contract = "RM-05",
     .says = "A private mapping can be remapped as a whole only: a part is EINVAL and changes no flag", .source = "mm/memory.c:remap_pfn_range_internal")
{
	const Device device = bare();
	const Mapping map(device, pages(4), {.flags = MAP_PRIVATE});

	rule.expect("the first half", answer_to(device, remapping(map, 0, 2)), EINVAL);
	rule.expect("the second half", answer_to(device, remapping(map, 2, 2)), EINVAL);
	rule.expect("VmFlags", driver_flags(map), "");
	rule.expect("present", present(device, map), 0U);

	const Device shared = bare();
	const Mapping shared_map(shared, pages(4));
	rule.expect("half of a shared one", answer_to(shared, remapping(shared_map, 0, 2)), 0);
}

// The physical address at which the region starts.
std::uint64_t physical(const Device &device, __u64 index)
{
	return page_info(device, index).pfn * page_size();
}

RULE("remap_pfn.private_offset", .contract = "RM-06",
     .says = "remap_pfn_range of a private mapping makes its offset the physical address; that of a shared one stays",
     .source = "mm/memory.c:remap_pfn_range_internal", .needs = {root()})
{
	const Device device = own_region(remap_pfn());
	const Mapping cow(device, pages(4), {.flags = MAP_PRIVATE, .offset = pages(2)});
	const Mapping shared(device, pages(4), {.offset = pages(2)});

	rule.expect("offset is the physical address", vma_at(cow.data()).value().offset == physical(device, 2), true);
	rule.expect("offset of a shared one", vma_at(shared.data()).value().offset, pages(2));
}

RULE("remap_pfn.unmap_misses_private", .contract = "RM-07",
     .says = "unmap_mapping_range finds a private remap at the physical address as offset, and not at the file's",
     .source = "mm/memory.c:unmap_mapping_range_tree", .needs = {root()})
{
	Device device = own_region(remap_pfn());
	const Mapping map(device, pages(4), {.flags = MAP_PRIVATE});
	const Mapping shared(device, pages(4));

	device.unmap(0, map.size());
	rule.expect("present after the file's offset", present(device, map), 4U);
	rule.expect("present in a shared one", present(device, shared), 0U);
	device.unmap(physical(device, 1), pages(2));
	rule.expect("present after the physical address", present(device, map), 2U);
	rule.expect("first page", map.touch(0).outcome(), kOk);
	rule.expect("second page", map.touch(1).outcome(), kSigbus);
}

RULE("remap_pfn.from_fault", .contract = "RM-09",
     .says = "remap_pfn_range from ->fault maps the page and sets the flags under the read lock; where vm_flags_set asserts the write lock, it warns",
     .source = "mm/memory.c:remap_pfn_range_internal, include/linux/mm.h:vm_flags_set", .needs = {misuse_module(), root()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	const std::string line = warning_in("include/linux/(rwsem|mmap_lock)\\.h");
	Device device = own_region(node_of(PTELAB_BARE), kPages, {.fault_action = PTELAB_FAULT_REMAP});
	vma_setup(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT)});
	const Mapping map(device, pages(4));
	KernelLog log;

	// With lockdep the assertion is lockdep's, and says nothing any more after its first complaint since boot.
	const std::string lockdep = read_text("/proc/lockdep_stats").value_or("");
	if (std::regex_search(lockdep, std::regex("debug_locks: *0\n")))
		rule.skip("lockdep has switched itself off after an earlier complaint of this boot, and the assertion with it");
	rule.declare_kernel_line(line);
	rule.expect("VmFlags before", driver_flags(map), "");
	rule.expect("access", map.touch(1).outcome(), kOk);
	rule.expect("VmFlags after", driver_flags(map), kRemapFlags);
	rule.expect("present", present(device, map), 1U);
	const bool asserts = kernel_features() & PTELAB_HAS_VM_FLAGS_SET && !(kernel_features() & PTELAB_HAS_VMA_SET_FLAGS);
	rule.expect("warned", log.count(line) != 0,
		    choose(asserts, true, false, "vm_flags_set asserts mmap_lock for writing; before it vm_flags was just written, and vma_set_flags, which "
						 "remap_pfn_range uses where there is one, asserts nothing"));
}

RULE("remap_pfn.fork_after_cow_of_the_first_page", .contract = "RM-14",
     .says = "fork fails once the first page of a private remap was copied on write, where x86 finds the memory type through that page",
     .source = "arch/x86/mm/pat/memtype.c:get_pat_info, track_pfn_copy")
{
	const auto fork_errno = [](std::size_t written) {
		const Device device = own_region(remap_pfn());
		const Mapping map(device, pages(4), {.flags = MAP_PRIVATE});
		if (written < map.pages())
			map.put(pages(written), std::uint8_t{1});
		return errno_of([] { Child([](Channel &) {}).wait(); });
	};

	rule.expect("nothing written", fork_errno(4), 0);
	rule.expect("the second page written", fork_errno(1), 0);
	rule.expect("the first page written", fork_errno(0),
		    choose(!keeps_memory_types() || kernel_features() & PTELAB_HAS_MMAP_PREPARE, Errno(0), Errno(ENOMEM),
			   "x86 keeps the memory type in vma->pfnmap_track_ctx since 6.16, which has mmap_prepare too; before, it is looked up in the page "
			   "table; other machines keep none"));
}

RULE("remap_pfn.hole", .contract = "RM-18",
     .says = "munmap of a page in the middle of a remap leaves both ends mapped, each with its own bytes, and no fault is taken",
     .source = "mm/mmap.c:__split_vma")
{
	Device device = own_region(remap_pfn());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 18);
	device.write(0, bytes);
	Mapping head(device, pages(kPages));
	Mapping hole = head.split(pages(7));
	const Mapping tail = hole.split(pages(1));
	const std::byte *const gone = hole.data();
	std::vector<std::byte> left(head.size());
	std::vector<std::byte> right(tail.size());

	hole.unmap();
	head.copy_out(0, left);
	tail.copy_out(0, right);
	rule.expect("bytes before the hole", std::ranges::equal(left, std::span(bytes).first(left.size())), true);
	rule.expect("bytes after the hole", std::ranges::equal(right, std::span(bytes).last(right.size())), true);
	rule.expect("offset of the tail", vma_at(tail.data()).value().offset, pages(8));
	rule.expect("the hole", Probe().read(gone).outcome(), kUnmapped);
	rule.expect("faults", device.stats().faults, 0U);
}

RULE("apply_to_page_range.nothing", .contract = "RM-19", .says = "apply_to_page_range of no bytes is EINVAL and a warning",
     .source = "mm/memory.c:__apply_to_page_range", .needs = {root()})
{
	const std::string line = warning_in("mm/memory\\.c", "__apply_to_page_range");
	const Device device = bare();
	const Mapping map(device, pages(4));
	ptelab_call wanted{};
	wanted.call = PTELAB_CALL_APPLY;
	wanted.address = address_of(map);
	KernelLog log;

	rule.declare_kernel_line(line);
	ptelab_call done = call(device, wanted);
	rule.expect("errno", answer(done), EINVAL);
	rule.expect("entries visited", done.value, 0U);
	rule.expect("warnings", log.count(line), 1U);

	wanted.bytes = pages(3);
	done = call(device, wanted);
	rule.expect("of three pages", answer(done), 0);
	rule.expect("of three pages, entries visited", done.value, 3U);
	rule.expect("of three pages, present", done.extra, 0U);
}

} // namespace
} // namespace ptelab
