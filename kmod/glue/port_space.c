// SPDX-License-Identifier: GPL-2.0
/*
 * port.h: spaces. A region has an inode of its own in a pseudo file system, so that unmap_mapping_range() over it reaches
 * every mapping of the region, through whatever device node and in whatever process, and nobody else's.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "file.h"

struct port_space {
	struct inode *inode;
	struct address_space *mapping;	/* the inode's, or a borrowed one */
	struct rw_semaphore gate;	/* read: a fault that may insert; write: change who may */
	struct mutex revoke;		/* one REVOKE or RESTORE at a time */
	struct mutex leaf;		/* a fault that fills a PMD of which the whole may be mapped at once */
	spinlock_t lock;		/* guards fillers and filler->settled */
	struct list_head fillers;
};

/* A VMA that ->mmap fills. It and the VMAs split or forked from it share one, counted; freed with the last. */
struct filler {
	struct list_head node;
	struct port_space *space;
	struct mm_struct *mm;		/* mmgrab()bed: its mmap_lock can be taken even if its user is gone */
	refcount_t vmas;
	unsigned long long restores;	/* of the region, when the VMA was filled */
	unsigned long origin;		/* vm_pgoff at that time */
	bool settled;
	struct list_head of_file;	/* of port_file_await_mmap() */
};

static struct vfsmount *space_mount;

static int space_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x7074656c) ? 0 : -ENOMEM;	/* "ptel" */
}

/* No owner: our own mount would pin the module for ever. Nobody else can mount it, as it is not registered. */
static struct file_system_type space_fs_type = {
	.name = "ptelab_space",
	.init_fs_context = space_init_fs_context,
	.kill_sb = kill_anon_super,
};

int ptelab_space_init(void)
{
	space_mount = kern_mount(&space_fs_type);
	return PTR_ERR_OR_ZERO(space_mount);
}

void ptelab_space_exit(void)
{
	kern_unmount(space_mount);
}

/*
 * mmap() counts itself as a writer of file->f_mapping before ->mmap and takes that back after it (mm/mmap.c: mmap_region,
 * mm/vma.c: __mmap_region), and SETUP or SHAPE may change f_mapping in between: one space gets a writer too many, another one too
 * few, and below 0 every shared writable mmap is refused with EPERM (include/linux/fs.h: mapping_map_writable). Nothing else reads
 * the count of a device's or a pseudo file's inode, so it starts so high that it never gets there.
 */
#define MANY_WRITERS (1 << 24)

static void never_refuse_writers(struct address_space *mapping)
{
	if (atomic_read(&mapping->i_mmap_writable) < MANY_WRITERS)
		atomic_add(MANY_WRITERS, &mapping->i_mmap_writable);
}

struct port_space *port_space_new(void)
{
	struct port_space *space = kzalloc(sizeof(*space), GFP_KERNEL);

	if (!space)
		return NULL;
	space->inode = alloc_anon_inode(space_mount->mnt_sb);
	if (IS_ERR(space->inode)) {
		kfree(space);
		return NULL;
	}
	space->mapping = space->inode->i_mapping;
	never_refuse_writers(space->mapping);
	init_rwsem(&space->gate);
	mutex_init(&space->revoke);
	mutex_init(&space->leaf);
	spin_lock_init(&space->lock);
	INIT_LIST_HEAD(&space->fillers);
	return space;
}

void port_space_free(struct port_space *space)
{
	WARN_ON(!list_empty(&space->fillers));
	mutex_destroy(&space->revoke);
	mutex_destroy(&space->leaf);
	iput(space->inode);
	kfree(space);
}

/*
 * Before the file's first mmap only: the kernel links and unlinks a VMA through vm_file->f_mapping, which must not change
 * between the two.
 */
void port_file_use_space(struct file *file, struct port_space *space)
{
	file->f_mapping = space->mapping;
}

/* As any plain driver: mappings hang on the inode that was opened. The file pins it for longer than the space lives. */
void ptelab_space_borrow(struct port_space *space, struct file *file)
{
	space->mapping = file_inode(file)->i_mapping;
	never_refuse_writers(space->mapping);
	port_file_use_space(file, space);
}

struct address_space *ptelab_space_mapping(const struct port_space *space)
{
	return space->mapping;
}

void port_space_gate_enter(struct port_space *space)
{
	down_read(&space->gate);
}

void port_space_gate_leave(struct port_space *space)
{
	up_read(&space->gate);
}

bool port_space_gate_close(struct port_space *space, bool killable)
{
	if (killable)
		return !down_write_killable(&space->gate);
	down_write(&space->gate);
	return true;
}

void port_space_gate_open(struct port_space *space)
{
	up_write(&space->gate);
}

void port_space_leaf_lock(struct port_space *space)
{
	mutex_lock(&space->leaf);
}

void port_space_leaf_unlock(struct port_space *space)
{
	mutex_unlock(&space->leaf);
}

bool port_space_revoke_lock(struct port_space *space, bool killable)
{
	if (killable)
		return !mutex_lock_killable(&space->revoke);
	mutex_lock(&space->revoke);
	return true;
}

void port_space_revoke_unlock(struct port_space *space)
{
	mutex_unlock(&space->revoke);
}

bool port_space_page_barrier(struct page *page, bool killable)
{
	cond_resched();
	if (killable && lock_page_killable(page))
		return false;
	if (!killable)
		lock_page(page);
	unlock_page(page);
	return true;
}

bool port_pause(void)
{
	cond_resched();
	return !fatal_signal_pending(current);
}

/* Legal anywhere that may sleep and holds no lock that ->fault takes; it takes i_mmap_rwsem, which nests in mmap_lock. */
void port_space_unmap(struct port_space *space, unsigned long long offset, unsigned long long bytes, bool even_cows)
{
	unmap_mapping_range(space->mapping, offset, bytes, even_cows);
}

static struct filler *filler_new(struct port_space *space, struct mm_struct *mm)
{
	struct filler *filler = kzalloc(sizeof(*filler), GFP_KERNEL);

	if (!filler)
		return NULL;
	filler->space = space;
	filler->mm = mm;
	mmgrab(mm);
	refcount_set(&filler->vmas, 1);
	spin_lock(&space->lock);
	list_add(&filler->node, &space->fillers);
	spin_unlock(&space->lock);
	return filler;
}

static void filler_free(struct filler *filler)
{
	spin_lock(&filler->space->lock);
	list_del(&filler->node);
	spin_unlock(&filler->space->lock);
	mmdrop(filler->mm);
	kfree(filler);
}

int port_vma_track(struct vm_area_struct *vma, struct port_space *space, unsigned long long restores)
{
	struct filler *filler = filler_new(space, vma->vm_mm);

	if (!filler)
		return -ENOMEM;
	filler->restores = restores;
	filler->origin = vma->vm_pgoff;
	vma->vm_private_data = filler;
	return 0;
}

/* Context: ->fault, or mmap_lock held. The VMA's own reference keeps the filler. */
static const struct filler *filler_of(const struct vm_area_struct *vma)
{
	return vma->vm_private_data;
}

unsigned long long port_fault_restores(const struct vm_fault *vmf)
{
	return filler_of(vmf->vma)->restores;
}

unsigned long port_fault_origin(const struct vm_fault *vmf)
{
	return port_vma_origin(vmf->vma);
}

unsigned long port_vma_origin(const struct vm_area_struct *vma)
{
	return filler_of(vma)->origin;
}

/* Without users an mm has no mmap call under way, nor will it have one. Context: as port_file_await_mmap(). */
static void forget_dead_mms(struct list_head *of_file)
{
	struct filler *filler, *next;

	list_for_each_entry_safe(filler, next, of_file, of_file) {
		if (atomic_read(&filler->mm->mm_users))
			continue;
		list_del(&filler->of_file);
		filler_free(filler);
	}
}

/* Of the file, as nobody calls ->close for the VMA of a failed mmap. Context: ->mmap with the session's mutex held. */
int port_file_await_mmap(struct file *filp, struct port_space *space)
{
	struct list_head *of_file = &((struct ptelab_file *)filp->private_data)->awaited;
	struct filler *filler;

	forget_dead_mms(of_file);
	list_for_each_entry(filler, of_file, of_file) {
		if (filler->mm != current->mm || filler->space != space)
			continue;
		spin_lock(&space->lock);
		filler->settled = false;
		spin_unlock(&space->lock);
		return 0;
	}
	filler = filler_new(space, current->mm);
	if (!filler)
		return -ENOMEM;
	list_add(&filler->of_file, of_file);
	return 0;
}

void ptelab_awaited_free(struct list_head *of_file)
{
	struct filler *filler, *next;

	list_for_each_entry_safe(filler, next, of_file, of_file)
		filler_free(filler);
}

/* ->close. Context: mmap_lock held for read or write, or not at all at exit. */
bool ptelab_vma_gone(struct vm_area_struct *vma)
{
	struct filler *filler = vma->vm_private_data;

	vma->vm_private_data = NULL;
	if (filler && refcount_dec_and_test(&filler->vmas))
		filler_free(filler);
	return filler;
}

/*
 * The kernel zaps the VMA of a failed ->mmap too, but only after we return, when port_space_settle() no longer knows of it;
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
	struct filler *filler = vma->vm_private_data;

	if (filler)
		refcount_inc(&filler->vmas);
}

/* An mm whose mmap call has not been waited for, with a reference for the caller; NULL: none is left. */
static struct mm_struct *next_unsettled(struct port_space *space)
{
	struct mm_struct *mm = NULL;
	struct filler *filler;

	spin_lock(&space->lock);
	list_for_each_entry(filler, &space->fillers, node) {
		if (filler->settled)
			continue;
		filler->settled = true;
		mm = filler->mm;
		mmgrab(mm);
		break;
	}
	spin_unlock(&space->lock);
	return mm;
}

/* It has not been waited for after all. */
static void unsettle(struct port_space *space, const struct mm_struct *mm)
{
	struct filler *filler;

	spin_lock(&space->lock);
	list_for_each_entry(filler, &space->fillers, node)
		if (filler->mm == mm)
			filler->settled = false;
	spin_unlock(&space->lock);
}

/*
 * ->mmap fills a VMA before mm links it into the rmap, and unmap_mapping_range() in between misses it. mmap holds mmap_lock
 * for write until it has linked it (mm/mmap.c: mmap_region, mm/vma.c: __mmap_region), so once we have held it too, the VMA is
 * where unmap_mapping_range() looks, or gone. Context: the revoke mutex is held, so nobody relies on a wait still going on.
 */
bool port_space_settle(struct port_space *space, bool killable)
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
