// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks, and one vm_operations_struct for each method, written out: which members are there changes what the kernel does.
 * Context: open, may_split, mremap, mprotect under mmap_lock for write; close under it for read or write, or without it at exit;
 * the fault hooks under it for read; access under the target's for read; name under it for read, or the VMA's own lock.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "file.h"
#include "prepare.h"
#include "vm_ops.h"

static struct port_counts *counts_of(const struct vm_area_struct *vma)
{
	return ptelab_session_counts(file_of(vma)->session);
}

static void vma_open(struct vm_area_struct *vma)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), PTELAB_HOOK_OPEN, vma);

	ptelab_vma_copied(vma);
	port_count(counts_of(vma), PORT_OPENS, 1);
	ptelab_event_record(file_of(vma), &event);
}

/* The VMA still pins its file here (mm/mmap.c: remove_vma calls ->close, then fput). */
static void vma_close(struct vm_area_struct *vma)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), PTELAB_HOOK_CLOSE, vma);

	/* An action that fails leads to ->close without ->mapped, which counts. */
	if (!ptelab_vma_gone(vma) && ptelab_fills_at_mmap(file_of(vma)->session))
		port_count(counts_of(vma), PORT_MAPS, 1);
	port_count(counts_of(vma), PORT_CLOSES, 1);
	ptelab_event_record(file_of(vma), &event);
}

/* A hook whose answer is the normal one or what PLAN says. */
static int planned(struct vm_area_struct *vma, unsigned int hook, u64 flags, int normal)
{
	struct ptelab_event event = ptelab_event_of(file_of(vma), hook, vma);
	struct ptelab_plan plan = ptelab_hook_answer(file_of(vma)->session, hook);

	event.flags = flags;
	event.answer = plan.answer == PTELAB_ANSWER_ERROR ? -(int)plan.error : normal;
	ptelab_event_record(file_of(vma), &event);
	return event.answer;
}

static int vma_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return planned(vma, PTELAB_HOOK_MAY_SPLIT, addr, ptelab_may_split(file_of(vma)->session));
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Where SHAPE has not asked for the hook, there is no event. */
static int huge_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return ptelab_may_split(file_of(vma)->session);
}
#endif

static int vma_mremap(struct vm_area_struct *vma)
{
	return planned(vma, PTELAB_HOOK_MREMAP, 0, 0);
}

#ifdef HAVE_MPROTECT_HOOK
static int vma_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned long newflags)
{
	return planned(vma, PTELAB_HOOK_MPROTECT, newflags, 0);
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

/* The C++ side is called by name, never through a pointer: kCFI would not know its type. */
#define DEFINE_FAULT(name)                                                                                     \
	static vm_fault_t name##_fault(struct vm_fault *vmf)                                                   \
	{                                                                                                      \
		struct ptelab_session *session = record_fault(vmf, PTELAB_HOOK_FAULT);                         \
                                                                                                               \
		return unless_killed((__force vm_fault_t)ptelab_fault_##name(session, vmf, vmf->pgoff));       \
	}

DEFINE_FAULT(insert_page)
DEFINE_FAULT(fault_insert_page)
DEFINE_FAULT(fault_page)
DEFINE_FAULT(fault_insert_pfn)
DEFINE_FAULT(remap_pfn)
DEFINE_FAULT(iomap)
DEFINE_FAULT(insert_pages)
DEFINE_FAULT(map_pages)
DEFINE_FAULT(map_pages_zero)
DEFINE_FAULT(remap_vmalloc)
DEFINE_FAULT(fault_insert_pages)
DEFINE_FAULT(fault_insert_mixed)
DEFINE_FAULT(huge_pfn)
DEFINE_FAULT(huge_folio)
DEFINE_FAULT(bare)
#ifdef HAVE_MMAP_ACTIONS
DEFINE_FAULT(prepare_remap)
DEFINE_FAULT(prepare_ioremap)
DEFINE_FAULT(prepare_simple_ioremap)
DEFINE_FAULT(prepare_map_pages)
DEFINE_FAULT(prepare_fault_page)
#endif

/* Without huge pages there is no leaf above the PTE level, and the hook is never called. */
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static vm_fault_t huge_fault_pmd(struct vm_fault *vmf)
{
	unsigned int method = file_of(vmf->vma)->method;
	struct ptelab_session *session = record_fault(vmf, PTELAB_HOOK_HUGE_FAULT);

	switch (method) {
	case PTELAB_HUGE_FOLIO:
		return unless_killed((__force vm_fault_t)ptelab_huge_fault_folio(session, vmf, vmf->pgoff));
	case PTELAB_BARE:
		return unless_killed((__force vm_fault_t)ptelab_huge_fault_bare(session, vmf, vmf->pgoff));
	}
	return unless_killed((__force vm_fault_t)ptelab_huge_fault_pfn(session, vmf, vmf->pgoff));
}

/* Asked before every PMD, and hardly ever anything but a fallback: no event. */
static vm_fault_t huge_fault_pud(struct vm_fault *vmf)
{
	return unless_killed((__force vm_fault_t)ptelab_huge_fault_pud(file_of(vmf->vma)->session, vmf, vmf->pgoff));
}

#ifdef HAVE_HUGE_FAULT_PE_SIZE
static vm_fault_t vma_huge_fault(struct vm_fault *vmf, enum page_entry_size size)
{
	if (size == PE_SIZE_PUD)
		return huge_fault_pud(vmf);
	return size == PE_SIZE_PMD ? huge_fault_pmd(vmf) : VM_FAULT_FALLBACK;
}
#else
static vm_fault_t vma_huge_fault(struct vm_fault *vmf, unsigned int order)
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
static COMPAT_MAP_PAGES_RETURNS vma_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	struct ptelab_event event = ptelab_event_of(file_of(vmf->vma), PTELAB_HOOK_MAP_PAGES, vmf->vma);

	event.flags = vmf->flags;
	event.pgoff = start;
	ptelab_event_record(file_of(vmf->vma), &event);
	return filemap_map_pages(vmf, start, end);
}

/* NULL: the normal work is to be done. */
static bool mkwrite_refused(struct vm_fault *vmf, unsigned int hook, vm_fault_t *answer)
{
	struct ptelab_file *file = file_of(vmf->vma);
	struct ptelab_event event = ptelab_event_of(file, hook, vmf->vma);
	struct ptelab_plan plan = ptelab_hook_answer(file->session, hook);

	event.start = vmf->address;
	event.end = vmf->address + PAGE_SIZE;
	event.pgoff = vmf->pgoff;
	event.flags = vmf->flags;
	event.answer = plan.answer;
	ptelab_event_record(file, &event);
	if (plan.answer == PTELAB_ANSWER_ZAP)
		ptelab_zap_everywhere(file->session);
	*answer = plan.answer == PTELAB_ANSWER_SIGBUS ? VM_FAULT_SIGBUS : unless_killed(VM_FAULT_NOPAGE);
	return plan.answer == PTELAB_ANSWER_SIGBUS || plan.answer == PTELAB_ANSWER_AGAIN;
}

/*
 * Locked, because the core takes a page without a mapping for one that was truncated (mm/memory.c: do_page_mkwrite). When the
 * page has just come from ->fault, the core has unlocked it in between (mm/memory.c: do_shared_fault), and a REVOKE may have
 * come and gone: so it is asked for again, with the page locked.
 */
static vm_fault_t vma_page_mkwrite(struct vm_fault *vmf)
{
	vm_fault_t answer;

	if (mkwrite_refused(vmf, PTELAB_HOOK_PAGE_MKWRITE, &answer))
		return answer;
	lock_page(vmf->page);
	if (!ptelab_fault_revoked(file_of(vmf->vma)->session))
		return VM_FAULT_LOCKED;
	unlock_page(vmf->page);
	return VM_FAULT_SIGBUS;
}

static vm_fault_t vma_pfn_mkwrite(struct vm_fault *vmf)
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
		struct ptelab_chunk chunk;
		int error = ptelab_chunk_at(file_of(vma)->session, offset, bytes - done, &chunk);

		if (!error)
			error = chunk.bytes ? ptelab_chunk_copy(&chunk, buffer + done, write) : -EFAULT;
		if (error)
			return done ? done : error;
		done += chunk.bytes;
	}
	return done;
}

/* The kernel answers ptrace and /proc/PID/mem with this where get_user_pages() refuses the VMA (mm/memory.c: __access_remote_vm). */
static int vma_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write)
{
	int answer = copy_bytes(vma, addr, buffer, bytes, write);

	record_access(vma, PTELAB_HOOK_ACCESS, addr, bytes, write, answer);
	return answer;
}

#ifdef CONFIG_HAVE_IOREMAP_PROT
static int vma_generic_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write)
{
	int answer = generic_access_phys(vma, addr, buffer, bytes, write);

	record_access(vma, PTELAB_HOOK_GENERIC_ACCESS, addr, bytes, write, answer);
	return answer;
}
#endif

/* No event: the core calls it for one VMA as often as it likes. */
static const char *vma_name(struct vm_area_struct *vma)
{
	return "[ptelab]";
}

#define NODE_VM_OPS(method, ...)                                    \
	static const struct vm_operations_struct method##_vm_ops = { \
		.open = vma_open,                                   \
		.close = vma_close,                                 \
		.fault = method##_fault,                            \
		__VA_ARGS__                                         \
	}

NODE_VM_OPS(insert_page);
NODE_VM_OPS(fault_insert_page);
NODE_VM_OPS(fault_page);
NODE_VM_OPS(fault_insert_pfn, .access = vma_access);
NODE_VM_OPS(remap_pfn);
NODE_VM_OPS(iomap);
NODE_VM_OPS(insert_pages);
NODE_VM_OPS(map_pages);
NODE_VM_OPS(map_pages_zero);
NODE_VM_OPS(remap_vmalloc);
NODE_VM_OPS(fault_insert_pages);
NODE_VM_OPS(fault_insert_mixed);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
NODE_VM_OPS(huge_pfn, .huge_fault = vma_huge_fault, .COMPAT_MAY_SPLIT = huge_may_split);
NODE_VM_OPS(huge_folio, .huge_fault = vma_huge_fault);
#else
NODE_VM_OPS(huge_pfn);
NODE_VM_OPS(huge_folio);
#endif
static const struct vm_operations_struct bare_vm_ops = {
	.open = vma_open,
	.close = vma_close,
};
#ifdef HAVE_MMAP_ACTIONS
NODE_VM_OPS(prepare_remap, .mapped = ptelab_vma_mapped);
NODE_VM_OPS(prepare_ioremap, .mapped = ptelab_vma_mapped);
NODE_VM_OPS(prepare_simple_ioremap, .mapped = ptelab_vma_mapped);
NODE_VM_OPS(prepare_map_pages, .mapped = ptelab_vma_mapped);
NODE_VM_OPS(prepare_fault_page, .mapped = ptelab_vma_mapped);
#endif

const struct vm_operations_struct *const ptelab_vm_ops[PTELAB_METHODS] = {
	[PTELAB_INSERT_PAGE] = &insert_page_vm_ops,
	[PTELAB_FAULT_INSERT_PAGE] = &fault_insert_page_vm_ops,
	[PTELAB_FAULT_PAGE] = &fault_page_vm_ops,
	[PTELAB_FAULT_INSERT_PFN] = &fault_insert_pfn_vm_ops,
	[PTELAB_REMAP_PFN] = &remap_pfn_vm_ops,
	[PTELAB_IOMAP] = &iomap_vm_ops,
	[PTELAB_INSERT_PAGES] = &insert_pages_vm_ops,
	[PTELAB_MAP_PAGES] = &map_pages_vm_ops,
	[PTELAB_MAP_PAGES_ZERO] = &map_pages_zero_vm_ops,
	[PTELAB_REMAP_VMALLOC] = &remap_vmalloc_vm_ops,
	[PTELAB_FAULT_INSERT_PAGES] = &fault_insert_pages_vm_ops,
	[PTELAB_FAULT_INSERT_MIXED] = &fault_insert_mixed_vm_ops,
	[PTELAB_HUGE_PFN] = &huge_pfn_vm_ops,
	[PTELAB_HUGE_FOLIO] = &huge_folio_vm_ops,
	[PTELAB_BARE] = &bare_vm_ops,
#ifdef HAVE_MMAP_ACTIONS
	[PTELAB_PREPARE_REMAP] = &prepare_remap_vm_ops,
	[PTELAB_PREPARE_IOREMAP] = &prepare_ioremap_vm_ops,
	[PTELAB_PREPARE_SIMPLE_IOREMAP] = &prepare_simple_ioremap_vm_ops,
	[PTELAB_PREPARE_MAP_PAGES] = &prepare_map_pages_vm_ops,
	[PTELAB_PREPARE_FAULT_PAGE] = &prepare_fault_page_vm_ops,
#endif
};

const struct vm_operations_struct *ptelab_vm_ops_of(const struct ptelab_file *file)
{
	return file->shape.flags & PTELAB_SHAPE_HOOKS ? &file->vm_ops : ptelab_vm_ops[file->method];
}

static int fill(struct vm_operations_struct *ops, unsigned int method, unsigned int hook)
{
	switch (hook) {
	case PTELAB_HOOK_OPEN:
		ops->open = vma_open;
		return 0;
	case PTELAB_HOOK_CLOSE:
		ops->close = vma_close;
		return 0;
	case PTELAB_HOOK_MAY_SPLIT:
		ops->COMPAT_MAY_SPLIT = vma_may_split;
		return 0;
	case PTELAB_HOOK_MREMAP:
		ops->mremap = vma_mremap;
		return 0;
#ifdef HAVE_MPROTECT_HOOK
	case PTELAB_HOOK_MPROTECT:
		ops->mprotect = vma_mprotect;
		return 0;
#endif
	case PTELAB_HOOK_FAULT:
		ops->fault = method == PTELAB_BARE ? bare_fault : ptelab_vm_ops[method]->fault;
		return 0;
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	case PTELAB_HOOK_HUGE_FAULT:
		ops->huge_fault = method == PTELAB_BARE ? vma_huge_fault : ptelab_vm_ops[method]->huge_fault;
		return ops->huge_fault ? 0 : -EOPNOTSUPP;
#endif
	case PTELAB_HOOK_MAP_PAGES:
		ops->map_pages = vma_map_pages;
		return 0;
	case PTELAB_HOOK_PAGE_MKWRITE:
		ops->page_mkwrite = vma_page_mkwrite;
		return 0;
	case PTELAB_HOOK_PFN_MKWRITE:
		ops->pfn_mkwrite = vma_pfn_mkwrite;
		return 0;
	case PTELAB_HOOK_ACCESS:
		ops->access = vma_access;
		return 0;
#ifdef CONFIG_HAVE_IOREMAP_PROT
	case PTELAB_HOOK_GENERIC_ACCESS:
		ops->access = vma_generic_access;
		return 0;
#endif
	case PTELAB_HOOK_NAME:
		ops->name = vma_name;
		return 0;
#ifdef HAVE_MMAP_ACTIONS
	case PTELAB_HOOK_MAPPED:
		ops->mapped = ptelab_vma_mapped;
		return 0;
#endif
	}
	return -EOPNOTSUPP;
}

int ptelab_vm_ops_fill(struct vm_operations_struct *ops, unsigned int method, u64 hooks)
{
	unsigned int hook;
	int error = 0;

	*ops = (struct vm_operations_struct){};
	for (hook = 1; hook < PTELAB_HOOKS && !error; hook++)
		if (hooks & (1ULL << hook))
			error = fill(ops, method, hook);
	return error;
}

/* Every file of ours was opened by our f_op, and only such a file's private_data is a struct ptelab_file. */
bool ptelab_is_our_vma(const struct vm_area_struct *vma)
{
	return vma->vm_file && ptelab_is_our_file(vma->vm_file);
}
