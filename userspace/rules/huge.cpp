// SPDX-License-Identifier: GPL-2.0-or-later
// Huge mappings: when ->huge_fault is called, what it inserts, and what takes a whole PMD away.
#include <functional>

#include <sys/prctl.h>

#include <fmt/core.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "gup.hpp"
#include "huge_lab.hpp"

namespace ptelab {
namespace {

// Calls of ->huge_fault by a first access.
std::size_t huge_faults(const Node &node, int advice)
{
	const Device device = huge_region(node);
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());
	EventLog log(device);

	if (advice >= 0 && ::madvise(map.data(), map.size(), advice) < 0)
		throw_errno("madvise");
	map.touch(3);
	return count_of(log.take(), PTELAB_HOOK_HUGE_FAULT);
}

// ->huge_fault is called under the VMA's own lock, ->fault without ->map_pages is not (mm/memory.c: vmf_can_call_fault): the
// core begins anew under mmap_lock, with ->huge_fault.
Expected<std::size_t> calls_before_fallback()
{
	return by_feature(PTELAB_HAS_FAULT_VMA_LOCK, std::size_t{2}, std::size_t{1},
			  "the fallback to ->fault needs mmap_lock, and the fault that began under the VMA's lock is begun anew");
}

RULE_PER_NODE("huge_fault_is_called", bit_of(PTELAB_HUGE_PFN) | bit_of(PTELAB_HUGE_FOLIO), .contract = "HG-01",
	      .says = "The THP policy of sysfs decides whether a driver's ->huge_fault is called; some kernels never call it, some always for VM_PFNMAP",
	      .source = "mm/huge_memory.c:__thp_vma_allowable_orders", .needs = {thp(), root()})
{
	const ThpPolicy policy("always");
	policy.set("never");
	// Measured: stable kernels got it too, and what else they have does not show it.
	const bool bypass = rule.node().pfn && kernel_features() & PTELAB_HAS_FOLLOW_PFNMAP && huge_faults(rule.node(), -1) == 1;
	const bool barred = bars_device_files() || (!rule.node().pfn && page_cache_is_smaller_than_pmds());
	const auto look = [&](const char *word, bool hinted, bool allowed) {
		policy.set(word);
		rule.expect(fmt::format("{}{}", word, hinted ? ", MADV_HUGEPAGE" : ""),
			    huge_faults(rule.node(), hinted ? MADV_HUGEPAGE : -1),
			    choose(!barred && (allowed || bypass), std::size_t{1}, std::size_t{0},
				   "hugepage_vma_check (where it is) refuses device files; without VM_PFNMAP a PMD's order must be one of the page cache; where special PMDs of pfns are known (as is follow_pfnmap_start), no policy is asked for VM_PFNMAP since 6.12.117 or before: told by one that forbids"));
	};

	look("always", false, true);
	look("madvise", false, false);
	look("never", false, false);
	// MADV_HUGEPAGE is EINVAL for VM_NO_KHUGEPAGED on some kernels (mm/khugepaged.c: hugepage_madvise), 0 on others.
	if (!rule.node().pfn) {
		look("always", true, true);
		look("madvise", true, true);
		look("never", true, false);
	}
}

RULE_PER_NODE("huge_fault_is_suppressed", bit_of(PTELAB_HUGE_PFN), .contract = "HG-02",
	      .says = "MADV_NOHUGEPAGE and prctl(PR_SET_THP_DISABLE) keep ->huge_fault from being called whatever the policy",
	      .source = "include/linux/huge_mm.h:vma_thp_disabled", .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");

	rule.expect("without either", huge_faults(rule.node(), -1), 1U);
	rule.expect("MADV_NOHUGEPAGE", huge_faults(rule.node(), MADV_NOHUGEPAGE), 0U);
	rule.expect("PR_SET_THP_DISABLE", in_child([&] {
			    if (::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
				    throw_errno("prctl");
			    return huge_faults(rule.node(), -1);
		    }),
		    0U);
}

RULE_PER_NODE("huge_fault_beyond_the_vma", bit_of(PTELAB_HUGE_PFN), .contract = "HG-03",
	      .says = "->huge_fault is called although what a PMD maps does not fit in the VMA: the driver itself has to fall back",
	      .source = "mm/memory.c:__handle_mm_fault", .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	const Device device = huge_region(rule.node());
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes() / 2);
	EventLog log(device);

	rule.expect("the access", map.touch(0).outcome(), kOk);
	const std::vector<ptelab_event> events = log.take();
	rule.expect("->huge_fault", count_of(events, PTELAB_HOOK_HUGE_FAULT), calls_before_fallback());
	rule.expect("->fault", count_of(events, PTELAB_HOOK_FAULT), 1U);
	rule.expect("huge", is_huge(device, map), false);
}

RULE_PER_NODE("huge_fault_before_the_vma", bit_of(PTELAB_HUGE_PFN), .contract = "HG-04",
	      .says = "->huge_fault is called although what a PMD maps begins before the VMA: the driver itself has to fall back",
	      .source = "mm/memory.c:__handle_mm_fault", .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	const Device device = huge_region(rule.node());
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes() / 2, pmd_bytes() / 2);
	EventLog log(device);

	rule.expect("the access", map.touch(0).outcome(), kOk);
	const std::vector<ptelab_event> events = log.take();
	rule.expect("->huge_fault", count_of(events, PTELAB_HOOK_HUGE_FAULT), calls_before_fallback());
	rule.expect("->fault", count_of(events, PTELAB_HOOK_FAULT), 1U);
	rule.expect("huge", is_huge(device, map), false);
}

RULE_PER_NODE("huge_fault_falls_back", bit_of(PTELAB_HUGE_PFN), .contract = "HG-05",
	      .says = "After VM_FAULT_FALLBACK from ->huge_fault the core calls ->fault for the page", .source = "mm/memory.c:__handle_mm_fault",
	      .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	Device device = huge_region(rule.node());
	inject(device, {.hook = PTELAB_HOOK_HUGE_FAULT, .answer = PTELAB_ANSWER_FALLBACK});
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());
	EventLog log(device);

	rule.expect("the access", map.touch(0).outcome(), kOk);
	const std::vector<ptelab_event> events = log.take();
	rule.expect("->huge_fault", count_of(events, PTELAB_HOOK_HUGE_FAULT), calls_before_fallback());
	rule.expect("->fault", count_of(events, PTELAB_HOOK_FAULT), 1U);
	rule.expect("huge", is_huge(device, map), false);
}

RULE_PER_NODE("a_part_takes_the_huge_pmd", bit_of(PTELAB_HUGE_PFN), .contract = "HG-06",
	      .says = "munmap or mprotect of a part of a special huge PMD drops all of it: the rest is faulted in again",
	      .source = "mm/huge_memory.c:__split_huge_pmd_locked", .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	const auto look = [&](const std::string &how, const std::function<void(Mapping &)> &take_part) {
		const Device device = huge_region(rule.node());
		const HugePlace place;
		Mapping map = place.map(device, pmd_bytes());
		rule.expect(how + ": the access", map.touch(0).outcome(), kOk);
		rule.expect(how + ": huge", is_huge(device, map), true);
		Mapping part = map.split(pmd_bytes() / 2);
		take_part(part);
		rule.expect(how + ": present after it", present(device, map), 0U);
		rule.expect(how + ": the next access", map.touch(0).outcome(), kOk);
		rule.expect(how + ": huge then", is_huge(device, map), false);
	};

	look("munmap", [](Mapping &part) { part.unmap(); });
	look("mprotect", [](Mapping &part) { part.protect(PROT_READ); });
}

RULE_PER_NODE("fork_and_a_huge_pmd", bit_of(PTELAB_HUGE_PFN), .contract = "HG-07", .says = "fork copies a special huge PMD to the child",
	      .source = "mm/huge_memory.c:copy_huge_pmd", .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	const Device device = huge_region(rule.node());
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());

	map.touch(0);
	rule.expect("huge", is_huge(device, map), true);
	const bool copied = in_child([&] { return is_huge(device, map); });
	rule.expect("huge in the child", copied,
		    by_feature(PTELAB_HAS_FOLLOW_PFNMAP, true, false, "pmd_special() came with the kernel that has follow_pfnmap_start()"));
}

RULE_PER_NODE("a_second_huge_insert", bit_of(PTELAB_HUGE_PFN), .contract = "HG-08",
	      .says = "vmf_insert_pfn_pmd of the pfn that is there already makes the PMD writable on a write", .source = "mm/huge_memory.c:insert_pfn_pmd",
	      .needs = {thp(), huge_faults_of_devices(), root()})
{
	const ThpPolicy policy("always");
	// With ->pfn_mkwrite the core maps read-only first, to be told of the write.
	const Device device = huge_region(rule.node(), hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
							       hook_bit(PTELAB_HOOK_HUGE_FAULT) | hook_bit(PTELAB_HOOK_PFN_MKWRITE));
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());
	EventLog log(device);

	rule.expect("the read", map.touch(0).outcome(), kOk);
	rule.expect("huge", is_huge(device, map), true);
	rule.expect("writable after the read", (state_of(device, map, 0) & PTELAB_PTE_WRITE) != 0, false);
	rule.expect("the write", map.write(0, 1).outcome(), kOk);
	rule.expect("writable after the write", (state_of(device, map, 0) & PTELAB_PTE_WRITE) != 0, true);
	rule.expect("huge after the write", is_huge(device, map), true);
	rule.expect("->huge_fault", count_of(log.take(), PTELAB_HOOK_HUGE_FAULT), 2U);
}

RULE_PER_NODE("a_huge_folio", bit_of(PTELAB_HUGE_FOLIO), .contract = "HG-09",
	      .says = "vmf_insert_folio_pmd counts a whole folio as mapped: all of it in RssFile and one reference", .source = "mm/huge_memory.c:vmf_insert_folio_pmd",
	      .needs = {huge_folios(), feature(PTELAB_HAS_INSERT_FOLIO_PMD), root()})
{
	const ThpPolicy policy("always");
	const Device device = huge_region(rule.node());
	const HugePlace place;
	Mapping map = place.map(device, pmd_bytes());
	const std::int64_t references = page_info(device, 0).references;
	const auto rss = [&] { return smaps_at(map.data()).value().kb("Rss"); };

	rule.expect("the access", map.touch(0).outcome(), kOk);
	rule.expect("huge", is_huge(device, map), true);
	rule.expect("Rss", rss(), pmd_bytes() / 1024);
	rule.expect("references while mapped", page_info(device, 0).references - references, 1);
	map.unmap();
	rule.expect("references after", page_info(device, 0).references - references, 0);
}

RULE("huge_pfn.pin", .contract = "GP-12",
     .says = "A huge entry of a PFN mapping is refused by the slow way; the fast way takes its page where huge entries have no special bit",
     .source = "mm/gup.c:gup_huge_pmd", .needs = {thp(), huge_faults_of_devices(), root(), node(PTELAB_HUGE_PFN)})
{
	const ThpPolicy policy("always");
	const Device device = huge_region(node_of(PTELAB_HUGE_PFN));
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());

	map.touch(0);
	rule.expect("a huge entry", is_huge(device, map), true);
	for (const PinWay &way : kPinWays) {
		const bool fast = way.how == PTELAB_PIN_GET_FAST || way.how == PTELAB_PIN_GET_FAST_ONLY || way.how == PTELAB_PIN_PIN_FAST;
		const std::string refused = way.how == PTELAB_PIN_GET_FAST_ONLY ? "0" : "EFAULT";
		rule.expect(std::string(way.name), verdict_of(device, way.how, map.page(1).data()),
			    choose(fast && !(kernel_features() & PTELAB_HAS_FOLLOW_PFNMAP), std::string("1"), refused,
				   "huge entries got a special bit with follow_pfnmap_start (6.12); without it gup_huge_pmd sees RAM and takes it"));
	}
	rule.expect("references afterwards", page_info(device, 0).references, 1);
}

} // namespace
} // namespace ptelab
