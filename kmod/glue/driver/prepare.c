// SPDX-License-Identifier: GPL-2.0
/*
 * ->mmap_prepare. The kernel calls it before there is a VMA, does what it asked for when it has made the VMA and linked it into
 * the rmap, and then calls ->mapped. Context: mmap_lock held for write.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../file.h"
#include "../port/vma.h"
#include "events.h"
#include "prepare.h"
#include "vm_ops.h"

#ifdef HAVE_MMAP_ACTIONS

/* mk_vma_flags() wants names, so one bit after the other. */
static void apply_flags(const struct ptelab_vma_setup *vma_setup, struct vm_area_desc *desc)
{
	if (vma_setup->vm_set & PTELAB_VM_IO)
		vma_desc_set_flags(desc, VMA_IO_BIT);
	if (vma_setup->vm_set & PTELAB_VM_DONTEXPAND)
		vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	if (vma_setup->vm_set & PTELAB_VM_DONTDUMP)
		vma_desc_set_flags(desc, VMA_DONTDUMP_BIT);
	if (vma_setup->vm_set & PTELAB_VM_DONTCOPY)
		vma_desc_set_flags(desc, VMA_DONTCOPY_BIT);
	if (vma_setup->vm_clear & PTELAB_VM_WRITE)
		vma_desc_clear_flags(desc, VMA_WRITE_BIT);
	if (vma_setup->vm_clear & PTELAB_VM_MAYWRITE)
		vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
}

/* The wanted's array with one page exchanged. It must outlive the mmap, and another may be under way: so once for a file. */
static int exchange_page(struct ptelab_file *file, struct port_vma_desc *wanted, unsigned long bad)
{
	unsigned long count = (wanted->span.end - wanted->span.start) >> PAGE_SHIFT;

	if (wanted->action != PORT_ACTION_MAP_PAGES || bad >= count)
		return -EINVAL;
	if (file->bad_pages)
		return -EBUSY;
	file->bad_pages = file->misuser.misuse->spoil(wanted->pages, count, bad);
	if (!file->bad_pages)
		return -ENOMEM;
	wanted->pages = file->bad_pages;
	return 0;
}

/* remap and ioremap copy desc->page_prot at this moment (include/linux/mm.h: mmap_action_remap). */
static void ask(const struct ptelab_vma_setup *vma_setup, const struct port_vma_desc *wanted, struct vm_area_desc *desc)
{
	unsigned long start = desc->start + (vma_setup->action_first << PAGE_SHIFT);
	unsigned long pfn = wanted->pfn + vma_setup->action_first;
	unsigned long bytes = vma_setup->action_pages << PAGE_SHIFT;

	switch (wanted->action) {
	case PORT_ACTION_NONE:
		break;
	case PORT_ACTION_REMAP:
		if (bytes)
			mmap_action_remap(desc, start, pfn, bytes);
		else
			mmap_action_remap_full(desc, pfn);
		break;
	case PORT_ACTION_IOREMAP:
		if (bytes)
			mmap_action_ioremap(desc, start, pfn, bytes);
		else
			mmap_action_ioremap_full(desc, pfn);
		break;
	case PORT_ACTION_SIMPLE_IOREMAP:
		mmap_action_simple_ioremap(desc, PFN_PHYS(wanted->pfn), wanted->bytes);
		break;
	case PORT_ACTION_MAP_PAGES:
		if (bytes)
			mmap_action_map_kernel_pages(desc, start, wanted->pages + vma_setup->action_first, vma_setup->action_pages);
		else
			mmap_action_map_kernel_pages_full(desc, wanted->pages);
		break;
	}
}

static void forbid_write(struct vm_area_desc *desc, const struct port_vma_desc *wanted)
{
	desc->page_prot = ptelab_prot_with_cache(vm_get_page_prot(VM_READ | VM_SHARED), wanted->cache);
}

static int prepare_as_set_up(struct ptelab_file *file, struct vm_area_desc *desc)
{
	const struct ptelab_vma_setup *vma_setup = &file->vma_setup;
	struct ptelab_injection injection = ptelab_hook_answer(file->session, PTELAB_HOOK_MMAP_PREPARE);
	struct port_vma_desc wanted = {
		.span = { .start = desc->start, .end = desc->end, .pgoff = desc->pgoff },
		.awaited = &file->awaited,
		.wants_exec = vma_desc_test(desc, VMA_EXEC_BIT),
	};
	int error;

	if (injection.answer == PTELAB_ANSWER_ERROR)
		return -(int)injection.error;
	error = ptelab_mmap_prepare(file->session, &wanted);
	if (!error && injection.answer == PTELAB_ANSWER_BAD_PAGE)
		error = exchange_page(file, &wanted, injection.pages);
	if (error)
		return error;
	apply_flags(vma_setup, desc);
	if (wanted.forbid_exec)
		vma_desc_clear_flags(desc, VMA_MAYEXEC_BIT);
	desc->page_prot = ptelab_prot_with_cache(desc->page_prot, wanted.cache);
	if (vma_setup->flags & PTELAB_VMA_SETUP_READ_PROT)
		forbid_write(desc, &wanted);
	ask(vma_setup, &wanted, desc);
	if (vma_setup->flags & PTELAB_VMA_SETUP_READ_PROT_LATE)
		forbid_write(desc, &wanted);
	if (injection.answer == PTELAB_ANSWER_BAD_PAGE)
		desc->action.error_override = -(int)injection.error;
	if (vma_setup->flags & PTELAB_VMA_SETUP_NULL_VM_OPS)
		desc->vm_ops = NULL;
	else if (!(vma_setup->flags & PTELAB_VMA_SETUP_NO_VM_OPS))
		desc->vm_ops = ptelab_vm_ops_of(file);
	file->mapped = true;
	return 0;
}

int ptelab_node_mmap_prepare(struct vm_area_desc *desc)
{
	struct ptelab_file *file = desc->file->private_data;
	struct ptelab_event event = ptelab_event_of(file, PTELAB_HOOK_MMAP_PREPARE, NULL);

	event.start = desc->start;
	event.end = desc->end;
	event.pgoff = desc->pgoff;
	event.lock = ptelab_event_lock(file, desc->mm);
	event.answer = mutex_lock_killable(&file->vma_setup_lock);
	if (!event.answer) {
		event.answer = prepare_as_set_up(file, desc);
		mutex_unlock(&file->vma_setup_lock);
	}
	ptelab_event_record(file, &event);
	return event.answer;
}
#endif
