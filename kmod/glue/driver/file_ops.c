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

#include "../direct/donors.h"
#include "../direct/pin.h"
#include "../file.h"
#include "cdev.h"
#include "chunk.h"
#include "events.h"
#include "file_ops.h"
#include "ioctl.h"
#include "prepare.h"
#include "shape.h"
#include "vm_ops.h"

static atomic64_t files_opened;

static int node_open(struct inode *inode, struct file *filp)
{
	struct ptelab_cdev *cdev = ptelab_cdev_get(filp);
	struct ptelab_file *file = kzalloc(sizeof(*file), GFP_KERNEL);
	int error = -ENOMEM;

	if (!file)
		goto out_cdev;
	ptelab_awaited_init(&file->awaited);
	ptelab_account_init(&file->account);
	error = ptelab_session_new(&file->session, ptelab_cdev_node(cdev), filp, &file->awaited, &file->account);
	if (error)
		goto out_file;
	file->filp = filp;
	file->cdev = cdev;
	file->shows_pfns = file_ns_capable(filp, &init_user_ns, CAP_SYS_ADMIN);
	file->method = ptelab_session_method(file->session);
	file->number = atomic64_inc_return(&files_opened);
	mutex_init(&file->lock);
	mutex_init(&file->shape_lock);
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
	ptelab_shape_undo(file);
	ptelab_awaited_free(&file->awaited);
	ptelab_kept_free(file);
	ptelab_donors_free(file->donors);
	kvfree(file->bad_pages);
	ptelab_session_free(file->session);
	ptelab_account_free(&file->account);
	ptelab_cdev_put(file->cdev);
	mutex_destroy(&file->shape_lock);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

/* What PLAN asks for in place of a good mmap: some pages, then a failure. The kernel zaps them when we have returned. */
static int fail_mmap(struct ptelab_file *file, struct vm_area_struct *vma, const struct ptelab_plan *plan)
{
	unsigned long pages = min_t(u64, plan->pages, vma_pages(vma));
	int error = ptelab_mmap_part(file->session, vma, pages);

	return error ? error : -(int)plan->error;
}

static int map_shaped(struct ptelab_file *file, struct vm_area_struct *vma)
{
	struct ptelab_plan plan = ptelab_hook_answer(file->session, PTELAB_HOOK_MMAP);
	int error;

	ptelab_shape_apply(file, vma);
	if (plan.answer == PTELAB_ANSWER_ERROR)
		return fail_mmap(file, vma, &plan);
	error = ptelab_mmap(file->session, vma);
	if (error)
		return error;
	if (plan.answer == PTELAB_ANSWER_ZAP)
		ptelab_zap_everywhere(file->session);
	if (!(file->shape.flags & PTELAB_SHAPE_NO_VM_OPS))
		vma->vm_ops = ptelab_vm_ops_of(file);
	file_is_mapped(file);
	return 0;
}

/* Context: mmap_lock held for write. After an error the kernel zaps what was inserted and does not call ->close. */
static int node_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct ptelab_file *file = filp->private_data;
	struct ptelab_event event = ptelab_event_of(file, PTELAB_HOOK_MMAP, vma);

	mutex_lock(&file->shape_lock);
	event.answer = map_shaped(file, vma);
	mutex_unlock(&file->shape_lock);
	event.present = find_vma(vma->vm_mm, vma->vm_start) == vma;
	ptelab_event_record(file, &event);
	return event.answer;
}

/* Copy chunk by chunk; an error after some bytes is told by the next call. */
static ssize_t node_copy(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	struct ptelab_file *file = iocb->ki_filp->private_data;
	ssize_t total = 0;

	while (iov_iter_count(iter)) {
		struct ptelab_chunk chunk;
		ssize_t copied = ptelab_chunk_at(file->session, iocb->ki_pos, iov_iter_count(iter), &chunk);

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
		if (fatal_signal_pending(current))
			return total;
		cond_resched();
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

	if (file->shape.flags & PTELAB_SHAPE_BOTH_MMAPS)
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

	if (cmd == PTELAB_IOC_SHAPE && !answer)
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
