// SPDX-License-Identifier: GPL-2.0-or-later
// vmf_insert_pfn and vmf_insert_mixed: bare pfns, that nobody counts.
#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "machine.hpp"

namespace ptelab {
namespace {

constexpr __u32 kPfnFlags = PTELAB_VM_IO | PTELAB_VM_PFNMAP | PTELAB_VM_DONTEXPAND | PTELAB_VM_DONTDUMP;

ptelab_call inserting(ptelab_call_id id, const Mapping &map, std::int64_t at, __u64 index)
{
	ptelab_call wanted{};
	wanted.call = id;
	wanted.anchor = address_of(map);
	wanted.address = address_of(map, at);
	wanted.index = index;
	return wanted;
}

RULE("insert_pfn.occupied", .contract = "IF-05",
     .says = "On a page table entry that is there vmf_insert_pfn tells success and keeps the old pfn", .source = "mm/memory.c:insert_pfn")
{
	Device device = bare({.vm_set = kPfnFlags});
	const Mapping map(device, pages(2));
	const auto mark = std::byte{0xA1};

	device.write(0, {&mark, 1});
	rule.expect("the first", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_PFN, map, 0, 0)), "NOPAGE");
	rule.expect("the second", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_PFN, map, 0, 1)), "NOPAGE");
	rule.expect("page mapped", device.lookup(map.bytes()).front().page, 1U);
	rule.expect("byte read", map.read(0).value, 0xA1);
}

RULE("insert_pfn.outside_the_vma", .contract = "IF-06", .says = "vmf_insert_pfn outside of the VMA answers VM_FAULT_SIGBUS, not an errno",
     .source = "mm/memory.c:vmf_insert_pfn_prot")
{
	const Device device = bare({.vm_set = kPfnFlags});
	const Mapping map(device, pages(2));

	rule.expect("at its end", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_PFN, map, 2, 0)), "SIGBUS");
	rule.expect("a page before it", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_PFN, map, -1, 0)), "SIGBUS");
	rule.expect("its last page", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_PFN, map, 1, 0)), "NOPAGE");
}

// Touches every page of a mapping of pfns, and expects that nobody has counted anything.
void expect_uncounted(Rule &rule)
{
	// Single pages: a block of so many is more than the allocator gives.
	const Device device = own_region(rule.node(), kRssPages, {.backing = PTELAB_BACKING_SINGLE});
	const std::uint64_t rss_before = file_rss();
	const Mapping map(device, pages(kRssPages));

	rule.expect("pages read", touch_all(map), kRssPages);
	rule.expect("RssFile", rss_step(rss_before, file_rss()), "none");
	rule.expect("smaps Rss", resident(map), 0U);
	const ptelab_page_info info = page_info(device, 0);
	rule.expect("references", info.references, 1);
	rule.expect("mappings", info.mappings, 0);
	rule.expect("kpagecount", kpage_count(info.pfn), 0U);
	const ptelab_pte entry = device.lookup(map.bytes()).front();
	rule.expect("special", (entry.state & PTELAB_PTE_SPECIAL) != 0, true);
	rule.varies("pfn");
	rule.expect("pfn", entry.pfn, info.pfn);
}

RULE_PER_NODE("counts_nothing", bit_of(PTELAB_FAULT_INSERT_PFN) | bit_of(PTELAB_REMAP_PFN), .contract = "IF-07",
	      .says = "A pfn in a page table takes no reference, no mapping and no RSS of the page, although it is RAM",
	      .source = "mm/memory.c:insert_pfn, remap_pte_range", .needs = {root()})
{
	expect_uncounted(rule);
}

RULE_PER_NODE("counts_nothing", bit_of(PTELAB_FAULT_INSERT_MIXED), .contract = "IF-10",
	      .says = "vmf_insert_mixed of RAM makes a special entry where there is a bit for it: mixed does not mean counted",
	      .source = "mm/memory.c:__vm_insert_mixed", .needs = {root()})
{
	expect_uncounted(rule);
}

RULE("insert_pfn.memory_type_of_ram", .contract = "IF-08",
     .says = "The memory type given to vmf_insert_pfn_prot is replaced by write-back for RAM on x86, and nobody is told",
     .source = "arch/x86/mm/pat/memtype.c:track_pfn_insert", .needs = {root()})
{
	const Device device = bare({.vm_set = kPfnFlags});
	const Mapping map(device, pages(3));
	KernelLog log;

	for (const ptelab_cache cache : {PTELAB_CACHE_WRITE_BACK, PTELAB_CACHE_UNCACHED, PTELAB_CACHE_WRITE_COMBINING}) {
		const std::int64_t at = cache - PTELAB_CACHE_WRITE_BACK;
		const std::string name(name_of(cache));
		ptelab_call wanted = inserting(PTELAB_CALL_INSERT_PFN_PROT, map, at, static_cast<__u64>(at));
		wanted.cache = cache;
		rule.expect(name, fault_answer_to(device, wanted), "NOPAGE");
		rule.expect(name + ", as it is", std::string(name_of(static_cast<ptelab_cache>(
						  device.lookup(map.page(static_cast<std::size_t>(at))).front().cache))),
			    choose(keeps_memory_types(), std::string(name_of(PTELAB_CACHE_WRITE_BACK)), name, kMemtypesReason));
	}
	rule.expect("lines of the kernel", log.count("x86/PAT"), 0U);
}

RULE("insert_mixed.without_mixedmap", .contract = "IF-09",
     .says = "vmf_insert_mixed into a VMA without VM_MIXEDMAP is VM_FAULT_SIGBUS, where it was a BUG before",
     .source = "mm/memory.c:__vm_insert_mixed, vm_mixed_ok")
{
	const Device device = bare();
	const Mapping map(device, pages(2));
	const ptelab_call wanted = inserting(PTELAB_CALL_INSERT_MIXED, map, 0, 0);

	if (kernel_features() & PTELAB_HAS_INSERT_MIXED_MKWRITE) {
		rule.expect("the module refuses", errno_of([&] { call(device, wanted); }), EPERM);
		rule.skip("this kernel has BUG_ON(!vm_mixed_ok()) in __vm_insert_mixed: not for a machine that others use");
	}
	rule.expect("answer", fault_answer_to(device, wanted), "SIGBUS");
	rule.expect("present", present(device, map), 0U);
	rule.expect("VmFlags", driver_flags(map), "");
}

RULE("insert_mixed.occupied_and_outside", .contract = "IF-10",
     .says = "vmf_insert_mixed keeps an entry that is there and tells success; outside of the VMA it answers VM_FAULT_SIGBUS",
     .source = "mm/memory.c:__vm_insert_mixed, insert_pfn")
{
	const Device device = bare({.vm_set = PTELAB_VM_MIXEDMAP});
	const Mapping map(device, pages(2));

	rule.expect("the first", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_MIXED, map, 0, 0)), "NOPAGE");
	rule.expect("the second", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_MIXED, map, 0, 1)), "NOPAGE");
	rule.expect("page mapped", device.lookup(map.bytes()).front().page, 1U);
	rule.expect("at its end", fault_answer_to(device, inserting(PTELAB_CALL_INSERT_MIXED, map, 2, 0)), "SIGBUS");
}

} // namespace
} // namespace ptelab
