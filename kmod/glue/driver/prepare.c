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
static void apply_flags(const struct ptelab_shape *shape, struct vm_area_desc *desc)
{
	if (shape->vm_set & PTELAB_VM_IO)
		vma_desc_set_flags(desc, VMA_IO_BIT);
	if (shape->vm_set & PTELAB_VM_DONTEXPAND)
		vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	if (shape->vm_set & PTELAB_VM_DONTDUMP)
		vma_desc_set_flags(desc, VMA_DONTDUMP_BIT);
	if (shape->vm_set & PTELAB_VM_DONTCOPY)
		vma_desc_set_flags(desc, VMA_DONTCOPY_BIT);
	if (shape->vm_clear & PTELAB_VM_WRITE)
		vma_desc_clear_flags(desc, VMA_WRITE_BIT);
	if (shape->vm_clear & PTELAB_VM_MAYWRITE)
		vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
}

/* The draft's array with one page exchanged. It must outlive the mmap, and another may be under way: so once for a file. */
static int exchange_page(struct ptelab_file *file, struct port_draft *draft, unsigned long bad)
{
	unsigned long count = (draft->span.end - draft->span.start) >> PAGE_SHIFT;

	if (draft->action != PORT_ACTION_MAP_PAGES || bad >= count)
		return -EINVAL;
	if (file->bad_pages)
		return -EBUSY;
	file->bad_pages = kvmalloc_array(count, sizeof(*file->bad_pages), GFP_KERNEL);
	if (!file->bad_pages)
		return -ENOMEM;
	memcpy(file->bad_pages, draft->pages, count * sizeof(*file->bad_pages));
	file->bad_pages[bad] = ZERO_PAGE(0);
	draft->pages = file->bad_pages;
	return 0;
}

/* remap and ioremap copy desc->page_prot at this moment (include/linux/mm.h: mmap_action_remap). */
static void ask(const struct ptelab_shape *shape, const struct port_draft *draft, struct vm_area_desc *desc)
{
	unsigned long start = desc->start + (shape->action_first << PAGE_SHIFT);
	unsigned long pfn = draft->pfn + shape->action_first;
	unsigned long bytes = shape->action_pages << PAGE_SHIFT;

	switch (draft->action) {
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
		mmap_action_simple_ioremap(desc, PFN_PHYS(draft->pfn), draft->bytes);
		break;
	case PORT_ACTION_MAP_PAGES:
		if (bytes)
			mmap_action_map_kernel_pages(desc, start, draft->pages + shape->action_first, shape->action_pages);
		else
			mmap_action_map_kernel_pages_full(desc, draft->pages);
		break;
	}
}

static void forbid_write(struct vm_area_desc *desc, const struct port_draft *draft)
{
	desc->page_prot = ptelab_prot_with_cache(vm_get_page_prot(VM_READ | VM_SHARED), draft->cache);
}

static int prepare_shaped(struct ptelab_file *file, struct vm_area_desc *desc)
{
	const struct ptelab_shape *shape = &file->shape;
	struct ptelab_plan plan = ptelab_hook_answer(file->session, PTELAB_HOOK_MMAP_PREPARE);
	struct port_draft draft = {
		.span = { .start = desc->start, .end = desc->end, .pgoff = desc->pgoff },
		.awaited = &file->awaited,
		.wants_exec = vma_desc_test(desc, VMA_EXEC_BIT),
	};
	int error;

	if (plan.answer == PTELAB_ANSWER_ERROR)
		return -(int)plan.error;
	error = ptelab_mmap_prepare(file->session, &draft);
	if (!error && plan.answer == PTELAB_ANSWER_BAD_PAGE)
		error = exchange_page(file, &draft, plan.pages);
	if (error)
		return error;
	apply_flags(shape, desc);
	if (draft.forbid_exec)
		vma_desc_clear_flags(desc, VMA_MAYEXEC_BIT);
	desc->page_prot = ptelab_prot_with_cache(desc->page_prot, draft.cache);
	if (shape->flags & PTELAB_SHAPE_READ_PROT)
		forbid_write(desc, &draft);
	ask(shape, &draft, desc);
	if (shape->flags & PTELAB_SHAPE_READ_PROT_LATE)
		forbid_write(desc, &draft);
	if (plan.answer == PTELAB_ANSWER_BAD_PAGE)
		desc->action.error_override = -(int)plan.error;
	if (shape->flags & PTELAB_SHAPE_NULL_VM_OPS)
		desc->vm_ops = NULL;
	else if (!(shape->flags & PTELAB_SHAPE_NO_VM_OPS))
		desc->vm_ops = ptelab_vm_ops_of(file);
	file_is_mapped(file);
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
	mutex_lock(&file->shape_lock);
	event.answer = prepare_shaped(file, desc);
	mutex_unlock(&file->shape_lock);
	ptelab_event_record(file, &event);
	return event.answer;
}
#endif
