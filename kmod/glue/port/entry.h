/* SPDX-License-Identifier: GPL-2.0 */
/* What one entry of a page table is, as LOOKUP tells it: state bits (PTELAB_PTE_*). The kernel's names for it change often. */
#ifndef PTELAB_PORT_ENTRY_H
#define PTELAB_PORT_ENTRY_H

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

#include "../compat.h"
#include "../../../uapi/ptelab.h"

#ifdef HAVE_LEAFOPS
#include <linux/leafops.h>
#endif

#ifdef HAVE_PTE_UFFD
#define COMPAT_UFFD(level, entry) level##_uffd(entry)
#else
#define COMPAT_UFFD(level, entry) level##_uffd_wp(entry)
#endif

/* Two rights that the kernel has no common name for. value: a present entry of any level. */
static inline unsigned int entry_rights(unsigned long value)
{
#if defined(CONFIG_X86)
	return (value & _PAGE_USER ? PTELAB_PTE_USER : 0) | (value & _PAGE_NX ? 0 : PTELAB_PTE_EXEC);
#elif defined(CONFIG_ARM64)
	return (value & PTE_USER ? PTELAB_PTE_USER : 0) | (value & PTE_UXN ? 0 : PTELAB_PTE_EXEC);
#else
	return 0;
#endif
}

static inline unsigned int entry_tracking(bool soft_dirty, bool uffd_wp)
{
	return (soft_dirty ? PTELAB_PTE_SOFT_DIRTY : 0) | (uffd_wp ? PTELAB_PTE_UFFD_WP : 0);
}

/* Of an entry that is neither none nor present. */
#ifdef HAVE_LEAFOPS
static inline unsigned int entry_absent_pte(pte_t pte)
{
	softleaf_t entry = softleaf_from_pte(pte);

	if (softleaf_is_marker(entry))
		return PTELAB_PTE_MARKER | entry_tracking(false, softleaf_is_uffd_wp_marker(entry));
	return (softleaf_is_swap(entry) ? PTELAB_PTE_SWAP : softleaf_is_migration(entry) ? PTELAB_PTE_MIGRATION : PTELAB_PTE_OTHER) |
	       entry_tracking(pte_swp_soft_dirty(pte), COMPAT_UFFD(pte_swp, pte));
}

static inline unsigned int entry_absent_pmd(pmd_t pmd)
{
	return PTELAB_PTE_HUGE | (pmd_is_migration_entry(pmd) ? PTELAB_PTE_MIGRATION : PTELAB_PTE_OTHER);
}
#else
static inline unsigned int entry_absent_pte(pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);

#ifdef HAVE_PTE_MARKER
	if (is_pte_marker_entry(entry))
		return PTELAB_PTE_MARKER | entry_tracking(false, pte_marker_uffd_wp(pte));
#endif
	return (!non_swap_entry(entry) ? PTELAB_PTE_SWAP : is_migration_entry(entry) ? PTELAB_PTE_MIGRATION : PTELAB_PTE_OTHER) |
	       entry_tracking(pte_swp_soft_dirty(pte), COMPAT_UFFD(pte_swp, pte));
}

static inline unsigned int entry_absent_pmd(pmd_t pmd)
{
	return PTELAB_PTE_HUGE | (is_pmd_migration_entry(pmd) ? PTELAB_PTE_MIGRATION : PTELAB_PTE_OTHER);
}
#endif

#endif
