// SPDX-License-Identifier: GPL-2.0
// What SHAPE may make of a file's mappings: values in, 0 or the errno out. tests/shape_guard_test.cpp tries the combinations.
#pragma once

#include "cxxrt/errno.h"
#include "kmod/core.h"

namespace ptelab {
namespace {

struct ShapeFacts {
	unsigned method;
	bool eager;		// filled at mmap: the filler is given up by ->close
	bool prepares;		// has ->mmap_prepare
	bool divisible;		// false: a hole
	bool own_ram;		// SETUP has given the file a region of RAM
	bool counts_pages;
	bool compound;
	bool revoked;
	bool remaps_at_fault;	// PTELAB_FAULT_REMAP
};

constexpr int kShapeInvalid = -CXXRT_EINVAL;
constexpr int kShapeUnfit = -CXXRT_EOPNOTSUPP;

constexpr unsigned long long hook(unsigned number)
{
	return 1ULL << number;
}

constexpr unsigned kPrepareFlags =
	PTELAB_SHAPE_READ_PROT | PTELAB_SHAPE_READ_PROT_LATE | PTELAB_SHAPE_NULL_VM_OPS | PTELAB_SHAPE_BOTH_MMAPS;
constexpr unsigned kShapeFlags = PTELAB_SHAPE_HOOKS | PTELAB_SHAPE_NO_VM_OPS | PTELAB_SHAPE_OWN_INODE | PTELAB_SHAPE_RESERVED |
				 PTELAB_SHAPE_EVENTS | PTELAB_SHAPE_MISUSE | kPrepareFlags;
constexpr unsigned kClearOnly = PTELAB_VM_WRITE | PTELAB_VM_MAYWRITE;
constexpr unsigned kVmBits = PTELAB_VM_IO | PTELAB_VM_PFNMAP | PTELAB_VM_MIXEDMAP | PTELAB_VM_DONTEXPAND | PTELAB_VM_DONTDUMP |
			     PTELAB_VM_DONTCOPY | kClearOnly;
// MMAP, MMAP_PREPARE and RELEASE are not members of vm_ops.
constexpr unsigned long long kHookBits =
	((hook(PTELAB_HOOK_NAME) << 1) - 1 - hook(PTELAB_HOOK_MMAP) - 1) | hook(PTELAB_HOOK_MAPPED);

// Whatever the file is.
constexpr bool is_shape(const ptelab_shape &shape)
{
	if (shape.flags & ~kShapeFlags)
		return false;
	if (shape.hooks & ~kHookBits)
		return false;
	if ((shape.vm_set | shape.vm_clear) & ~kVmBits || shape.vm_set & kClearOnly)
		return false;
	if (shape.cache >= PTELAB_CACHES || shape.reserved[0] || shape.reserved[1])
		return false;
	if (shape.hooks && !(shape.flags & PTELAB_SHAPE_HOOKS))
		return false;
	// Two answers to what vm_ops the VMA has; without any, what ->close gives up is lost.
	if (shape.flags & PTELAB_SHAPE_HOOKS && shape.flags & (PTELAB_SHAPE_NO_VM_OPS | PTELAB_SHAPE_NULL_VM_OPS))
		return false;
	if (shape.hooks & hook(PTELAB_HOOK_ACCESS) && shape.hooks & hook(PTELAB_HOOK_GENERIC_ACCESS))
		return false;
	return shape.action_first <= PTELAB_LOOKUP_MAX && shape.action_pages <= PTELAB_LOOKUP_MAX &&
	       (!shape.action_first || shape.action_pages);
}

// What is filled at mmap is tracked until ->close, and without ->mmap nothing but ->mapped tells that there is a VMA. A hole
// must not be split.
constexpr unsigned long long hooks_needed(const ShapeFacts &f)
{
	if (!f.divisible)
		return hook(PTELAB_HOOK_MAY_SPLIT);
	if (!f.eager)
		return 0;
	return hook(PTELAB_HOOK_OPEN) | hook(PTELAB_HOOK_CLOSE) | (f.prepares ? hook(PTELAB_HOOK_MAPPED) : 0);
}

constexpr bool has_hooks_needed(const ShapeFacts &f, const ptelab_shape &shape)
{
	if (shape.flags & (PTELAB_SHAPE_HOOKS | PTELAB_SHAPE_NO_VM_OPS))
		return (shape.hooks & hooks_needed(f)) == hooks_needed(f);
	return true;
}

// Flags that make what the node inserts a BUG must not be set. What ->fault returns may go into a VM_MIXEDMAP VMA.
constexpr bool takes_vm_flags(const ShapeFacts &f, const ptelab_shape &shape)
{
	if (f.method == PTELAB_BARE)
		return true;
	if (shape.vm_set & PTELAB_VM_PFNMAP)
		return false;
	return !(shape.vm_set & PTELAB_VM_MIXEDMAP) || f.method == PTELAB_FAULT_PAGE || f.method == PTELAB_HUGE_FOLIO;
}

// What there is for ->mmap_prepare alone.
constexpr bool takes_preparation(const ShapeFacts &f, const ptelab_shape &shape)
{
	const bool action = f.method == PTELAB_PREPARE_REMAP || f.method == PTELAB_PREPARE_IOREMAP || f.method == PTELAB_PREPARE_MAP_PAGES;
	if (shape.action_pages && !action)
		return false;
	if (shape.flags & kPrepareFlags && !f.prepares)
		return false;
	return !(shape.flags & PTELAB_SHAPE_NULL_VM_OPS) || f.method == PTELAB_PREPARE_FAULT_PAGE;
}

// Counted pages that are reserved confuse what frees them last, and no page of a compound one may be (PF_NO_COMPOUND).
constexpr int reserve_verdict(const ShapeFacts &f)
{
	if (f.counts_pages)
		return kShapeUnfit;
	if (f.revoked)
		return -CXXRT_ENODEV;
	return f.compound ? kShapeUnfit : 0;
}

constexpr int shape_verdict(const ShapeFacts &f, const ptelab_shape &shape)
{
	if (!is_shape(shape))
		return kShapeInvalid;
	if (!has_hooks_needed(f, shape) || !takes_vm_flags(f, shape) || !takes_preparation(f, shape))
		return kShapeUnfit;
	// With ->map_pages faults run under the VMA's own lock, which remap_pfn_range() takes for writing (mm/memory.c:
	// vmf_can_call_fault).
	if (f.remaps_at_fault && shape.hooks & hook(PTELAB_HOOK_MAP_PAGES) && !(shape.flags & PTELAB_SHAPE_MISUSE))
		return kShapeUnfit;
	if (shape.flags & (PTELAB_SHAPE_OWN_INODE | PTELAB_SHAPE_RESERVED) && !f.own_ram)
		return kShapeUnfit;
	return shape.flags & PTELAB_SHAPE_RESERVED ? reserve_verdict(f) : 0;
}

} // namespace
} // namespace ptelab
