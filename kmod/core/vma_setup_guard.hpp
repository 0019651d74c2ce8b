// SPDX-License-Identifier: GPL-2.0
// What VMA_SETUP may make of a file's mappings: values in, 0 or the errno out. tests/vma_setup_guard_test.cpp tries the combinations.
#pragma once

#include "cxxrt/errno.h"
#include "kmod/core.h"

namespace ptelab {
namespace {

struct VmaSetupFacts {
	unsigned method;
	bool eager;		// filled at mmap: the pending is given up by ->close
	bool prepares;		// has ->mmap_prepare
	bool divisible;		// false: a hole
	bool own_ram;		// REGION_SETUP has given the file a region of RAM
	bool counts_pages;
	bool compound;
	bool revoked;
	bool remaps_at_fault;	// PTELAB_FAULT_REMAP
};

constexpr int kVmaSetupInvalid = -CXXRT_EINVAL;
constexpr int kVmaSetupUnfit = -CXXRT_EOPNOTSUPP;

constexpr unsigned long long hook(unsigned number)
{
	return 1ULL << number;
}

constexpr unsigned kPrepareFlags =
	PTELAB_VMA_SETUP_READ_PROT | PTELAB_VMA_SETUP_READ_PROT_LATE | PTELAB_VMA_SETUP_NULL_VM_OPS | PTELAB_VMA_SETUP_BOTH_MMAPS;
constexpr unsigned kVmaSetupFlags = PTELAB_VMA_SETUP_HOOKS | PTELAB_VMA_SETUP_NO_VM_OPS | PTELAB_VMA_SETUP_OWN_INODE | PTELAB_VMA_SETUP_RESERVED |
				 PTELAB_VMA_SETUP_EVENTS | PTELAB_VMA_SETUP_MISUSE | kPrepareFlags;
constexpr unsigned kClearOnly = PTELAB_VM_WRITE | PTELAB_VM_MAYWRITE;
constexpr unsigned kVmBits = PTELAB_VM_IO | PTELAB_VM_PFNMAP | PTELAB_VM_MIXEDMAP | PTELAB_VM_DONTEXPAND | PTELAB_VM_DONTDUMP |
			     PTELAB_VM_DONTCOPY | kClearOnly;
// MMAP, MMAP_PREPARE and RELEASE are not members of vm_ops.
constexpr unsigned long long kHookBits =
	((hook(PTELAB_HOOK_NAME) << 1) - 1 - hook(PTELAB_HOOK_MMAP) - 1) | hook(PTELAB_HOOK_MAPPED);

// Whatever the file is.
constexpr bool is_vma_setup(const ptelab_vma_setup &vma_setup)
{
	if (vma_setup.flags & ~kVmaSetupFlags)
		return false;
	if (vma_setup.hooks & ~kHookBits)
		return false;
	if ((vma_setup.vm_set | vma_setup.vm_clear) & ~kVmBits || vma_setup.vm_set & kClearOnly)
		return false;
	if (vma_setup.cache >= PTELAB_CACHES || vma_setup.reserved[0] || vma_setup.reserved[1])
		return false;
	if (vma_setup.hooks && !(vma_setup.flags & PTELAB_VMA_SETUP_HOOKS))
		return false;
	// Two answers to what vm_ops the VMA has; without any, what ->close gives up is lost.
	if (vma_setup.flags & PTELAB_VMA_SETUP_HOOKS && vma_setup.flags & (PTELAB_VMA_SETUP_NO_VM_OPS | PTELAB_VMA_SETUP_NULL_VM_OPS))
		return false;
	if (vma_setup.hooks & hook(PTELAB_HOOK_ACCESS) && vma_setup.hooks & hook(PTELAB_HOOK_GENERIC_ACCESS))
		return false;
	return vma_setup.action_first <= PTELAB_LOOKUP_MAX && vma_setup.action_pages <= PTELAB_LOOKUP_MAX &&
	       (!vma_setup.action_first || vma_setup.action_pages);
}

// What is filled at mmap is tracked until ->close, and without ->mmap nothing but ->mapped tells that there is a VMA. A hole
// must not be split.
constexpr unsigned long long hooks_needed(const VmaSetupFacts &f)
{
	if (!f.divisible)
		return hook(PTELAB_HOOK_MAY_SPLIT);
	if (!f.eager)
		return 0;
	return hook(PTELAB_HOOK_OPEN) | hook(PTELAB_HOOK_CLOSE) | (f.prepares ? hook(PTELAB_HOOK_MAPPED) : 0);
}

constexpr bool has_hooks_needed(const VmaSetupFacts &f, const ptelab_vma_setup &vma_setup)
{
	if (vma_setup.flags & (PTELAB_VMA_SETUP_HOOKS | PTELAB_VMA_SETUP_NO_VM_OPS))
		return (vma_setup.hooks & hooks_needed(f)) == hooks_needed(f);
	return true;
}

// Flags that make what the node inserts a BUG must not be set. What ->fault returns may go into a VM_MIXEDMAP VMA.
constexpr bool takes_vm_flags(const VmaSetupFacts &f, const ptelab_vma_setup &vma_setup)
{
	if (f.method == PTELAB_BARE)
		return true;
	if (vma_setup.vm_set & PTELAB_VM_PFNMAP)
		return false;
	return !(vma_setup.vm_set & PTELAB_VM_MIXEDMAP) || f.method == PTELAB_FAULT_PAGE || f.method == PTELAB_HUGE_FOLIO;
}

// What there is for ->mmap_prepare alone.
constexpr bool takes_preparation(const VmaSetupFacts &f, const ptelab_vma_setup &vma_setup)
{
	const bool action = f.method == PTELAB_PREPARE_REMAP || f.method == PTELAB_PREPARE_IOREMAP || f.method == PTELAB_PREPARE_MAP_PAGES;
	if (vma_setup.action_pages && !action)
		return false;
	if (vma_setup.flags & kPrepareFlags && !f.prepares)
		return false;
	return !(vma_setup.flags & PTELAB_VMA_SETUP_NULL_VM_OPS) || f.method == PTELAB_PREPARE_FAULT_PAGE;
}

// Counted pages that are reserved confuse what frees them last, and no page of a compound one may be (PF_NO_COMPOUND).
constexpr int reserve_verdict(const VmaSetupFacts &f)
{
	if (f.counts_pages)
		return kVmaSetupUnfit;
	if (f.revoked)
		return -CXXRT_ENODEV;
	return f.compound ? kVmaSetupUnfit : 0;
}

constexpr int vma_setup_verdict(const VmaSetupFacts &f, const ptelab_vma_setup &vma_setup)
{
	if (!is_vma_setup(vma_setup))
		return kVmaSetupInvalid;
	if (!has_hooks_needed(f, vma_setup) || !takes_vm_flags(f, vma_setup) || !takes_preparation(f, vma_setup))
		return kVmaSetupUnfit;
	// With ->map_pages faults run under the VMA's own lock, which remap_pfn_range() takes for writing (mm/memory.c:
	// vmf_can_call_fault).
	if (f.remaps_at_fault && vma_setup.hooks & hook(PTELAB_HOOK_MAP_PAGES) && !(vma_setup.flags & PTELAB_VMA_SETUP_MISUSE))
		return kVmaSetupUnfit;
	if (vma_setup.flags & (PTELAB_VMA_SETUP_OWN_INODE | PTELAB_VMA_SETUP_RESERVED) && !f.own_ram)
		return kVmaSetupUnfit;
	return vma_setup.flags & PTELAB_VMA_SETUP_RESERVED ? reserve_verdict(f) : 0;
}

} // namespace
} // namespace ptelab
