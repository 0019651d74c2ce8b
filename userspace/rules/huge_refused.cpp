// SPDX-License-Identifier: GPL-2.0-or-later
// Huge entries that are not 2 MiB of bare pfns in a PFN mapping: other pfns, folios of another order, a PUD, VM_MIXEDMAP.
#include "gup.hpp"
#include "huge_lab.hpp"
#include "misuse_module.hpp"

namespace ptelab {
namespace {

RULE_PER_NODE("another_huge_pfn", bit_of(PTELAB_HUGE_PFN), .contract = "HG-08",
	      .says = "vmf_insert_pfn_pmd of another pfn over a PMD warns, once, on a write, answers NOPAGE and leaves the PMD as it is",
	      .source = "mm/huge_memory.c:insert_pfn_pmd", .needs = {misuse_module(), thp(2), huge_faults_of_devices(), root()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	constexpr const char *kLine = "WARNING: .*mm/huge_memory\\.c:.*[ _]insert_(pfn_)?pmd";
	rule.declare_kernel_line(kLine);
	const ThpPolicy policy("always");
	// With ->pfn_mkwrite the core maps read-only first, and a write comes to ->huge_fault again.
	Device device = huge_region(rule.node(),
				    kOpenAndClose | hook_bit(PTELAB_HOOK_FAULT) | hook_bit(PTELAB_HOOK_HUGE_FAULT) | hook_bit(PTELAB_HOOK_PFN_MKWRITE), 2);
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());
	EventLog log(device);

	inject(device, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = PTELAB_ANSWER_OTHER, .after = 1, .times = 1});
	rule.expect("the read", map.touch(0).outcome(), kOk);
	rule.expect("huge", is_huge(device, map), true);
	rule.expect("the write", map.write(0, 8).outcome(), kOk);
	rule.expect("->huge_fault", count_of(log.take(), PTELAB_HOOK_HUGE_FAULT), 3U);
	rule.expect("page", device.lookup(map.page(0)).front().page, 1U);
	rule.expect("warned since boot", kernel_said(kLine), true);
	std::byte byte{};
	device.read(0, {&byte, 1});
	rule.expect("the driver's byte", static_cast<unsigned>(byte), 8U);
}

// vm_set: a whole PUD is asked for in VM_PFNMAP and VM_MIXEDMAP alone (mm/huge_memory.c: __thp_vma_allowable_orders).
void expect_refused_folio(Rule &rule, ptelab_answer answer, std::size_t place_size, __u32 vm_set, const char *line)
{
	rule.declare_kernel_line(line);
	const ThpPolicy policy("always");
	Device device = traced_region(rule.node(), 2 * pmd_pages(), {.vm_set = vm_set}); // one folio of two PMDs
	const HugePlace place(place_size);
	const Mapping map = place.map(device, pmd_bytes());
	const std::int64_t references = page_info(device, 0).references;

	inject(device, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = answer, .times = 1});
	rule.expect("the access", map.touch(0).outcome(), kSigbus);
	rule.expect("warned since boot", kernel_said(line), true);
	rule.expect("present", present(device, map), 0U);
	rule.expect("references", page_info(device, 0).references, references);
}

RULE_PER_NODE("a_folio_of_another_order", bit_of(PTELAB_HUGE_FOLIO), .contract = "HG-09",
	      .says = "vmf_insert_folio_pmd of a folio that is not of a PMD's order is SIGBUS and, once, a warning",
	      .source = "mm/huge_memory.c:vmf_insert_folio_pmd", .needs = {misuse_module(), huge_folios(2), feature(PTELAB_HAS_INSERT_FOLIO_PMD), root()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	expect_refused_folio(rule, PTELAB_ANSWER_OTHER, pmd_bytes(), 0, "WARNING: .*mm/huge_memory\\.c:.* vmf_insert_folio_pmd");
}

RULE_PER_NODE("a_folio_for_a_pud", bit_of(PTELAB_HUGE_FOLIO),
	      .says = "vmf_insert_folio_pud of a folio that is not of a PUD's order is SIGBUS and, once, a warning",
	      .source = "mm/huge_memory.c:vmf_insert_folio_pud", .needs = {misuse_module(), huge_folios(2), feature(PTELAB_HAS_INSERT_FOLIO_PUD), root()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	expect_refused_folio(rule, PTELAB_ANSWER_OTHER_PUD, kGiB, PTELAB_VM_MIXEDMAP, "WARNING: .*mm/huge_memory\\.c:.* vmf_insert_folio_pud");
}

RULE_PER_NODE("a_whole_pud", bit_of(PTELAB_HUGE_PFN),
	      .says = "vmf_insert_pfn_pud maps 1 GiB of addresses, aligned, by one entry",
	      .source = "mm/huge_memory.c:vmf_insert_pfn_pud",
	      .needs = {thp(), huge_faults_of_devices(), feature(PTELAB_HAS_INSERT_PFN_PUD), root()})
{
	const ThpPolicy policy("always");
	Device device(rule.node());
	device.setup({.backing = PTELAB_BACKING_HOLE});
	const HugePlace place(kGiB);
	Mapping map = place.map(device, kGiB);
	// The fault without an access: nothing answers at these physical addresses.
	const auto fault = [&] {
		ptelab_call wanted{};
		wanted.call = PTELAB_CALL_HANDLE_FAULT;
		wanted.address = address_of(map, 7);
		return fault_answer_to(device, wanted);
	};
	const auto entry = [&](std::size_t page) { return device.lookup(map.page(page)).front(); };
	const std::size_t last = map.pages() - 1;

	rule.expect("bytes of the region", device.size(), kGiB);
	rule.expect("the fault", fault(), "NOPAGE");
	for (const std::size_t page : {std::size_t{0}, std::size_t{7}, last}) {
		rule.expect("page " + std::to_string(page), entry(page).page, page + 1);
		rule.expect("page " + std::to_string(page) + " by a huge entry", (entry(page).state & PTELAB_PTE_HUGE) != 0, true);
	}
	// As a whole: munmap of a part is a BUG or an oops (mm/huge_memory.c: __split_huge_pud_locked, mm/rmap.c: mm_find_pmd).
	map.unmap();
	map = place.map(device, kGiB / 2);
	rule.expect("a fault where it does not fit, as nothing smaller maps it", fault(), "SIGBUS");
	rule.expect("present then", entry(0).state, 0U);
}

RULE("bare.gup_of_a_huge_pfn", .contract = "GP-12",
     .says = "get_user_pages takes a page of memory behind a huge entry of bare pfns in a VM_MIXEDMAP mapping, which the fast way refuses; in a PFN mapping neither does",
     .source = "mm/gup.c:follow_huge_pmd, mm/gup.c:gup_fast_pmd_leaf", .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	const std::string special = "a PMD has a special bit where follow_pfnmap_start is";

	for (const __u32 flag : {PTELAB_VM_MIXEDMAP, PTELAB_VM_PFNMAP}) {
		const bool mixed = flag == PTELAB_VM_MIXEDMAP;
		const std::string name = mixed ? "VM_MIXEDMAP: " : "VM_PFNMAP: ";
		// One folio: of single pages the reference would be the first one's, and given back by the one that was wanted.
		Device device = bare({.hooks = kOpenAndClose | hook_bit(PTELAB_HOOK_FAULT) | hook_bit(PTELAB_HOOK_HUGE_FAULT), .vm_set = flag},
				     pmd_pages(), PTELAB_BACKING_COMPOUND);
		const HugePlace place;
		const Mapping map = place.map(device, pmd_bytes());
		const std::int64_t references = page_info(device, 3).references;

		rule.expect(name + "the access", map.touch(3).outcome(), kOk);
		rule.expect(name + "huge", is_huge(device, map), true);
		const ptelab_pin got = pin(device, {.how = PTELAB_PIN_GET, .address = map.page(3).data(), .flags = PTELAB_PIN_KEEP});
		rule.expect(name + "get_user_pages", verdict(got), std::string(mixed ? "1" : "EFAULT"));
		rule.expect(name + "references", page_info(device, 3).references - references, mixed ? 1 : 0);
		if (got.result == 1) {
			rule.expect(name + "page", got.page, 4U);
			unpin(device);
		}
		rule.expect(name + "get_user_pages_fast_only", verdict_of(device, PTELAB_PIN_GET_FAST_ONLY, map.page(3).data()),
			    by_feature<std::string>(PTELAB_HAS_FOLLOW_PFNMAP, "0", "1", special));
	}
}

} // namespace
} // namespace ptelab
