/* SPDX-License-Identifier: GPL-2.0 */
/* The only place that knows that kernels differ. features.h is made by ./probe when the module is built. */
#ifndef PTELAB_COMPAT_H
#define PTELAB_COMPAT_H

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "features.h"

/* Largest order of one allocation: the name changed, and with it whether the bound itself is allowed. */
#ifdef MAX_PAGE_ORDER
#define COMPAT_MAX_ORDER MAX_PAGE_ORDER
#else
#define COMPAT_MAX_ORDER (MAX_ORDER - 1)
#endif

/* The page's bytes, until compat_unmap_page(). Context: sleeps. */
static inline void *compat_map_page(struct page *page)
{
#ifdef HAVE_KMAP_LOCAL
	return kmap_local_page(page);
#else
	return kmap(page);
#endif
}

static inline void compat_unmap_page(struct page *page, const void *memory)
{
#ifdef HAVE_KMAP_LOCAL
	kunmap_local(memory);
#else
	kunmap(page);
#endif
}

/* 0, or -EINTR: a fatal signal came first. */
static inline int compat_lock_page_killable(struct page *page)
{
#ifdef HAVE_FOLIO_LOCK_KILLABLE
	return folio_lock_killable(page_folio(page));
#else
	return lock_page_killable(page);
#endif
}

/*
 * Mappings of the page by itself and as a part of a compound page. -1: of a compound one, where the kernel counts those of the whole
 * alone (CONFIG_NO_PAGE_MAPCOUNT).
 */
static inline int compat_page_mappings(struct page *page)
{
#ifdef HAVE_FOLIO_MAPCOUNT
	if (IS_ENABLED(CONFIG_NO_PAGE_MAPCOUNT) && PageCompound(page))
		return -1;
	return atomic_read(&page->_mapcount) + 1 + (PageCompound(page) ? folio_entire_mapcount(page_folio(page)) : 0);
#else
	return page_mapcount(page);
#endif
}

/* Context: mmap_lock held for write, as in ->mmap. */
static inline void compat_vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void compat_vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/*
 * The zap for driver VMAs. Acts on VM_PFNMAP, and since the rename on VM_MIXEDMAP too; else it does nothing and says nothing.
 * Context: mmap_lock held for reading or writing; sleeps.
 */
static inline int compat_zap_special(struct vm_area_struct *vma, unsigned long addr, unsigned long bytes)
{
#if defined(HAVE_ZAP_SPECIAL_VMA_RANGE)
	zap_special_vma_range(vma, addr, bytes);
	return 0;
#elif defined(HAVE_ZAP_VMA_PTES)
	zap_vma_ptes(vma, addr, bytes);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* A zap of one VMA of any kind; [addr, addr + bytes) must lie inside it. Context: as above. */
static inline int compat_zap_vma(struct vm_area_struct *vma, unsigned long addr, unsigned long bytes)
{
#if defined(HAVE_ZAP_VMA_RANGE)
	zap_vma_range(vma, addr, bytes);
	return 0;
#elif defined(HAVE_ZAP_PAGE_RANGE_SINGLE)
	zap_page_range_single(vma, addr, bytes, NULL);
	return 0;
#elif defined(HAVE_ZAP_PAGE_RANGE)
	zap_page_range(vma, addr, bytes);
	return 0;
#else
#error "this kernel exports no zap of a single VMA: what a failed mmap inserted could not be taken back"
#endif
}

/* zap_page_range(), which runs on into the VMAs that follow. Context: as above. */
static inline int compat_zap_many(struct vm_area_struct *vma, unsigned long addr, unsigned long bytes)
{
#ifdef HAVE_ZAP_PAGE_RANGE
	zap_page_range(vma, addr, bytes);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* Context: sleeps; no lock that ->fault takes may be held, but mmap_lock may. */
static inline int compat_unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t count, bool even_cows)
{
#ifdef HAVE_UNMAP_MAPPING_PAGES
	unmap_mapping_pages(mapping, start, count, even_cows);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* Kernels that export vmf_insert_mixed_mkwrite() answer a VMA without VM_MIXEDMAP with a BUG, later ones with SIGBUS. */
#ifdef HAVE_VMF_INSERT_MIXED_MKWRITE
#define COMPAT_INSERT_MIXED_BUGS true
#else
#define COMPAT_INSERT_MIXED_BUGS false
#endif

#ifdef HAVE_PFN_T
#include <linux/pfn_t.h>
#define COMPAT_PFN(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#else
#define COMPAT_PFN(pfn) (pfn)
#endif

/*
 * vmf_insert_pfn_pud() is a function, or inline over the one with _prot; the processor may know no such entries. Where a PUD
 * cannot be marked as special, GUP-fast takes a reference of a struct page that a hole has not (mm/gup.c: gup_huge_pud).
 */
#if defined(CONFIG_TRANSPARENT_HUGEPAGE) && defined(CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD) && defined(HAVE_PUD_SPECIAL) && \
	(defined(HAVE_VMF_INSERT_PFN_PUD) || defined(HAVE_VMF_INSERT_PFN_PUD_PROT))
#define COMPAT_INSERT_PFN_PUD 1
#endif

static inline bool compat_has_pud_entries(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_GBPAGES);
#else
	return true;
#endif
}

/* Only x86 has PUD entries that user space could be given (CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD). */
static inline bool compat_is_virtual_machine(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_HYPERVISOR);
#else
	return false;
#endif
}

/* Context: mmap_lock held, or the VMA's own lock; sleeps. */
static inline vm_fault_t compat_insert_mixed(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn)
{
	return vmf_insert_mixed(vma, addr, COMPAT_PFN(pfn));
}

static inline int compat_insert_mixed_prot(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, pgprot_t prot,
					   __s64 *result)
{
#ifdef HAVE_VMF_INSERT_MIXED_PROT
	*result = (__force u32)vmf_insert_mixed_prot(vma, addr, COMPAT_PFN(pfn), prot);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

static inline int compat_insert_mixed_mkwrite(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, __s64 *result)
{
#ifdef HAVE_VMF_INSERT_MIXED_MKWRITE
	*result = (__force u32)vmf_insert_mixed_mkwrite(vma, addr, COMPAT_PFN(pfn));
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* As from ->fault. Context: as above. */
static inline int compat_insert_page_mkwrite(struct vm_area_struct *vma, unsigned long addr, struct page *page, bool write,
					     __s64 *result)
{
#ifdef HAVE_VMF_INSERT_PAGE_MKWRITE
	struct vm_fault vmf = {
		.vma = vma,
		.address = addr,
		.pgoff = vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT),
		.flags = write ? FAULT_FLAG_WRITE : 0,
	};

	*result = (__force u32)vmf_insert_page_mkwrite(&vmf, page, write);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

#ifdef HAVE_MAY_SPLIT
#define COMPAT_MAY_SPLIT may_split
#else
#define COMPAT_MAY_SPLIT split
#endif

#ifdef HAVE_MAP_PAGES_RETURNS_VOID
#define COMPAT_MAP_PAGES_RETURNS void
#else
#define COMPAT_MAP_PAGES_RETURNS vm_fault_t
#endif

/* The fault was taken under the VMA's own lock instead of mmap_lock. */
static inline bool compat_fault_under_vma_lock(const struct vm_fault *vmf)
{
#ifdef HAVE_FAULT_VMA_LOCK
	return vmf->flags & FAULT_FLAG_VMA_LOCK;
#else
	return false;
#endif
}

#endif
