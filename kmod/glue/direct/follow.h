/* SPDX-License-Identifier: GPL-2.0 */
/* The look-ups of a pfn, as the kernel at hand has them. Context: mmap_lock held for reading or writing. */
#ifndef PTELAB_FOLLOW_H
#define PTELAB_FOLLOW_H

#include <linux/mm.h>

#include "../compat.h"

struct followed {
	unsigned long pfn;
	bool writable;
	bool special;
};

/* 0, the kernel's -errno, or -EOPNOTSUPP: this kernel has no such call. */
static inline int ptelab_follow_pfn(struct vm_area_struct *vma, unsigned long addr, struct followed *found)
{
#ifdef HAVE_FOLLOW_PFN
	return follow_pfn(vma, addr, &found->pfn);
#else
	return -EOPNOTSUPP;
#endif
}

/* Success leaves the page table locked: nothing may sleep before it is unlocked. */
static inline int ptelab_follow_pte(struct vm_area_struct *vma, unsigned long addr, struct followed *found)
{
#ifdef HAVE_FOLLOW_PTE
	spinlock_t *lock;
	pte_t *pte;
	int error = follow_pte(vma->vm_mm, addr, &pte, &lock);

	if (error)
		return error;
	found->pfn = pte_pfn(*pte);
	found->writable = pte_write(*pte);
	found->special = pte_special(*pte);
	pte_unmap_unlock(pte, lock);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* asleep: with a sleep under the lock, but one that can only be complained about. */
static inline int ptelab_follow_pfnmap(struct vm_area_struct *vma, unsigned long addr, struct followed *found, bool asleep)
{
#ifdef HAVE_FOLLOW_PFNMAP_START
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int error = follow_pfnmap_start(&args);

	if (error)
		return error;
	found->pfn = args.pfn;
	found->writable = args.writable;
	found->special = args.special;
	if (asleep)
		might_sleep();
	follow_pfnmap_end(&args);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

static inline int ptelab_follow_any(struct vm_area_struct *vma, unsigned long addr, struct followed *found)
{
	int error = ptelab_follow_pfnmap(vma, addr, found, false);

	return error == -EOPNOTSUPP ? ptelab_follow_pfn(vma, addr, found) : error;
}

#endif
