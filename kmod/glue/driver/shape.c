// SPDX-License-Identifier: GPL-2.0
/* SHAPE: which hooks a file's VMAs have, their flags, and on which address_space they hang. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "../compat.h"
#include "../port/space.h"
#include "shape.h"
#include "vm_ops.h"

#define PREPARE_FLAGS (PTELAB_SHAPE_READ_PROT | PTELAB_SHAPE_READ_PROT_LATE | PTELAB_SHAPE_NULL_VM_OPS | \
		       PTELAB_SHAPE_BOTH_MMAPS)
#define SHAPE_FLAGS (PTELAB_SHAPE_HOOKS | PTELAB_SHAPE_NO_VM_OPS | PTELAB_SHAPE_OWN_INODE | PTELAB_SHAPE_RESERVED | \
		     PTELAB_SHAPE_EVENTS | PREPARE_FLAGS)
#define CLEAR_ONLY (PTELAB_VM_WRITE | PTELAB_VM_MAYWRITE)
#define VM_BITS (PTELAB_VM_IO | PTELAB_VM_PFNMAP | PTELAB_VM_MIXEDMAP | PTELAB_VM_DONTEXPAND | PTELAB_VM_DONTDUMP | \
		 PTELAB_VM_DONTCOPY | CLEAR_ONLY)
#define HOOK(name) (1ULL << PTELAB_HOOK_##name)
/* MMAP, MMAP_PREPARE and RELEASE are not members of vm_ops. */
#define HOOK_BITS (((HOOK(NAME) << 1) - 1 - HOOK(MMAP) - 1) | HOOK(MAPPED))

static unsigned long vm_flags_of(u32 bits)
{
	return (bits & PTELAB_VM_IO ? VM_IO : 0) | (bits & PTELAB_VM_PFNMAP ? VM_PFNMAP : 0) |
	       (bits & PTELAB_VM_MIXEDMAP ? VM_MIXEDMAP : 0) | (bits & PTELAB_VM_DONTEXPAND ? VM_DONTEXPAND : 0) |
	       (bits & PTELAB_VM_DONTDUMP ? VM_DONTDUMP : 0) | (bits & PTELAB_VM_DONTCOPY ? VM_DONTCOPY : 0) |
	       (bits & PTELAB_VM_WRITE ? VM_WRITE : 0) | (bits & PTELAB_VM_MAYWRITE ? VM_MAYWRITE : 0);
}

/* Counted pages that are reserved confuse what frees them last, and no page of a compound one may be (PF_NO_COMPOUND). */
static int check_reservable(const struct ptelab_file *file)
{
	struct page *page;
	bool compound;

	if (ptelab_counts_pages(file->session))
		return -EOPNOTSUPP;
	page = ptelab_page_get(file->session, 0);
	if (!page)
		return -ENODEV;
	compound = PageCompound(page);
	put_page(page);
	return compound ? -EOPNOTSUPP : 0;
}

/* What there is for ->mmap_prepare alone. */
static int check_prepare(const struct ptelab_file *file, const struct ptelab_shape *shape)
{
	bool action = file->method == PTELAB_PREPARE_REMAP || file->method == PTELAB_PREPARE_IOREMAP ||
		      file->method == PTELAB_PREPARE_MAP_PAGES;

	if (shape->action_first > PTELAB_LOOKUP_MAX || shape->action_pages > PTELAB_LOOKUP_MAX ||
	    (shape->action_first && !shape->action_pages))
		return -EINVAL;
	if ((shape->action_pages && !action) ||
	    (shape->flags & PREPARE_FLAGS && !ptelab_traits_of(file->method)->prepares) ||
	    (shape->flags & PTELAB_SHAPE_NULL_VM_OPS && file->method != PTELAB_PREPARE_FAULT_PAGE))
		return -EOPNOTSUPP;
	return 0;
}

/*
 * What is filled at mmap is tracked until ->close, and without ->mmap nothing but ->mapped tells that there is a VMA. A hole
 * must not be split.
 */
static u64 hooks_needed(const struct ptelab_file *file)
{
	if (ptelab_may_split(file->session))
		return HOOK(MAY_SPLIT);
	if (!ptelab_fills_at_mmap(file->session))
		return 0;
	return HOOK(OPEN) | HOOK(CLOSE) | (ptelab_traits_of(file->method)->prepares ? HOOK(MAPPED) : 0);
}

static int check(const struct ptelab_file *file, const struct ptelab_shape *shape)
{
	const u64 needed = hooks_needed(file);
	bool replaces = shape->flags & (PTELAB_SHAPE_HOOKS | PTELAB_SHAPE_NO_VM_OPS);
	int error;

	if ((shape->flags & ~SHAPE_FLAGS) || (shape->hooks & ~HOOK_BITS) || ((shape->vm_set | shape->vm_clear) & ~VM_BITS) ||
	    (shape->vm_set & CLEAR_ONLY) || shape->cache >= PTELAB_CACHES ||
	    memchr_inv(shape->reserved, 0, sizeof(shape->reserved)))
		return -EINVAL;
	if ((shape->hooks && !(shape->flags & PTELAB_SHAPE_HOOKS)) ||
	    (shape->hooks & HOOK(ACCESS) && shape->hooks & HOOK(GENERIC_ACCESS)))
		return -EINVAL;
	if (replaces && (shape->hooks & needed) != needed)
		return -EOPNOTSUPP;
	/* Flags that make what the node inserts a BUG must not be set. What ->fault returns may go into a VM_MIXEDMAP VMA. */
	if (file->method != PTELAB_BARE && shape->vm_set & PTELAB_VM_PFNMAP)
		return -EOPNOTSUPP;
	if (file->method != PTELAB_BARE && file->method != PTELAB_FAULT_PAGE && file->method != PTELAB_HUGE_FOLIO &&
	    shape->vm_set & PTELAB_VM_MIXEDMAP)
		return -EOPNOTSUPP;
	if (shape->flags & (PTELAB_SHAPE_OWN_INODE | PTELAB_SHAPE_RESERVED) && !ptelab_own_space(file->session))
		return -EOPNOTSUPP;
	error = check_prepare(file, shape);
	if (error || !(shape->flags & PTELAB_SHAPE_RESERVED))
		return error;
	return check_reservable(file);
}

static void reserve_pages(struct ptelab_file *file, bool reserved)
{
	unsigned long index;

	for (index = 0; index < ptelab_pages(file->session); index++) {
		struct page *page = ptelab_page_get(file->session, index);

		if (!page)
			continue;
		if (reserved)
			SetPageReserved(page);
		else
			ClearPageReserved(page);
		put_page(page);
	}
}

int ptelab_shape_set(struct file *filp, const struct ptelab_shape *shape)
{
	struct ptelab_file *file = filp->private_data;
	int error;

	mutex_lock(&file->shape_lock);
	error = file->mapped || file->shaped ? -EBUSY : check(file, shape);
	if (!error)
		error = ptelab_vm_ops_fill(&file->vm_ops, file->method, shape->hooks);
	if (!error) {
		file->shape = *shape;
		file->shaped = true;
		if (shape->flags & PTELAB_SHAPE_OWN_INODE)
			ptelab_space_borrow(ptelab_own_space(file->session), filp);
		if (shape->flags & PTELAB_SHAPE_RESERVED)
			reserve_pages(file, true);
	}
	mutex_unlock(&file->shape_lock);
	return error;
}

/* The region is this file's alone, and revoked it may be no longer: its pages are not seen then. */
void ptelab_shape_undo(struct ptelab_file *file)
{
	static const struct ptelab_revoke restored;

	if (!(file->shape.flags & PTELAB_SHAPE_RESERVED))
		return;
	ptelab_ioctl_restore(file->session, &restored);
	reserve_pages(file, false);
}

/* Context: ->mmap, mmap_lock held for write, shape_lock held, before anything is inserted. */
void ptelab_shape_apply(const struct ptelab_file *file, struct vm_area_struct *vma)
{
	const struct ptelab_shape *shape = &file->shape;

	compat_vm_flags_set(vma, vm_flags_of(shape->vm_set));
	compat_vm_flags_clear(vma, vm_flags_of(shape->vm_clear));
	port_vma_set_cache(vma, shape->cache);
}
