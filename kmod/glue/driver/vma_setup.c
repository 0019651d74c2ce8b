// SPDX-License-Identifier: GPL-2.0
/* VMA_SETUP: which hooks a file's VMAs have, their flags, and on which address_space they hang. What is allowed: core/vma_setup_guard.hpp. */
#include <linux/fs.h>
#include <linux/mm.h>

#include "../compat.h"
#include "../port/space.h"
#include "vma_setup.h"
#include "vm_ops.h"

static unsigned long vm_flags_of(u32 bits)
{
	return (bits & PTELAB_VM_IO ? VM_IO : 0) | (bits & PTELAB_VM_PFNMAP ? VM_PFNMAP : 0) |
	       (bits & PTELAB_VM_MIXEDMAP ? VM_MIXEDMAP : 0) | (bits & PTELAB_VM_DONTEXPAND ? VM_DONTEXPAND : 0) |
	       (bits & PTELAB_VM_DONTDUMP ? VM_DONTDUMP : 0) | (bits & PTELAB_VM_DONTCOPY ? VM_DONTCOPY : 0) |
	       (bits & PTELAB_VM_WRITE ? VM_WRITE : 0) | (bits & PTELAB_VM_MAYWRITE ? VM_MAYWRITE : 0);
}

/* false: killed before all of them were reserved. That they are no longer can't fail. */
static bool reserve_pages(struct ptelab_file *file, bool reserved)
{
	unsigned long index;

	for (index = 0; index < ptelab_pages(file->session); index++) {
		struct page *page;

		if (!port_pause() && reserved)
			return false;
		page = ptelab_page_get(file->session, index);
		if (!page)
			continue;
		if (reserved)
			SetPageReserved(page);
		else
			ClearPageReserved(page);
		put_page(page);
	}
	return true;
}

int ptelab_vma_setup_set(struct file *filp, const struct ptelab_vma_setup *vma_setup)
{
	struct ptelab_file *file = filp->private_data;
	int error;

	if (vma_setup->flags & PTELAB_VMA_SETUP_MISUSE) {
		error = port_misuse_hold(&file->misuser);
		if (error)
			return error;
	}
	if (mutex_lock_killable(&file->vma_setup_lock))
		return -EINTR;
	error = file->mapped || file->custom ? -EBUSY : ptelab_vma_setup_verdict(file->session, vma_setup);
	if (!error)
		error = ptelab_vm_ops_fill(&file->vm_ops, file->method, vma_setup->hooks);
	if (!error)
		error = ptelab_set_cache(file->session, vma_setup->cache);
	if (!error) {
		file->vma_setup = *vma_setup;
		file->custom = true;
		if (vma_setup->flags & PTELAB_VMA_SETUP_OWN_INODE)
			ptelab_space_borrow(ptelab_own_space(file->session), filp);
		if (vma_setup->flags & PTELAB_VMA_SETUP_RESERVED && !reserve_pages(file, true))
			error = -EINTR;
	}
	mutex_unlock(&file->vma_setup_lock);
	return error;
}

/* The region is this file's alone, and revoked it may be no longer: its pages are not seen then. */
void ptelab_vma_setup_undo(struct ptelab_file *file)
{
	static const struct ptelab_revoke restored;

	if (!(file->vma_setup.flags & PTELAB_VMA_SETUP_RESERVED))
		return;
	ptelab_ioctl_restore(file->session, &restored);
	reserve_pages(file, false);
}

/* Context: ->mmap, mmap_lock held for write, vma_setup_lock held, before anything is inserted. */
void ptelab_vma_setup_apply(const struct ptelab_file *file, struct vm_area_struct *vma)
{
	const struct ptelab_vma_setup *vma_setup = &file->vma_setup;

	compat_vm_flags_set(vma, vm_flags_of(vma_setup->vm_set));
	compat_vm_flags_clear(vma, vm_flags_of(vma_setup->vm_clear));
}
