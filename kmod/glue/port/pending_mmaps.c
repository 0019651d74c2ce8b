// SPDX-License-Identifier: GPL-2.0
/* port.h: the mmap calls that fill a VMA before the kernel has linked it, or that leave it to the kernel to fill or to empty it. */
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "../compat.h"
#include "pending_mmaps.h"
#include "space.h"

/* A VMA that ->mmap fills. It and the VMAs split or forked from it share one, counted; freed with the last. */
struct pending_mmap {
	struct list_head node;
	struct port_space *space;
	struct mm_struct *mm;		/* mmgrab()bed: its mmap_lock can be taken even if its user is gone */
	refcount_t vmas;
	unsigned long long restores;	/* of the region, when the VMA was filled */
	unsigned long origin;		/* vm_pgoff at that time */
	bool settled;
	struct list_head of_file;	/* of port_await_mmap() */
};

static struct pending_mmap *pending_new(struct port_space *space, struct mm_struct *mm)
{
	struct pending_mmap *pending = kzalloc(sizeof(*pending), GFP_KERNEL);

	if (!pending)
		return NULL;
	pending->space = space;
	pending->mm = mm;
	mmgrab(mm);
	refcount_set(&pending->vmas, 1);
	spin_lock(&space->lock);
	list_add(&pending->node, &space->pending_mmaps);
	spin_unlock(&space->lock);
	return pending;
}

static void pending_free(struct pending_mmap *pending)
{
	spin_lock(&pending->space->lock);
	list_del(&pending->node);
	spin_unlock(&pending->space->lock);
	mmdrop(pending->mm);
	kfree(pending);
}

int port_vma_track(struct vm_area_struct *vma, struct port_space *space, unsigned long long restores)
{
	struct pending_mmap *pending = pending_new(space, vma->vm_mm);

	if (!pending)
		return -ENOMEM;
	pending->restores = restores;
	pending->origin = vma->vm_pgoff;
	vma->vm_private_data = pending;
	return 0;
}

/* Context: ->fault, or mmap_lock held. The VMA's own reference keeps the pending. */
static const struct pending_mmap *pending_of(const struct vm_area_struct *vma)
{
	return vma->vm_private_data;
}

unsigned long long port_fault_restores(const struct vm_fault *vmf)
{
	return pending_of(vmf->vma)->restores;
}

unsigned long port_fault_origin(const struct vm_fault *vmf)
{
	return port_vma_origin(vmf->vma);
}

unsigned long port_vma_origin(const struct vm_area_struct *vma)
{
	return pending_of(vma)->origin;
}

/* Without users an mm has no mmap call under way, nor will it have one. Context: as port_await_mmap(). */
static void forget_dead_mms(struct port_awaited *awaited)
{
	struct pending_mmap *pending, *next;

	list_for_each_entry_safe(pending, next, &awaited->pending_mmaps, of_file) {
		if (atomic_read(&pending->mm->mm_users))
			continue;
		list_del(&pending->of_file);
		pending_free(pending);
	}
}

/* Of the file, as nobody calls ->close for the VMA of a failed mmap. Context: ->mmap with the session's mutex held. */
int port_await_mmap(struct port_awaited *awaited, struct port_space *space)
{
	struct pending_mmap *pending;

	forget_dead_mms(awaited);
	list_for_each_entry(pending, &awaited->pending_mmaps, of_file) {
		if (pending->mm != current->mm || pending->space != space)
			continue;
		spin_lock(&space->lock);
		pending->settled = false;
		spin_unlock(&space->lock);
		return 0;
	}
	pending = pending_new(space, current->mm);
	if (!pending)
		return -ENOMEM;
	list_add(&pending->of_file, &awaited->pending_mmaps);
	return 0;
}

void ptelab_awaited_init(struct port_awaited *awaited)
{
	INIT_LIST_HEAD(&awaited->pending_mmaps);
}

void ptelab_awaited_free(struct port_awaited *awaited)
{
	struct pending_mmap *pending, *next;

	list_for_each_entry_safe(pending, next, &awaited->pending_mmaps, of_file)
		pending_free(pending);
}

/* ->close. Context: mmap_lock held for read or write, or not at all at exit. */
bool ptelab_vma_gone(struct vm_area_struct *vma)
{
	struct pending_mmap *pending = vma->vm_private_data;

	vma->vm_private_data = NULL;
	if (pending && refcount_dec_and_test(&pending->vmas))
		pending_free(pending);
	return pending;
}

/*
 * The kernel zaps the VMA of a failed ->mmap too, but only after we return, when port_space_wait_for_mmaps() no longer knows of it;
 * until then another thread could reach what was inserted.
 */
void port_vma_abandon(struct vm_area_struct *vma)
{
	compat_zap_vma(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	ptelab_vma_gone(vma);
}

/* ->open: the kernel copied the VMA, vm_private_data included. Context: mmap_lock held for write. */
void ptelab_vma_copied(struct vm_area_struct *vma)
{
	struct pending_mmap *pending = vma->vm_private_data;

	if (pending)
		refcount_inc(&pending->vmas);
}

/* An mm whose mmap call has not been waited for, with a reference for the caller; NULL: none is left. */
static struct mm_struct *next_unsettled(struct port_space *space)
{
	struct mm_struct *mm = NULL;
	struct pending_mmap *pending;

	spin_lock(&space->lock);
	list_for_each_entry(pending, &space->pending_mmaps, node) {
		if (pending->settled)
			continue;
		pending->settled = true;
		mm = pending->mm;
		mmgrab(mm);
		break;
	}
	spin_unlock(&space->lock);
	return mm;
}

/* It has not been waited for after all. */
static void unsettle(struct port_space *space, const struct mm_struct *mm)
{
	struct pending_mmap *pending;

	spin_lock(&space->lock);
	list_for_each_entry(pending, &space->pending_mmaps, node)
		if (pending->mm == mm)
			pending->settled = false;
	spin_unlock(&space->lock);
}

/*
 * ->mmap fills a VMA before mm links it into the rmap, and unmap_mapping_range() in between misses it. mmap holds mmap_lock
 * for write until it has linked it (mm/mmap.c: mmap_region, mm/vma.c: __mmap_region), so once we have held it too, the VMA is
 * where unmap_mapping_range() looks, or gone. Context: the revoke mutex is held, so nobody relies on a wait still going on.
 */
bool port_space_wait_for_mmaps(struct port_space *space, bool killable)
{
	bool killed = false;
	struct mm_struct *mm;

	while (!killed && (mm = next_unsettled(space))) {
		if (!killable)
			mmap_read_lock(mm);
		else
			killed = mmap_read_lock_killable(mm);
		if (killed)
			unsettle(space, mm);
		else
			mmap_read_unlock(mm);
		mmdrop(mm);
	}
	return !killed;
}
