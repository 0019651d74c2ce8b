// SPDX-License-Identifier: GPL-2.0
/* port.h: inside ->fault. mmap_lock is held for reading, or the VMA's own lock; both allow sleeping. */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "../../port.h"
#include "../../../uapi/ptelab.h"

/* Through u32: the two sides are different enumerations. */
static_assert((u32)PORT_FAULT_OOM == (u32)VM_FAULT_OOM);
static_assert((u32)PORT_FAULT_SIGBUS == (u32)VM_FAULT_SIGBUS);
static_assert((u32)PORT_FAULT_HWPOISON == (u32)VM_FAULT_HWPOISON);
static_assert((u32)PORT_FAULT_SIGSEGV == (u32)VM_FAULT_SIGSEGV);
static_assert((u32)PORT_FAULT_FALLBACK == (u32)VM_FAULT_FALLBACK);
static_assert((u32)PORT_FAULT_NOPAGE == (u32)VM_FAULT_NOPAGE);
static_assert((u32)PORT_FAULT_LOCKED == (u32)VM_FAULT_LOCKED);
static_assert((u32)PORT_FAULT_RETRY == (u32)VM_FAULT_RETRY);

/* Needs VM_PFNMAP and no copy-on-write, else BUG (mm/memory.c: vmf_insert_pfn_prot): the core's types see to that. */
unsigned int port_fault_insert_pfn(struct vm_fault *vmf, unsigned long pfn)
{
	return (__force unsigned int)vmf_insert_pfn(vmf->vma, vmf->address, pfn);
}

unsigned int port_fault_insert_pfn_of(struct vm_fault *vmf, struct page *page)
{
	return (__force unsigned int)vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
}

/* Needs VM_MIXEDMAP already set, else BUG (mm/memory.c: vm_insert_page). Takes a reference of its own on the page. */
unsigned int port_fault_insert_page(struct vm_fault *vmf, struct page *page)
{
	return (__force unsigned int)vmf_insert_page(vmf->vma, vmf->address, page);
}

/*
 * As mm/filemap.c: __folio_lock_or_retry, but that the lock of the fault is kept: who has the page lock sets an entry or looks
 * whether one is set, and waits for no lock of a fault. With FAULT_FLAG_RETRY_NOWAIT VM_FAULT_RETRY keeps it, too.
 */
static unsigned int lock_for(const struct vm_fault *vmf, struct page *page)
{
	if (trylock_page(page))
		return 0;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return PORT_FAULT_RETRY;
	return compat_lock_page_killable(page) ? PORT_FAULT_SIGBUS : 0;
}

/*
 * The core of mm finishes the fault with this page locked and unlocks it after the PTE is set (mm/memory.c: __do_fault,
 * finish_fault), so whoever takes the page lock next sees the PTE. The reference becomes the PTE's.
 */
unsigned int port_fault_give(struct vm_fault *vmf, struct page *page)
{
	unsigned int answer = lock_for(vmf, page);

	if (answer)
		put_page(page);
	else
		vmf->page = page;
	return answer;
}

unsigned int port_fault_give_at_once(struct vm_fault *vmf, struct page *page)
{
	if (unlikely(!trylock_page(page)))
		return 0;
	get_page(page);
	vmf->page = page;
	return PORT_FAULT_LOCKED;
}

/* Needs VM_MIXEDMAP. On an architecture with a special bit the PTE holds no reference: the region outlives its VMAs. */
unsigned int port_fault_insert_mixed(struct vm_fault *vmf, struct page *page)
{
	return (__force unsigned int)compat_insert_mixed(vmf->vma, vmf->address, page_to_pfn(page));
}

/* Needs VM_MIXEDMAP already set, else BUG. What was inserted before an error stays, and the fault is served by it. */
unsigned int port_fault_insert_pages(struct vm_fault *vmf, struct page **pages, unsigned long count)
{
	unsigned long most = min(count, (vmf->vma->vm_end - vmf->address) >> PAGE_SHIFT);
	unsigned long left = most;
	int error = vm_insert_pages(vmf->vma, vmf->address, pages, &left);

	if (likely(!error || left < most || error == -EBUSY))
		return PORT_FAULT_NOPAGE;
	return error == -ENOMEM ? PORT_FAULT_OOM : PORT_FAULT_SIGBUS;
}

/* Needs VM_PFNMAP, no copy-on-write, the whole PMD inside the VMA, an aligned pfn: the core has seen to it. */
unsigned int port_fault_insert_pfn_pmd(struct vm_fault *vmf, unsigned long pfn)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	return (__force unsigned int)vmf_insert_pfn_pmd(vmf, COMPAT_PFN(pfn), vmf->flags & FAULT_FLAG_WRITE);
#else
	return PORT_FAULT_FALLBACK;
#endif
}

unsigned int port_fault_insert_pfn_pud(struct vm_fault *vmf, unsigned long pfn)
{
#ifdef COMPAT_INSERT_PFN_PUD
	if (compat_has_pud_entries())
		return (__force unsigned int)vmf_insert_pfn_pud(vmf, COMPAT_PFN(pfn), vmf->flags & FAULT_FLAG_WRITE);
#endif
	return PORT_FAULT_FALLBACK;
}

/*
 * Takes a reference of its own on a folio of exactly a PMD's order. For reading first: MADV_GUARD_INSTALL makes page tables under no
 * lock that we could take (mm/madvise.c: madvise_guard_install), and one that has come first is a WARN to a write alone
 * (mm/huge_memory.c: insert_pmd).
 */
unsigned int port_fault_insert_folio_pmd(struct vm_fault *vmf, struct page *head)
{
#ifdef HAVE_VMF_INSERT_FOLIO_PMD
	vm_fault_t answer = vmf_insert_folio_pmd(vmf, page_folio(head), false);

	if (answer != VM_FAULT_NOPAGE || !(vmf->flags & FAULT_FLAG_WRITE))
		return (__force unsigned int)answer;
	if (port_fault_pmd(vmf) != PORT_PMD_LEAF)
		return PORT_FAULT_FALLBACK;
	return (__force unsigned int)vmf_insert_folio_pmd(vmf, page_folio(head), true);
#else
	return PORT_FAULT_FALLBACK;
#endif
}

struct port_span port_fault_span(const struct vm_fault *vmf)
{
	return port_vma_span(vmf->vma);
}

unsigned long port_fault_address(const struct vm_fault *vmf)
{
	return vmf->address & PAGE_MASK;
}

/* Context: ->fault or ->huge_fault, so that the PMD's own table stays. */
enum port_pmd port_fault_pmd(const struct vm_fault *vmf)
{
	pmd_t pmd = READ_ONCE(*vmf->pmd);

	if (pmd_none(pmd))
		return PORT_PMD_NONE;
	return pmd_leaf(pmd) ? PORT_PMD_LEAF : PORT_PMD_TABLE;
}

static int leave_entry(pte_t *pte, unsigned long addr, void *data)
{
	return 0;
}

/* A module can call nothing that makes a table but this. A huge leaf in the way is a BUG on old kernels, and left alone. */
bool port_fault_make_table(struct vm_fault *vmf)
{
	unsigned long addr = vmf->address & PAGE_MASK;

	return port_fault_pmd(vmf) != PORT_PMD_NONE ||
	       apply_to_page_range(vmf->vma->vm_mm, addr, PAGE_SIZE, leave_entry, NULL) != -ENOMEM;
}

/* Exactly one of the two flags, and no copy-on-write (mm/huge_memory.c: vmf_insert_pfn_pmd). */
bool port_fault_takes_pfns(const struct vm_fault *vmf)
{
	unsigned long flags = vmf->vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP);

	return (flags == VM_PFNMAP || flags == VM_MIXEDMAP) && !port_fault_is_cow(vmf);
}

void port_fault_take_back(struct vm_fault *vmf)
{
	unlock_page(vmf->page);
	put_page(vmf->page);
	vmf->page = NULL;
}

/*
 * VM_FAULT_RETRY means "I dropped the lock". Only mmap_lock can be dropped from a module (release_fault_lock() is not
 * exported), and only if the caller allows it; without FAULT_FLAG_RETRY_NOWAIT, which keeps the lock held.
 */
unsigned int port_fault_retry(struct vm_fault *vmf)
{
	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY) || (vmf->flags & FAULT_FLAG_RETRY_NOWAIT) ||
	    compat_fault_under_vma_lock(vmf))
		return 0;
	mmap_read_unlock(vmf->vma->vm_mm);
	return PORT_FAULT_RETRY;
}

/* Never shorter than asked for, which a count of jiffies can be: they lag behind where a tick comes late. */
bool port_fault_delay(unsigned int milliseconds)
{
	ktime_t end = ktime_add_ms(ktime_get(), milliseconds);

	while (!fatal_signal_pending(current)) {
		set_current_state(TASK_KILLABLE);
		if (schedule_hrtimeout(&end, HRTIMER_MODE_ABS) == 0)
			return true;
	}
	return false;
}

bool port_fault_is_cow(const struct vm_fault *vmf)
{
	return port_vma_is_cow(vmf->vma);
}
