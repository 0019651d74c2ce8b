/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What CALL finds out before the core says whether the call is made (core/call_guard.hpp). Context: mmap_lock held, for write if
 * the call asked for that.
 */
#ifndef PTELAB_CALL_MAY_H
#define PTELAB_CALL_MAY_H

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "../file.h"
#include "follow.h"

/*
 * What one call needs. All of the region is asked for before mmap_lock is taken and what was found is looked up after: in
 * between the gate is held, in which the session's mutex does not nest.
 */
struct call_context {
	struct ptelab_file *file;
	struct vm_area_struct *vma;
	struct ptelab_call *arg;
	struct page *page;	/* the source, or the region's page index, with a reference; NULL: none such */
	struct page **pages;	/* count of them, each with a reference; NULL: one is missing, or the call takes none */
	void *memory;		/* REMAP_VMALLOC: the buffer; the file keeps it */
	bool contiguous;	/* the pages that REMAP or IOMAP covers are there, in a row */
	struct followed found;
	bool followed;
};

static inline bool write_locked(const struct call_context *c)
{
	return c->arg->flags & PTELAB_CALL_WRITE_LOCK;
}

static inline bool is_vmalloc_source(unsigned int source)
{
	return source == PTELAB_SOURCE_PLAIN_VMALLOC || source == PTELAB_SOURCE_USER_VMALLOC;
}

static inline bool takes_array(unsigned int call)
{
	return call == PTELAB_CALL_INSERT_PAGES || call == PTELAB_CALL_MAP_PAGES || call == PTELAB_CALL_MAP_PAGES_ZERO;
}

static inline bool is_zap(unsigned int call)
{
	return call == PTELAB_CALL_ZAP_SPECIAL || call == PTELAB_CALL_ZAP_VMA || call == PTELAB_CALL_ZAP_MANY;
}

/* Where a call looks or writes. A size that the kernel refuses for this VMA before it looks at any entry is no range: 0 bytes. */
struct call_range {
	unsigned long start;
	unsigned long bytes;
};

static inline struct call_range range_of(const struct call_context *c)
{
	const struct ptelab_call *arg = c->arg;
	unsigned long vma_bytes = c->vma->vm_end - c->vma->vm_start;
	u64 all = 0;

	switch (arg->call) {
	case PTELAB_CALL_INSERT_PAGES:
		return (struct call_range){ arg->address, arg->count << PAGE_SHIFT };
	case PTELAB_CALL_REMAP:
	case PTELAB_CALL_IO_REMAP:
		return (struct call_range){ arg->address & PAGE_MASK, PAGE_ALIGN(arg->bytes) };
	case PTELAB_CALL_ZAP_SPECIAL:
	case PTELAB_CALL_ZAP_VMA:
	case PTELAB_CALL_ZAP_MANY:
	case PTELAB_CALL_APPLY:
		return (struct call_range){ arg->address, arg->bytes };
	case PTELAB_CALL_IOMAP:
		all = PAGE_ALIGN(arg->offset + arg->bytes);
		break;
	case PTELAB_CALL_MAP_PAGES:
	case PTELAB_CALL_MAP_PAGES_ZERO:
	case PTELAB_CALL_REMAP_VMALLOC:
		all = arg->count << PAGE_SHIFT;
		break;
	default:
		return (struct call_range){ arg->address, PAGE_SIZE };
	}
	/* These fill the VMA, whose size mremap() may have made anything. */
	return (struct call_range){ c->vma->vm_start, vma_bytes <= all ? vma_bytes : 0 };
}

/* Bounded by check(): at most PTELAB_LOOKUP_MAX pages. 0 or -EINTR. */
static inline int entries_in(const struct call_context *c, struct call_range range, unsigned int *states)
{
	unsigned long addr = max(range.start, c->vma->vm_start);
	unsigned long end = min(range.start + range.bytes, c->vma->vm_end);

	for (*states = 0; addr < end; addr += PAGE_SIZE) {
		struct ptelab_pte pte;

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		port_live_lookup(c->vma, addr, &pte);
		*states |= pte.state;
	}
	return 0;
}

/* zap_page_range() goes on with an end that hugetlb has a BUG_ON for (mm/hugetlb.c: __unmap_hugepage_range). */
static inline bool meets_hugetlb(const struct call_context *c, struct call_range range)
{
	unsigned long end = range.start + range.bytes;
	struct vm_area_struct *vma = find_vma(c->vma->vm_mm, range.start);

	while (vma && vma->vm_start < end) {
		if (is_vm_hugetlb_page(vma))
			return true;
		if (vma->vm_end >= end)
			return false;
		vma = find_vma(c->vma->vm_mm, vma->vm_end);
	}
	return false;
}

/* The fault that maps a leaf may come at any moment; an anonymous VMA's is refused anyway. */
static inline bool maps_leaves(const struct ptelab_file *file)
{
	return ptelab_maps_leaves(file->session) || file->vma_setup.hooks & (1ULL << PTELAB_HOOK_HUGE_FAULT);
}

/* 0, or -EINTR: killed while looking. */
static inline int find_facts(const struct call_context *c, struct ptelab_call_facts *facts)
{
	const struct ptelab_call *arg = c->arg;
	const struct vm_area_struct *vma = c->vma;
	struct call_range range = range_of(c);

	*facts = (struct ptelab_call_facts){
		.call = arg->call,
		.write_locked = write_locked(c),
		.for_write = arg->flags & PTELAB_CALL_WRITE,
		.may_warn = c->file->opened_by_admin,
		.pfnmap = vma->vm_flags & VM_PFNMAP,
		.mixedmap = vma->vm_flags & VM_MIXEDMAP,
		.cow = port_vma_is_cow(vma),
		.anonymous = vma_is_anonymous((struct vm_area_struct *)vma),
		.writable = vma->vm_flags & VM_WRITE,
		.may_write = vma->vm_flags & (VM_WRITE | VM_MAYWRITE),
		.counts_pages = ptelab_counts_pages(c->file->session),
		.divisible = !ptelab_may_split(c->file->session),
		.maps_leaves = maps_leaves(c->file),
		.inside = range.start >= vma->vm_start && range.start < vma->vm_end && range.bytes <= vma->vm_end - range.start,
		.whole = arg->address == vma->vm_start && range.bytes == vma->vm_end - vma->vm_start,
		.aligned = PAGE_ALIGNED(range.start) && PAGE_ALIGNED(range.bytes),
		.odd = !PAGE_ALIGNED(arg->address),
		.empty = !arg->bytes,
		.wraps = range.start + range.bytes < range.start,
		.meets_hugetlb = arg->call == PTELAB_CALL_ZAP_MANY && meets_hugetlb(c, range),
		.source = arg->source,
		.found = takes_array(arg->call) ? c->pages : is_vmalloc_source(arg->source) ? c->memory : c->page,
		.in_a_row = c->contiguous,
		.part_of_page = arg->offset >= PAGE_SIZE || arg->bytes < PAGE_SIZE,
		.mixed_is_bug = COMPAT_INSERT_MIXED_BUGS,
		.follow_is_bug = !IS_ENABLED(HAVE_FOLLOW_PFNMAP_START) || arg->call != PTELAB_CALL_FOLLOW_PFN_ANY,
	};
	return is_zap(arg->call) ? 0 : entries_in(c, range, &facts->entries);
}

#endif
