// SPDX-License-Identifier: GPL-2.0
/* What this kernel has, as user space is told. The macros are made by ./probe. */
#include <linux/kernel.h>

#include "glue.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#define HAS_HUGE 1
#else
#define HAS_HUGE 0
#endif

unsigned long long port_features(void)
{
	unsigned long long features = 0;

	if (IS_ENABLED(HAVE_ZAP_VMA_PTES) || IS_ENABLED(HAVE_ZAP_SPECIAL_VMA_RANGE))
		features |= PTELAB_HAS_ZAP_SPECIAL;
	if (IS_ENABLED(HAVE_ZAP_SPECIAL_VMA_RANGE))
		features |= PTELAB_HAS_ZAP_SPECIAL_MIXED;
	if (IS_ENABLED(HAVE_ZAP_VMA_RANGE) || IS_ENABLED(HAVE_ZAP_PAGE_RANGE_SINGLE))
		features |= PTELAB_HAS_ZAP_VMA;
	if (IS_ENABLED(HAVE_ZAP_PAGE_RANGE))
		features |= PTELAB_HAS_ZAP_MANY;
	if (IS_ENABLED(HAVE_VM_FLAGS_SET))
		features |= PTELAB_HAS_VM_FLAGS_SET;
	if (IS_ENABLED(HAVE_FOLLOW_PFN))
		features |= PTELAB_HAS_FOLLOW_PFN;
	if (IS_ENABLED(HAVE_FOLLOW_PFNMAP_START))
		features |= PTELAB_HAS_FOLLOW_PFNMAP;
	if (IS_ENABLED(HAVE_MMAP_PREPARE))
		features |= PTELAB_HAS_MMAP_PREPARE;
	if (IS_ENABLED(HAVE_FAULT_VMA_LOCK))
		features |= PTELAB_HAS_FAULT_VMA_LOCK;
	if (IS_ENABLED(HAVE_FOLLOW_PTE))
		features |= PTELAB_HAS_FOLLOW_PTE;
	if (IS_ENABLED(HAVE_UNMAP_MAPPING_PAGES))
		features |= PTELAB_HAS_UNMAP_PAGES;
	if (IS_ENABLED(HAVE_VMF_INSERT_MIXED_PROT))
		features |= PTELAB_HAS_INSERT_MIXED_PROT;
	if (IS_ENABLED(HAVE_VMF_INSERT_MIXED_MKWRITE))
		features |= PTELAB_HAS_INSERT_MIXED_MKWRITE;
	if (IS_ENABLED(HAVE_VMF_INSERT_PAGE_MKWRITE))
		features |= PTELAB_HAS_INSERT_PAGE_MKWRITE;
	if (HAS_HUGE)
		features |= PTELAB_HAS_INSERT_PFN_PMD;
	if (HAS_HUGE && IS_ENABLED(HAVE_VMF_INSERT_FOLIO_PMD))
		features |= PTELAB_HAS_INSERT_FOLIO_PMD;
	if (IS_ENABLED(COMPAT_INSERT_PFN_PUD) && compat_has_pud_entries())
		features |= PTELAB_HAS_INSERT_PFN_PUD;
	if (HAS_HUGE && IS_ENABLED(HAVE_VMF_INSERT_FOLIO_PUD))
		features |= PTELAB_HAS_INSERT_FOLIO_PUD;
	if (IS_ENABLED(HAVE_MAY_SPLIT))
		features |= PTELAB_HAS_MAY_SPLIT;
	if (IS_ENABLED(HAVE_MPROTECT_HOOK))
		features |= PTELAB_HAS_MPROTECT_HOOK;
	if (IS_ENABLED(HAVE_MAPPED_HOOK))
		features |= PTELAB_HAS_MAPPED_HOOK;
	if (IS_ENABLED(CONFIG_HAVE_IOREMAP_PROT))
		features |= PTELAB_HAS_GENERIC_ACCESS;
	if (IS_ENABLED(HAVE_PIN_USER_PAGES_FAST_ONLY))
		features |= PTELAB_HAS_FAST_ONLY_PIN;
	if (IS_ENABLED(HAVE_VMA_SET_FLAGS))
		features |= PTELAB_HAS_VMA_SET_FLAGS;
	if (IS_ENABLED(HAVE_MMAP_ACTIONS))
		features |= PTELAB_HAS_MMAP_ACTIONS;
	return features;
}

bool ptelab_method_exists(unsigned int method)
{
	if (method == PTELAB_HUGE_PFN)
		return port_features() & PTELAB_HAS_INSERT_PFN_PMD;
	if (method == PTELAB_HUGE_FOLIO)
		return port_features() & PTELAB_HAS_INSERT_FOLIO_PMD;
	if (ptelab_prepares(method))
		return port_features() & PTELAB_HAS_MMAP_ACTIONS;
	return true;
}
