// SPDX-License-Identifier: GPL-2.0
// What CALL lets through to the kernel: everything but what would be a BUG, or damage to memory, or a warning that an administrator has
// not asked for. Facts in, 0 or the errno out; no
// state, no port. tests/call_guard_test.cpp tries every combination against the kernel's own conditions, and
// scripts/check-guards takes out one condition after the other to see that it notices.
#pragma once

#include "verdict.hpp"

namespace ptelab {
namespace {

constexpr unsigned kOccupied =
	PTELAB_PTE_PRESENT | PTELAB_PTE_MARKER | PTELAB_PTE_SWAP | PTELAB_PTE_MIGRATION | PTELAB_PTE_OTHER;

constexpr bool is_vmalloc(unsigned source)
{
	return source == PTELAB_SOURCE_PLAIN_VMALLOC || source == PTELAB_SOURCE_USER_VMALLOC;
}

// A page for an entry: those of a vmalloc buffer are for one call alone.
constexpr int need_page(const ptelab_call_facts &f)
{
	return f.found && !is_vmalloc(f.source) ? kPermitted : kNothingThere;
}

// Pages of the region in a row, as they are the region's.
constexpr int need_run(const ptelab_call_facts &f)
{
	return f.found && !f.source && f.in_a_row ? kPermitted : kNothingThere;
}

// Not where a leaf is, nor where one may come while the call is on its way, nor where the core puts pages of its own; and no
// page table in the place of what is mapped by one entry of a PUD.
constexpr bool may_put_pages(const ptelab_call_facts &f)
{
	if (f.anonymous)
		return false;
	if (!f.divisible)
		return false;
	if (f.maps_leaves && !f.write_locked)
		return false;
	return !(f.entries & PTELAB_PTE_HUGE);
}

// The shared zero page stays zero: for its entries nobody may ever get the right to write.
constexpr bool may_be_zero_page(const ptelab_call_facts &f)
{
	return f.source != PTELAB_SOURCE_ZERO || f.cow || !f.may_write;
}

// With a reference for each entry; the kernel looks at the page itself, but for the zero page not everywhere.
constexpr int counted(const ptelab_call_facts &f)
{
	if (!may_put_pages(f))
		return kDamage;
	if (!f.mixedmap && (!f.write_locked || f.pfnmap))
		return kDamage;
	if (!may_be_zero_page(f))
		return kDamage;
	return need_page(f);
}

// Without a reference, and whatever the page is: it must be whole the source's, and stay until the last mapping is gone.
constexpr bool may_be_bare(const ptelab_call_facts &f)
{
	if (f.counts_pages)
		return false;
	if (f.source == PTELAB_SOURCE_SLAB || f.source == PTELAB_SOURCE_ANON)
		return false;
	return may_be_zero_page(f);
}

constexpr int pfn(const ptelab_call_facts &f)
{
	if (!may_put_pages(f) || !may_be_bare(f))
		return kDamage;
	if (!f.pfnmap || f.mixedmap)
		return kDamage;
	if (f.cow)
		return kDamage;
	return need_page(f);
}

// With the right to write, over another page's entry: a warning.
constexpr bool warns_of_another(const ptelab_call_facts &f)
{
	return f.entries & kOccupied && !f.may_warn;
}

constexpr int mixed(const ptelab_call_facts &f)
{
	if (!may_put_pages(f) || !may_be_bare(f))
		return kDamage;
	if (!f.mixedmap && (f.mixed_is_bug || f.source == PTELAB_SOURCE_ZERO))
		return kDamage;
	if (f.call == PTELAB_CALL_INSERT_MIXED_MKWRITE && (f.cow || warns_of_another(f)))
		return kDamage;
	return need_page(f);
}

constexpr int page_mkwrite(const ptelab_call_facts &f)
{
	if (!may_put_pages(f))
		return kDamage;
	if (f.pfnmap)
		return kDamage;
	if (f.for_write && (f.cow || warns_of_another(f)))
		return kDamage;
	if (!may_be_zero_page(f))
		return kDamage;
	return need_page(f);
}

// Both change the flags of the VMA, to VM_PFNMAP, and neither looks before it writes.
constexpr bool may_remap(const ptelab_call_facts &f)
{
	if (f.counts_pages || f.anonymous || !f.divisible)
		return false;
	if (!f.write_locked)
		return false;
	if (f.mixedmap)
		return false;
	return !(f.entries & kOccupied);
}

constexpr int remap(const ptelab_call_facts &f)
{
	if (!may_remap(f))
		return kDamage;
	if (f.empty || !f.inside)
		return kDamage;
	if (f.whole && f.cow)
		return kDamage;
	if (f.odd && !f.may_warn)
		return kDamage;
	return need_run(f);
}

constexpr int iomap(const ptelab_call_facts &f)
{
	if (!may_remap(f))
		return kDamage;
	if (f.cow)
		return kDamage;
	if (f.part_of_page)
		return kDamage;
	return need_run(f);
}

constexpr int vmalloc(const ptelab_call_facts &f)
{
	if (!may_put_pages(f))
		return kDamage;
	if (!f.write_locked)
		return kDamage;
	if (f.pfnmap)
		return kDamage;
	return f.found && is_vmalloc(f.source) ? kPermitted : kNothingThere;
}

// The kernel walks page by page until the end is met exactly: an unaligned end is never met.
constexpr int zap(const ptelab_call_facts &f)
{
	if (!f.aligned || f.empty || f.wraps)
		return kDamage;
	if (!f.divisible)
		return kDamage;
	if (f.call == PTELAB_CALL_ZAP_VMA && !f.inside)
		return kDamage;
	if (f.call == PTELAB_CALL_ZAP_MANY && f.meets_hugetlb)
		return kDamage;
	return kPermitted;
}

constexpr int unmap(const ptelab_call_facts &f)
{
	return f.divisible ? kPermitted : kDamage;
}

constexpr bool follows_by_table(unsigned call)
{
	return call == PTELAB_CALL_FOLLOW_PFN || call == PTELAB_CALL_FOLLOW_PTE || call == PTELAB_CALL_FOLLOW_PFN_ANY;
}

constexpr int follow(const ptelab_call_facts &f)
{
	if (!f.inside)
		return kNothingThere;
	if (f.call == PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP && !f.may_warn)
		return kDamage;
	if (!follows_by_table(f.call) || !f.follow_is_bug)
		return kPermitted;
	if (f.maps_leaves && !f.write_locked)
		return kDamage;
	return f.entries & PTELAB_PTE_HUGE ? kDamage : kPermitted;
}

// It makes the tables that are missing.
constexpr int apply(const ptelab_call_facts &f)
{
	if (!f.aligned || !f.inside)
		return kDamage;
	if (f.empty && !f.may_warn)
		return kDamage;
	return may_put_pages(f) ? kPermitted : kDamage;
}

// Without FAULT_FLAG_ALLOW_RETRY the lock stays held.
constexpr int fault_in(const ptelab_call_facts &f)
{
	if (f.write_locked)
		return kDamage;
	if (!f.inside)
		return kDamage;
	if (f.call == PTELAB_CALL_HANDLE_FAULT && f.for_write && !f.writable)
		return kDamage;
	return kPermitted;
}

// It takes a task, which may execute another program at any moment: that its mm was lent would not do.
constexpr int access(const ptelab_call_facts &f)
{
	return f.other_process ? kDamage : kPermitted;
}

constexpr int call_verdict(const ptelab_call_facts &f)
{
	switch (f.call) {
	case PTELAB_CALL_INSERT_PAGE:
	case PTELAB_CALL_INSERT_PAGES:
	case PTELAB_CALL_MAP_PAGES:
	case PTELAB_CALL_MAP_PAGES_ZERO:
		return counted(f);
	case PTELAB_CALL_INSERT_PFN:
	case PTELAB_CALL_INSERT_PFN_PROT:
		return pfn(f);
	case PTELAB_CALL_INSERT_MIXED:
	case PTELAB_CALL_INSERT_MIXED_PROT:
	case PTELAB_CALL_INSERT_MIXED_MKWRITE:
		return mixed(f);
	case PTELAB_CALL_INSERT_PAGE_MKWRITE:
		return page_mkwrite(f);
	case PTELAB_CALL_REMAP:
	case PTELAB_CALL_IO_REMAP:
		return remap(f);
	case PTELAB_CALL_IOMAP:
		return iomap(f);
	case PTELAB_CALL_REMAP_VMALLOC:
		return vmalloc(f);
	case PTELAB_CALL_ZAP_SPECIAL:
	case PTELAB_CALL_ZAP_VMA:
	case PTELAB_CALL_ZAP_MANY:
		return zap(f);
	case PTELAB_CALL_UNMAP_PAGES:
		return unmap(f);
	case PTELAB_CALL_FOLLOW_PFN:
	case PTELAB_CALL_FOLLOW_PTE:
	case PTELAB_CALL_FOLLOW_PFNMAP:
	case PTELAB_CALL_FOLLOW_PFN_ANY:
	case PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP:
		return follow(f);
	case PTELAB_CALL_APPLY:
		return apply(f);
	case PTELAB_CALL_HANDLE_FAULT:
	case PTELAB_CALL_FIXUP_FAULT:
		return fault_in(f);
	case PTELAB_CALL_ACCESS_PROCESS:
		return access(f);
	}
	return kNothingThere;
}

} // namespace
} // namespace ptelab
