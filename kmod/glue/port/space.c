// SPDX-License-Identifier: GPL-2.0
/*
 * port.h: spaces. A region has an inode of its own in a pseudo file system, so that unmap_mapping_range() over it reaches
 * every mapping of the region, through whatever device node and in whatever process, and nobody else's.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "space.h"

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
 * mm/vma.c: __mmap_region), and REGION_SETUP or VMA_SETUP may change f_mapping in between: one space gets a writer too many, another one too
 * few, and below 0 every shared writable mmap is refused with EPERM (include/linux/fs.h: mapping_map_writable). Nothing else reads
 * the count of a device's or a pseudo file's inode, so it starts so high that it never gets there.
 */
#define MANY_WRITERS (1 << 24)

static void never_refuse_writers(struct address_space *mapping)
{
	if (atomic_read(&mapping->i_mmap_writable) < MANY_WRITERS)
		atomic_add(MANY_WRITERS, &mapping->i_mmap_writable);
}

static struct lock_class_key gate_key;

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
	init_waitqueue_head(&space->gate);
	lockdep_init_map(&space->gate_map, "ptelab_gate", &gate_key, 0);
	mutex_init(&space->revoke);
	mutex_init(&space->leaf);
	spin_lock_init(&space->lock);
	INIT_LIST_HEAD(&space->pending_mmaps);
	return space;
}

void port_space_free(struct port_space *space)
{
	WARN_ON(!list_empty(&space->pending_mmaps));
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

/* Legal anywhere that may sleep and holds no lock that ->fault takes; it takes i_mmap_rwsem, which nests in mmap_lock. */
void port_space_unmap(struct port_space *space, unsigned long long offset, unsigned long long bytes, bool even_cows)
{
	unmap_mapping_range(space->mapping, offset, bytes, even_cows);
}
