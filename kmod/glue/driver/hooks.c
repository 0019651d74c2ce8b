// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks of a VMA.
 * Context: open, may_split, mremap, mprotect, mapped under mmap_lock for write; close under it for read or write, or without it
 * at exit; the fault hooks under it for read; access under the target's for read; name under it for read, or the VMA's own lock.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "../file.h"
#include "../port/pending_mmaps.h"
#include "events.h"
#include "hooks.h"

static struct port_counts *counts_of(const struct vm_area_struct *vma)
{
	return ptelab_session_counts(file_of(vma)->session);
}

void ptelab_vma_open(struct vm_area_struct *vma)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), PTELAB_HOOK_OPEN, vma);

	ptelab_vma_copied(vma);
	port_count(counts_of(vma), PORT_OPENS, 1);
	ptelab_event_record(file_of(vma), &event);
}

/* The VMA still pins its file here (mm/mmap.c: remove_vma calls ->close, then fput). */
void ptelab_vma_close(struct vm_area_struct *vma)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), PTELAB_HOOK_CLOSE, vma);

	/* An action that fails leads to ->close without ->mapped, which counts. */
	if (!ptelab_vma_gone(vma) && ptelab_fills_at_mmap(file_of(vma)->session))
		port_count(counts_of(vma), PORT_MAPS, 1);
	port_count(counts_of(vma), PORT_CLOSES, 1);
	ptelab_event_record(file_of(vma), &event);
}

/* A hook whose answer is the normal one or what INJECT says. */
static int injected(struct vm_area_struct *vma, unsigned int hook, u64 flags, int normal)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), hook, vma);
	struct ptelab_injection injection = ptelab_hook_answer(file_of(vma)->session, hook);

	event.flags = flags;
	event.answer = injection.answer == PTELAB_ANSWER_ERROR ? -(int)injection.error : normal;
	ptelab_event_record(file_of(vma), &event);
	return event.answer;
}

int ptelab_vma_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return injected(vma, PTELAB_HOOK_MAY_SPLIT, addr, ptelab_may_split(file_of(vma)->session));
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Where VMA_SETUP has not asked for the hook, there is no event. */
int ptelab_huge_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return ptelab_may_split(file_of(vma)->session);
}
#endif

int ptelab_vma_mremap(struct vm_area_struct *vma)
{
	return injected(vma, PTELAB_HOOK_MREMAP, 0, 0);
}

#ifdef HAVE_MPROTECT_HOOK
int ptelab_vma_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned long newflags)
{
	return injected(vma, PTELAB_HOOK_MPROTECT, newflags, 0);
}
#endif

/*
 * Before the handler, which may drop the lock (VM_FAULT_RETRY) and with it the VMA and the file: nothing is asked of them after.
 */
static struct ptelab_session *record_fault(struct vm_fault *vmf, unsigned int hook)
{
	struct ptelab_file *file = file_of(vmf->vma);
	struct ptelab_event event = ptelab_event_of(file, hook, vmf->vma);

	event.start = vmf->address;
	event.end = vmf->address + PAGE_SIZE;
	event.pgoff = vmf->pgoff;
	event.flags = vmf->flags;
	ptelab_event_record(file, &event);
	return file->session;
}

/*
 * VM_FAULT_NOPAGE without an entry comes again at once. In user mode a signal ends that; where the kernel itself touches the
 * mapping nothing does: a fatal signal is looked for only after VM_FAULT_RETRY or an error (arch/x86/mm/fault.c:
 * do_user_addr_fault). So whoever is being killed is not sent round again.
 */
static vm_fault_t unless_killed(vm_fault_t answer)
{
	return answer & VM_FAULT_NOPAGE && fatal_signal_pending(current) ? VM_FAULT_SIGBUS : answer;
}

static noinline vm_fault_t recorded_fault(struct vm_fault *vmf)
{
	struct ptelab_session *session = record_fault(vmf, PTELAB_HOOK_FAULT);

	return (__force vm_fault_t)ptelab_fault(vmf, session, vmf->pgoff);
}

/* The C++ side is called by name, never through a pointer: kCFI would not know its type. It looks for a fatal signal by itself. */
vm_fault_t ptelab_vma_fault(struct vm_fault *vmf)
{
	struct ptelab_file *file = file_of(vmf->vma);

	if (ptelab_is_listened_to(file))
		return recorded_fault(vmf);
	return (__force vm_fault_t)ptelab_fault(vmf, file->session, vmf->pgoff);
}

/* Without huge pages there is no leaf above the PTE level, and the hook is never called. */
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static vm_fault_t huge_fault_pmd(struct vm_fault *vmf)
{
	struct ptelab_session *session = record_fault(vmf, PTELAB_HOOK_HUGE_FAULT);

	return unless_killed((__force vm_fault_t)ptelab_huge_fault(session, vmf, vmf->pgoff));
}

/* Asked before every PMD, and hardly ever anything but a fallback: no event. */
static vm_fault_t huge_fault_pud(struct vm_fault *vmf)
{
	return unless_killed((__force vm_fault_t)ptelab_huge_fault_pud(file_of(vmf->vma)->session, vmf, vmf->pgoff));
}

#ifdef HAVE_HUGE_FAULT_PE_SIZE
vm_fault_t ptelab_vma_huge_fault(struct vm_fault *vmf, enum page_entry_size size)
{
	if (size == PE_SIZE_PUD)
		return huge_fault_pud(vmf);
	return size == PE_SIZE_PMD ? huge_fault_pmd(vmf) : VM_FAULT_FALLBACK;
}
#else
vm_fault_t ptelab_vma_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	if (order == PUD_SHIFT - PAGE_SHIFT)
		return huge_fault_pud(vmf);
	return order == PMD_SHIFT - PAGE_SHIFT ? huge_fault_pmd(vmf) : VM_FAULT_FALLBACK;
}
#endif
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */

/*
 * Context: on kernels with per-VMA locks, under rcu_read_lock(). filemap_map_pages() finds no page in a device's address_space,
 * but that the hook is there lets the core call ->fault under the VMA's own lock.
 */
COMPAT_MAP_PAGES_RETURNS ptelab_vma_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	struct ptelab_event event = ptelab_event_of(file_of(vmf->vma), PTELAB_HOOK_MAP_PAGES, vmf->vma);

	event.flags = vmf->flags;
	event.pgoff = start;
	ptelab_event_record(file_of(vmf->vma), &event);
	return filemap_map_pages(vmf, start, end);
}

/* false: the normal work is to be done. */
static bool mkwrite_refused(struct vm_fault *vmf, unsigned int hook, vm_fault_t *answer)
{
	struct ptelab_file *file = file_of(vmf->vma);
	struct ptelab_event event = ptelab_event_of(file, hook, vmf->vma);
	struct ptelab_injection injection = ptelab_hook_answer(file->session, hook);

	event.start = vmf->address;
	event.end = vmf->address + PAGE_SIZE;
	event.pgoff = vmf->pgoff;
	event.flags = vmf->flags;
	event.answer = injection.answer;
	ptelab_event_record(file, &event);
	if (injection.answer == PTELAB_ANSWER_ZAP)
		ptelab_zap_everywhere(file->session);
	*answer = injection.answer == PTELAB_ANSWER_SIGBUS ? VM_FAULT_SIGBUS : unless_killed(VM_FAULT_NOPAGE);
	return injection.answer == PTELAB_ANSWER_SIGBUS || injection.answer == PTELAB_ANSWER_AGAIN;
}

/*
 * Locked, because the core takes a page without a mapping for one that was truncated (mm/memory.c: do_page_mkwrite). When the
 * page has just come from ->fault, the core has unlocked it in between (mm/memory.c: do_shared_fault), and a REVOKE may have
 * come and gone: so it is asked for again, with the page locked.
 */
vm_fault_t ptelab_vma_page_mkwrite(struct vm_fault *vmf)
{
	vm_fault_t answer;

	if (mkwrite_refused(vmf, PTELAB_HOOK_PAGE_MKWRITE, &answer))
		return answer;
	if (compat_lock_page_killable(vmf->page))
		return VM_FAULT_SIGBUS;
	if (!ptelab_fault_revoked(file_of(vmf->vma)->session))
		return VM_FAULT_LOCKED;
	unlock_page(vmf->page);
	return VM_FAULT_SIGBUS;
}

vm_fault_t ptelab_vma_pfn_mkwrite(struct vm_fault *vmf)
{
	vm_fault_t answer;

	return mkwrite_refused(vmf, PTELAB_HOOK_PFN_MKWRITE, &answer) ? answer : 0;
}

static void record_access(struct vm_area_struct *vma, unsigned int hook, unsigned long addr, int bytes, int write, int answer)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), hook, vma);

	port_count(counts_of(vma), PORT_ACCESSES, 1);
	event.start = addr;
	event.end = addr + bytes;
	event.flags = write;
	event.answer = answer;
	ptelab_event_record(file_of(vma), &event);
}

static int copy_bytes(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write)
{
	int done = 0;

	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	/* The length is what the caller has left, and may run past the VMA's end. */
	bytes = min_t(unsigned long, bytes, vma->vm_end - addr);
	while (done < bytes) {
		loff_t offset = ((loff_t)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start) + done;
		long copied = ptelab_copy(file_of(vma)->session, offset, bytes - done, buffer + done, write);

		if (copied <= 0)
			return done ? done : copied ? copied : -EFAULT;
		done += copied;
	}
	return done;
}

/* The kernel answers ptrace and /proc/PID/mem with this where get_user_pages() refuses the VMA (mm/memory.c: __access_remote_vm). */
int ptelab_vma_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write)
{
	int answer = copy_bytes(vma, addr, buffer, bytes, write);

	record_access(vma, PTELAB_HOOK_ACCESS, addr, bytes, write, answer);
	return answer;
}

#ifdef CONFIG_HAVE_IOREMAP_PROT
int ptelab_vma_generic_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write)
{
	int answer = generic_access_phys(vma, addr, buffer, bytes, write);

	record_access(vma, PTELAB_HOOK_GENERIC_ACCESS, addr, bytes, write, answer);
	return answer;
}
#endif

/* No event: the core calls it for one VMA as often as it likes. */
const char *ptelab_vma_name(struct vm_area_struct *vma)
{
	return "[ptelab]";
}

#ifdef HAVE_MMAP_ACTIONS
/*
 * Gets no VMA, but is called with the VMA in place: find_vma() finds it. Nobody faults in it yet. After an error the kernel unmaps
 * it, with ->close. vm_private_data is set through private alone (mm/util.c: call_vma_mapped).
 */
int ptelab_vma_mapped(unsigned long start, unsigned long end, pgoff_t pgoff, const struct file *filp, void **private)
{
	struct ptelab_file *file = filp->private_data;
	struct vm_area_struct *vma = find_vma(current->mm, start);
	struct ptelab_event event = ptelab_event_of(file, PTELAB_HOOK_MAPPED, vma);
	struct ptelab_injection injection = ptelab_hook_answer(file->session, PTELAB_HOOK_MAPPED);

	event.start = start;
	event.end = end;
	event.pgoff = pgoff;
	event.answer = ptelab_mapped(file->session, vma);
	*private = vma->vm_private_data;
	if (!event.answer && injection.answer == PTELAB_ANSWER_ERROR)
		event.answer = -(int)injection.error;
	if (injection.answer == PTELAB_ANSWER_ZAP)
		ptelab_zap_everywhere(file->session);
	ptelab_event_record(file, &event);
	return event.answer;
}
#endif
