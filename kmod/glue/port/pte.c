// SPDX-License-Identifier: GPL-2.0
/* port.h: what the page tables hold. */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "entry.h"
#include "../../port.h"
#include "../../../uapi/ptelab.h"

/* Which memory type an entry has, told by the bits in which the three kinds of pgprot differ on this architecture. */
static unsigned int cache_of(unsigned long value)
{
	pgprot_t base = vm_get_page_prot(VM_READ | VM_SHARED);
	unsigned long wb = pgprot_val(base);
	unsigned long uc = pgprot_val(pgprot_noncached(base));
	unsigned long wc = pgprot_val(pgprot_writecombine(base));
	unsigned long mask = (wb ^ uc) | (wb ^ wc);

	if ((value & mask) == (wb & mask))
		return PTELAB_CACHE_WRITE_BACK;
	if ((value & mask) == (wc & mask) && (wc & mask) != (uc & mask))
		return PTELAB_CACHE_WRITE_COMBINING;
	if ((value & mask) == (uc & mask))
		return PTELAB_CACHE_UNCACHED;
	return 0;
}

static unsigned int state_bits(bool write, bool dirty, bool young)
{
	return PTELAB_PTE_PRESENT | (write ? PTELAB_PTE_WRITE : 0) | (dirty ? PTELAB_PTE_DIRTY : 0) |
	       (young ? PTELAB_PTE_YOUNG : 0);
}

/* Only where THP has PUDs is there anything that makes one in a mapping of ours, and all that asks of its bits. */
static bool is_pud_leaf(pud_t pud, unsigned long addr, struct ptelab_pte *out)
{
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
	if (pud_leaf(pud)) {
		out->state = state_bits(pud_write(pud), pud_dirty(pud), pud_young(pud)) | PTELAB_PTE_HUGE |
			     entry_rights(pud_val(pud)) | entry_tracking(pud_soft_dirty(pud), false);
		out->cache = cache_of(pud_val(pud));
		out->pfn = pud_pfn(pud) + ((addr & ~PUD_MASK) >> PAGE_SHIFT);
		return true;
	}
#endif
	return false;
}

/*
 * A read-only walk by the inline helpers, because walk_page_range() is not exported and apply_to_page_range() allocates page
 * tables. As in GUP-fast (mm/gup.c: gup_pgd_range) interrupts are off, which keeps page tables from being freed under us, so
 * that it is safe even on a VMA that is being unmapped. Every level is read once: an entry that changes is seen old or new.
 */
static void walk(const struct vm_area_struct *vma, unsigned long addr, struct ptelab_pte *out)
{
	pgd_t *pgdp = pgd_offset(vma->vm_mm, addr), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

	*out = (struct ptelab_pte){};
	if (pgd_none(pgd))
		return;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d))
		return;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		return;
	if (is_pud_leaf(pud, addr, out))
		return;
	pmdp = pmd_offset_lockless(pudp, pud, addr);
	pmd = READ_ONCE(*pmdp);
	if (pmd_none(pmd))
		return;
	if (!pmd_present(pmd)) {
		out->state = entry_absent_pmd(pmd);
		return;
	}
	if (pmd_leaf(pmd)) {
		out->state = state_bits(pmd_write(pmd), pmd_dirty(pmd), pmd_young(pmd)) | PTELAB_PTE_HUGE |
			     entry_rights(pmd_val(pmd)) | entry_tracking(pmd_soft_dirty(pmd), COMPAT_UFFD(pmd, pmd));
		out->cache = cache_of(pmd_val(pmd));
		out->pfn = pmd_pfn(pmd) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
		return;
	}
	pte = ptep_get(pte_offset_kernel(&pmd, addr));
	if (pte_none(pte))
		return;
	if (!pte_present(pte)) {
		out->state = entry_absent_pte(pte);
		return;
	}
	out->state = state_bits(pte_write(pte), pte_dirty(pte), pte_young(pte)) |
		     (pte_special(pte) ? PTELAB_PTE_SPECIAL : 0) | entry_rights(pte_val(pte)) |
		     entry_tracking(pte_soft_dirty(pte), COMPAT_UFFD(pte, pte));
	out->cache = cache_of(pte_val(pte));
	out->pfn = pte_pfn(pte);
}

void port_live_lookup(const struct vm_area_struct *vma, unsigned long addr, struct ptelab_pte *out)
{
	unsigned long flags;

	local_irq_save(flags);
	walk(vma, addr, out);
	local_irq_restore(flags);
}
