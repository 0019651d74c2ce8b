// SPDX-License-Identifier: GPL-2.0
/* The /dev nodes and their file operations. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "glue.h"

struct ptelab_cdev {
	struct miscdevice misc;
	struct kref users;		/* the registration, and each open file */
	struct ptelab_node *node;
	struct port_device *device;
};

static const char *const names[PTELAB_METHODS] = {
	[PTELAB_INSERT_PAGE] = "insert_page",
	[PTELAB_FAULT_INSERT_PAGE] = "fault_insert_page",
	[PTELAB_FAULT_PAGE] = "fault_page",
	[PTELAB_FAULT_INSERT_PFN] = "fault_insert_pfn",
	[PTELAB_REMAP_PFN] = "remap_pfn",
	[PTELAB_IOMAP] = "iomap",
};

static void cdev_free(struct ptelab_cdev *cdev)
{
	if (cdev->node)
		ptelab_node_free(cdev->node);
	if (cdev->device)
		ptelab_device_free(cdev->device);
	kfree(cdev->misc.nodename);
	kfree(cdev->misc.name);
	kfree(cdev);
}

static void cdev_release(struct kref *users)
{
	cdev_free(container_of(users, struct ptelab_cdev, users));
}

/* misc_open() has put the miscdevice into private_data and holds its mutex, so the node is still registered. */
static int node_open(struct inode *inode, struct file *file)
{
	struct ptelab_cdev *cdev = container_of(file->private_data, struct ptelab_cdev, misc);
	struct ptelab_session *session;
	int error = ptelab_session_new(&session, cdev->node, file);

	if (error)
		return error;
	kref_get(&cdev->users);
	file->private_data = session;
	return 0;
}

/* Called once the last descriptor and the last VMA of the file are gone. */
static int node_release(struct inode *inode, struct file *file)
{
	struct ptelab_cdev *cdev = ptelab_session_owner(file->private_data);

	ptelab_session_free(file->private_data);
	kref_put(&cdev->users, cdev_release);
	return 0;
}

/* Context: mmap_lock held for write. After an error the kernel zaps what was inserted and does not call ->close. */
static int node_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ptelab_session *session = file->private_data;
	int error = ptelab_mmap(session, vma);

	if (!error)
		vma->vm_ops = ptelab_vm_ops[ptelab_session_method(session)];
	return error;
}

/* Copy chunk by chunk; an error after some bytes is told by the next call. */
static ssize_t node_copy(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	struct ptelab_session *session = iocb->ki_filp->private_data;
	ssize_t total = 0;

	while (iov_iter_count(iter)) {
		struct ptelab_chunk chunk;
		ssize_t copied = ptelab_chunk_at(session, iocb->ki_pos, iov_iter_count(iter), &chunk);

		if (!copied) {
			if (!chunk.bytes)
				return total ? total : write ? -ENOSPC : 0;
			copied = ptelab_chunk_copy_iter(&chunk, iter, write);
		}
		if (copied < 0)
			return total ? total : copied;
		iocb->ki_pos += copied;
		total += copied;
		if (copied < chunk.bytes)
			return total ? total : -EFAULT;
	}
	return total;
}

static ssize_t node_read(struct kiocb *iocb, struct iov_iter *iter)
{
	return node_copy(iocb, iter, false);
}

static ssize_t node_write(struct kiocb *iocb, struct iov_iter *iter)
{
	return node_copy(iocb, iter, true);
}

static loff_t node_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, ptelab_size(file->private_data));
}

/* The bytes are where they are as soon as they are written; what a CPU still holds back is ordered here. */
static int node_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	mb();
	return 0;
}

static const struct file_operations node_fops = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.mmap = node_mmap,
	.read_iter = node_read,
	.write_iter = node_write,
	.llseek = node_llseek,
	.fsync = node_fsync,
	.unlocked_ioctl = ptelab_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

struct ptelab_cdev *ptelab_cdev_add(unsigned int method, unsigned long pages, struct port_device *device)
{
	struct ptelab_cdev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);
	int error;

	if (!cdev)
		return ERR_PTR(-ENOMEM);
	kref_init(&cdev->users);
	cdev->misc.minor = MISC_DYNAMIC_MINOR;
	cdev->misc.fops = &node_fops;
	cdev->misc.mode = 0600;
	cdev->misc.name = kasprintf(GFP_KERNEL, "ptelab_%s", names[method]);
	cdev->misc.nodename = kasprintf(GFP_KERNEL, "ptelab/%s", names[method]);
	error = cdev->misc.name && cdev->misc.nodename ? 0 : -ENOMEM;
	if (!error)
		error = ptelab_node_new(&cdev->node, method, pages, device, cdev);
	if (!error)
		error = misc_register(&cdev->misc);
	if (error) {
		cdev_free(cdev);
		return ERR_PTR(error);
	}
	/* Only now ours to free: until here the caller has it, and keeps it if we fail. */
	cdev->device = device;
	return cdev;
}

void ptelab_cdev_remove(struct ptelab_cdev *cdev)
{
	misc_deregister(&cdev->misc);	/* from here on no new file */
	if (cdev->device) {
		ptelab_node_kill(cdev->node);
		ptelab_device_unplug(cdev->device);
	}
	kref_put(&cdev->users, cdev_release);
}
