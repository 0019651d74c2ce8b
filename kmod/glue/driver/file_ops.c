// SPDX-License-Identifier: GPL-2.0
/* An open file of a node: its file operations. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>

#include "../direct/page_sources.h"
#include "../direct/pin.h"
#include "../file.h"
#include "cdev.h"
#include "events.h"
#include "file_ops.h"
#include "ioctl.h"
#include "prepare.h"
#include "vma_setup.h"
#include "vm_ops.h"

static atomic64_t files_opened;

static int node_open(struct inode *inode, struct file *filp)
{
	struct ptelab_cdev *cdev = ptelab_cdev_get(filp);
	struct ptelab_file *file;
	int error = -ENOMEM;

	if (!cdev)
		return -ENODEV;
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		goto out_cdev;
	ptelab_awaited_init(&file->awaited);
	ptelab_account_init(&file->account);
	file->opened_by_admin = file_ns_capable(filp, &init_user_ns, CAP_SYS_ADMIN);
	file->misuser.allowed = file->opened_by_admin;
	error = ptelab_session_new(&file->session, ptelab_cdev_node(cdev), filp, &file->awaited, &file->account, &file->misuser);
	if (error)
		goto out_file;
	file->filp = filp;
	file->cdev = cdev;
	file->method = ptelab_session_method(file->session);
	file->number = atomic64_inc_return(&files_opened);
	mutex_init(&file->lock);
	mutex_init(&file->vma_setup_lock);
	filp->private_data = file;
	return 0;

out_file:
	ptelab_account_free(&file->account);
	kfree(file);
out_cdev:
	ptelab_cdev_put(cdev);
	return error;
}

/* Called once the last descriptor and the last VMA of the file are gone: nobody else has it. */
static int node_release(struct inode *inode, struct file *filp)
{
	struct ptelab_file *file = filp->private_data;
	struct ptelab_event event = ptelab_event_of(file, PTELAB_HOOK_RELEASE, NULL);

	ptelab_event_record(file, &event);
	ptelab_vma_setup_undo(file);
	ptelab_awaited_free(&file->awaited);
	ptelab_kept_free(file);
	ptelab_page_sources_free(file->sources);
	kvfree(file->bad_pages);
	ptelab_session_free(file->session);
	ptelab_misuser_free(&file->misuser);
	ptelab_account_free(&file->account);
	ptelab_cdev_put(file->cdev);
	mutex_destroy(&file->vma_setup_lock);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

/* What INJECT asks for in place of a good mmap: some pages, then a failure. The kernel zaps them when we have returned. */
static int fail_mmap(struct ptelab_file *file, struct vm_area_struct *vma, const struct ptelab_injection *injection)
{
	unsigned long pages = min_t(u64, injection->pages, vma_pages(vma));
	int error = ptelab_mmap_part(file->session, vma, pages);

	return error ? error : -(int)injection->error;
}

static int map_as_set_up(struct ptelab_file *file, struct vm_area_struct *vma)
{
	struct ptelab_injection injection = ptelab_hook_answer(file->session, PTELAB_HOOK_MMAP);
	int error;

	ptelab_vma_setup_apply(file, vma);
	if (injection.answer == PTELAB_ANSWER_ERROR)
		return fail_mmap(file, vma, &injection);
	error = ptelab_mmap(file->session, vma);
	if (error)
		return error;
	if (injection.answer == PTELAB_ANSWER_ZAP)
		ptelab_zap_everywhere(file->session);
	if (!(file->vma_setup.flags & PTELAB_VMA_SETUP_NO_VM_OPS))
		vma->vm_ops = ptelab_vm_ops_of(file);
	file->mapped = true;
	return 0;
}

/* Context: mmap_lock held for write. After an error the kernel zaps what was inserted and does not call ->close. */
static int node_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct ptelab_file *file = filp->private_data;
	struct ptelab_event event = ptelab_event_of(file, PTELAB_HOOK_MMAP, vma);

	event.answer = mutex_lock_killable(&file->vma_setup_lock);
	if (!event.answer) {
		event.answer = map_as_set_up(file, vma);
		mutex_unlock(&file->vma_setup_lock);
	}
	event.present = find_vma(vma->vm_mm, vma->vm_start) == vma;
	ptelab_event_record(file, &event);
	return event.answer;
}

/* How many bytes of the file a pass takes: what is left of a page, of the region and of what was asked for. */
static size_t bytes_of_pass(const struct ptelab_file *file, loff_t position, const struct iov_iter *iter)
{
	u64 size = ptelab_size(file->session);
	u64 room = position < size ? min_t(u64, size - position, PAGE_SIZE - offset_in_page(position)) : 0;

	return min_t(u64, room, iov_iter_count(iter));
}

/*
 * Bytes that were copied, 0 at the end of the region, or -errno. By way of the buffer: the copy to or from user space may fault, perhaps
 * on a mapping of this very file, for which a REVOKE waits at the gate.
 */
static ssize_t copy_pass(struct ptelab_file *file, loff_t position, struct iov_iter *iter, void *buffer, bool write)
{
	size_t bytes = bytes_of_pass(file, position, iter);
	ssize_t copied;

	if (!write) {
		copied = ptelab_copy(file->session, position, bytes, buffer, false);
		if (copied <= 0)
			return copied;
		bytes = copy_to_iter(buffer, copied, iter);
		return bytes ? bytes : -EFAULT;
	}
	if (bytes && !(bytes = copy_from_iter(buffer, bytes, iter)))
		return -EFAULT;
	copied = ptelab_copy(file->session, position, bytes, buffer, true);
	return copied ? copied : -ENOSPC;
}

/* Page by page; an error after some bytes is told by the next call. */
static ssize_t node_copy(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	struct ptelab_file *file = iocb->ki_filp->private_data;
	void *buffer = kmalloc(PAGE_SIZE, GFP_KERNEL);
	ssize_t total = 0, copied = 0;

	if (!buffer)
		return -ENOMEM;
	while (iov_iter_count(iter) && (!total || !fatal_signal_pending(current))) {
		copied = copy_pass(file, iocb->ki_pos, iter, buffer, write);
		if (copied <= 0)
			break;
		iocb->ki_pos += copied;
		total += copied;
		cond_resched();
	}
	kfree(buffer);
	return total ? total : copied;
}

static ssize_t node_read(struct kiocb *iocb, struct iov_iter *iter)
{
	return node_copy(iocb, iter, false);
}

static ssize_t node_write(struct kiocb *iocb, struct iov_iter *iter)
{
	return node_copy(iocb, iter, true);
}

static loff_t node_llseek(struct file *filp, loff_t offset, int whence)
{
	struct ptelab_file *file = filp->private_data;

	return fixed_size_llseek(filp, offset, whence, ptelab_size(file->session));
}

/* The bytes are where they are as soon as they are written; what a CPU still holds back is ordered here. */
static int node_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	mb();
	return 0;
}

#ifdef HAVE_MMAP_ACTIONS
static const struct file_operations both_fops;

/* All else is the same in both, the owner too, whose reference the file keeps: who still reads the other one is right. */
static void swap_fops(struct file *filp)
{
	const struct ptelab_file *file = filp->private_data;

	if (file->vma_setup.flags & PTELAB_VMA_SETUP_BOTH_MMAPS)
		WRITE_ONCE(filp->f_op, &both_fops);
}
#else
static void swap_fops(struct file *filp)
{
}
#endif

static long node_ioctl(struct file *filp, unsigned int cmd, unsigned long argument)
{
	long answer = ptelab_ioctl(filp, cmd, argument);

	if (cmd == PTELAB_IOC_VMA_SETUP && !answer)
		swap_fops(filp);
	return answer;
}

#define NODE_FOPS(name, ...)                              \
	static const struct file_operations name = {     \
		.owner = THIS_MODULE,                    \
		.open = node_open,                       \
		.release = node_release,                 \
		.read_iter = node_read,                  \
		.write_iter = node_write,                \
		.llseek = node_llseek,                   \
		.fsync = node_fsync,                     \
		.unlocked_ioctl = node_ioctl,            \
		.compat_ioctl = compat_ptr_ioctl,        \
		__VA_ARGS__                              \
	}

NODE_FOPS(node_fops, .mmap = node_mmap);
#ifdef HAVE_MMAP_ACTIONS
/* The kernel takes one or the other (include/linux/fs.h: can_mmap_file). */
NODE_FOPS(prepare_fops, .mmap_prepare = ptelab_node_mmap_prepare);

static int mmap_beside_prepare(struct file *filp, struct vm_area_struct *vma)
{
	return -EPERM;
}

NODE_FOPS(both_fops, .mmap = mmap_beside_prepare, .mmap_prepare = ptelab_node_mmap_prepare);
#else
#define prepare_fops node_fops
#endif

const struct file_operations *ptelab_file_ops(unsigned int method)
{
	return ptelab_traits_of(method)->prepares ? &prepare_fops : &node_fops;
}
