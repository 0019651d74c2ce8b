// SPDX-License-Identifier: GPL-2.0
/*
 * What should not be inserted by ->huge_fault, where the region has any such thing; else VM_FAULT_FALLBACK. Context: ->huge_fault,
 * mmap_lock held for reading or the VMA's own lock; the region's gate and its leaf lock are taken here.
 */
#include <linux/mm.h>

#include "../glue/compat.h"
#include "../glue/file.h"
#include "misuse.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static bool is_private(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* The page of the region at which the PMD of this fault begins, if all of the PMD is in the VMA. */
static bool pmd_begins_at(const struct vm_fault *vmf, unsigned long *index)
{
	unsigned long start = vmf->address & HPAGE_PMD_MASK;
	unsigned long inside = (vmf->address - start) >> PAGE_SHIFT;

	if (start < vmf->vma->vm_start || vmf->vma->vm_end - start < HPAGE_PMD_SIZE || vmf->pgoff < inside)
		return false;
	*index = vmf->pgoff - inside;
	return true;
}

/* The pfns of the PMD after the due one, which the kernel refuses over an entry (mm/huge_memory.c: insert_pfn_pmd). */
static vm_fault_t other_pfns(struct vm_fault *vmf, struct ptelab_session *session)
{
	vm_fault_t answer = VM_FAULT_FALLBACK;
	unsigned long due;
	struct page *page;

	if (is_private(vmf->vma) || !pmd_begins_at(vmf, &due) || !ptelab_contiguous(session, due + HPAGE_PMD_NR, HPAGE_PMD_NR))
		return answer;
	page = ptelab_page_get(session, due + HPAGE_PMD_NR);
	if (!page)
		return answer;
	if (!(page_to_pfn(page) & (HPAGE_PMD_NR - 1)) && ptelab_gate_enter(session)) {
		ptelab_leaf_lock(session);
		if (port_fault_pmd(vmf) != PORT_PMD_TABLE)
			answer = vmf_insert_pfn_pmd(vmf, COMPAT_PFN(page_to_pfn(page)), vmf->flags & FAULT_FLAG_WRITE);
		ptelab_leaf_unlock(session);
		ptelab_gate_leave(session);
	}
	put_page(page);
	return answer;
}

/* A folio that is larger than a PMD, for a PMD or for a PUD. */
static vm_fault_t other_folio(struct vm_fault *vmf, struct ptelab_session *session, bool pud)
{
	vm_fault_t answer = VM_FAULT_FALLBACK;
	struct page *head;
	unsigned long due;

	if (is_private(vmf->vma) || (!pud && (!pmd_begins_at(vmf, &due) || due || ptelab_pages(session) == HPAGE_PMD_NR)))
		return answer;
	head = ptelab_page_get(session, 0);
	if (!head)
		return answer;
	if (PageHead(head) && ptelab_gate_enter(session)) {
		ptelab_leaf_lock(session);
		if (pud) {
#ifdef HAVE_VMF_INSERT_FOLIO_PUD
			answer = vmf_insert_folio_pud(vmf, page_folio(head), vmf->flags & FAULT_FLAG_WRITE);
#endif
		} else if (port_fault_pmd(vmf) != PORT_PMD_TABLE) {
#ifdef HAVE_VMF_INSERT_FOLIO_PMD
			answer = vmf_insert_folio_pmd(vmf, page_folio(head), vmf->flags & FAULT_FLAG_WRITE);
#endif
		}
		ptelab_leaf_unlock(session);
		ptelab_gate_leave(session);
	}
	put_page(head);
	return answer;
}

vm_fault_t ptelab_misuse_huge_fault(struct vm_fault *vmf, unsigned int answer)
{
	struct ptelab_file *file = file_of(vmf->vma);

	if (file->method == PTELAB_HUGE_FOLIO)
		return other_folio(vmf, file->session, answer == PTELAB_ANSWER_OTHER_PUD);
	return other_pfns(vmf, file->session);
}
#else
vm_fault_t ptelab_misuse_huge_fault(struct vm_fault *vmf, unsigned int answer)
{
	return VM_FAULT_FALLBACK;
}
#endif
