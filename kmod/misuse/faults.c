// SPDX-License-Identifier: GPL-2.0
/* Two handlers that REVOKE cannot survive. Context of all: ->fault, mmap_lock held for reading or the VMA's own lock; they sleep. */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "../glue/compat.h"
#include "../glue/file.h"
#include "misuse.h"

/*
 * Look, take one's time, and hand the page over unlocked. The page has a reference meanwhile, so what goes wrong is only that a
 * page is mapped that REVOKE has taken away.
 */
static vm_fault_t give_stale(struct vm_fault *vmf, unsigned int delay_ms)
{
	struct page *page = ptelab_page_get(file_of(vmf->vma)->session, vmf->pgoff);

	if (!page)
		return VM_FAULT_SIGBUS;
	if (!port_fault_delay(delay_ms)) {
		put_page(page);
		return VM_FAULT_SIGBUS;
	}
	vmf->page = page;
	return 0;
}

/*
 * remap_pfn_range() is not made to be called here: it changes the VMA's flags, and only the read lock is held; with per-VMA locks it
 * takes the VMA's for write, so that no lock of ours may be held either, and what is mapped here a REVOKE at that moment misses. In a
 * private VMA of one page vm_pgoff would change too, by which the rmap has it sorted (mm/memory.c: remap_pfn_range): that is not
 * done. What is not none is a BUG (mm/memory.c: remap_pte_range): of two threads that fault on one page the second comes again until
 * it sees what the first did.
 */
static vm_fault_t remap(struct vm_fault *vmf)
{
	static unsigned long busy;
	struct vm_area_struct *vma = vmf->vma;
	struct page *page = (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE ?
				    NULL :
				    ptelab_page_get(file_of(vma)->session, vmf->pgoff);
	struct ptelab_pte pte;
	int error = -EBUSY;

	if (!page)
		return VM_FAULT_SIGBUS;
	if (!test_and_set_bit_lock(0, &busy)) {
		port_live_lookup(vma, vmf->address, &pte);
		if (!pte.state)
			error = remap_pfn_range(vma, vmf->address & PAGE_MASK, page_to_pfn(page), PAGE_SIZE, vma->vm_page_prot);
		clear_bit_unlock(0, &busy);
	}
	put_page(page);
	if (!error || error == -EBUSY)
		return VM_FAULT_NOPAGE;
	return error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

vm_fault_t ptelab_misuse_fault(struct vm_fault *vmf, unsigned int action, unsigned int delay_ms)
{
	return action == PTELAB_FAULT_STALE ? give_stale(vmf, delay_ms) : remap(vmf);
}
