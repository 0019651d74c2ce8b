/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What CALL lets through to the kernel: everything but what would be a BUG, or damage to memory. Context: mmap_lock held, for
 * write if the call asked for that.
 */
#ifndef PTELAB_CALL_MAY_H
#define PTELAB_CALL_MAY_H

#include <linux/mm.h>

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
	struct page *page;	/* the donor, or the region's page index, with a reference; NULL: none such */
	struct page **pages;	/* count of them, each with a reference; NULL: one is missing, or the call takes none */
	bool contiguous;	/* the pages that REMAP or IOMAP covers are there, in a row */
	struct followed found;
	bool followed;
};

static inline bool write_locked(const struct call_context *c)
{
	return c->arg->flags & PTELAB_CALL_WRITE_LOCK;
}

static inline pgprot_t prot_of(const struct call_context *c)
{
	pgprot_t prot = c->vma->vm_page_prot;

	if (c->arg->cache == PTELAB_CACHE_UNCACHED)
		prot = pgprot_noncached(prot);
	else if (c->arg->cache == PTELAB_CACHE_WRITE_COMBINING)
		prot = pgprot_writecombine(prot);
	return prot;
}

/*
 * Not where a huge leaf may be in the way: on kernels before pte_offset_map_lock() looks for one it is taken for a page table
 * (mm/memory.c: __get_locked_pte).
 */
static inline bool may_meet_huge(const struct call_context *c)
{
	return c->file->method == PTELAB_HUGE_PFN || c->file->method == PTELAB_HUGE_FOLIO ||
	       c->file->shape.hooks & (1ULL << PTELAB_HOOK_HUGE_FAULT);
}

/* An anonymous page is its owner's to free: a bare pfn would map it on. */
static inline bool may_be_bare(const struct call_context *c)
{
	return !ptelab_counts_pages(c->file->session) && c->arg->donor != PTELAB_DONOR_ANON;
}

/*
 * remap_pfn_range() of all of a copy-on-write VMA sets vm_pgoff, by which the rmap has a live VMA sorted. In ->mmap, where the
 * call belongs, it is not there yet.
 */
static inline bool moves_in_rmap(const struct call_context *c, unsigned long addr, unsigned long bytes)
{
	return port_vma_is_cow(c->vma) && addr == c->vma->vm_start && bytes == c->vma->vm_end - c->vma->vm_start;
}

/* vm_insert_page() and its kin may have to set VM_MIXEDMAP: BUG_ON without the write lock, or on VM_PFNMAP. */
static inline bool may_insert_pages(const struct call_context *c)
{
	return !may_meet_huge(c) &&
	       ((c->vma->vm_flags & VM_MIXEDMAP) || (write_locked(c) && !(c->vma->vm_flags & VM_PFNMAP)));
}

/*
 * A bare pfn in a page table holds no reference: not where pages are dropped while mapped (PTELAB_PAGE_DROP_ALL). Exactly one
 * of the two flags, no copy-on-write VM_PFNMAP, no RAM in VM_MIXEDMAP: mm/memory.c: vmf_insert_pfn_prot has a BUG_ON for each.
 */
static inline bool may_insert_pfn(const struct call_context *c)
{
	unsigned long flags = c->vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP);

	return may_be_bare(c) && !may_meet_huge(c) && flags == VM_PFNMAP && !port_vma_is_cow(c->vma);
}

static inline bool may_be_divided(const struct call_context *c)
{
	return !ptelab_may_split(c->file->session);
}

static inline bool in_vma(const struct call_context *c, unsigned long addr, unsigned long bytes)
{
	return addr >= c->vma->vm_start && addr < c->vma->vm_end && bytes <= c->vma->vm_end - addr;
}

static inline bool is_empty(const struct call_context *c, unsigned long addr, unsigned long bytes)
{
	struct ptelab_pte pte;
	unsigned long end;

	for (end = addr + bytes; addr < end; addr += PAGE_SIZE) {
		port_live_lookup(c->vma, addr, &pte);
		if (pte.state & PTELAB_PTE_PRESENT)
			return false;
	}
	return true;
}

#endif
