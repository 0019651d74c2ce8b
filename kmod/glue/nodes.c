// SPDX-License-Identifier: GPL-2.0
/* The /dev nodes and their file operations. */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>

#include "file.h"
#include "prepare.h"
#include "vm_ops.h"

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
	[PTELAB_INSERT_PAGES] = "insert_pages",
	[PTELAB_MAP_PAGES] = "map_pages",
	[PTELAB_MAP_PAGES_ZERO] = "map_pages_zero",
	[PTELAB_REMAP_VMALLOC] = "remap_vmalloc",
	[PTELAB_FAULT_INSERT_PAGES] = "fault_insert_pages",
	[PTELAB_FAULT_INSERT_MIXED] = "fault_insert_mixed",
	[PTELAB_HUGE_PFN] = "huge_pfn",
	[PTELAB_HUGE_FOLIO] = "huge_folio",
	[PTELAB_BARE] = "bare",
	[PTELAB_PREPARE_REMAP] = "prepare_remap",
	[PTELAB_PREPARE_IOREMAP] = "prepare_ioremap",
	[PTELAB_PREPARE_SIMPLE_IOREMAP] = "prepare_simple_ioremap",
	[PTELAB_PREPARE_MAP_PAGES] = "prepare_map_pages",
	[PTELAB_PREPARE_FAULT_PAGE] = "prepare_fault_page",
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

static atomic64_t files_opened;

/* misc_open() has put the miscdevice into private_data and holds its mutex, so the node is still registered. */
static int node_open(struct inode *inode, struct file *filp)
{
	struct ptelab_cdev *cdev = container_of(filp->private_data, struct ptelab_cdev, misc);
	struct ptelab_file *file = kzalloc(sizeof(*file), GFP_KERNEL);
	int error;

	if (!file)
		return -ENOMEM;
	error = ptelab_session_new(&file->session, cdev->node, filp);
	if (error) {
		kfree(file);
		return error;
	}
	kref_get(&cdev->users);
	file->cdev = cdev;
	file->opener = current->mm;
	mmgrab(file->opener);
	file->shows_pfns = file_ns_capable(filp, &init_user_ns, CAP_SYS_ADMIN);
	file->method = ptelab_session_method(file->session);
	file->number = atomic64_inc_return(&files_opened);
	mutex_init(&file->lock);
	mutex_init(&file->shape_lock);
	INIT_LIST_HEAD(&file->awaited);
	filp->private_data = file;
	return 0;
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
	port_file_uncharge(filp, atomic_long_read(&file->charged));
	mmdrop(file->opener);
	kref_put(&file->cdev->users, cdev_release);
	mutex_destroy(&file->shape_lock);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

/* What PLAN asks for in place of a good mmap: some pages, then a failure. The kernel zaps them when we have returned. */
static int fail_mmap(struct ptelab_file *file, struct vm_area_struct *vma, const struct ptelab_plan *plan)
{
	/* vm_insert_page() has a BUG_ON for it, and SHAPE may have asked for it. */
	unsigned long pages = vma->vm_flags & VM_PFNMAP ? 0 : min_t(u64, plan->pages, vma_pages(vma));
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
	file->mapped = true;
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

#define NODE_FOPS(name, ...)                              \
	static const struct file_operations name = {     \
		.owner = THIS_MODULE,                    \
		.open = node_open,                       \
		.release = node_release,                 \
		.read_iter = node_read,                  \
		.write_iter = node_write,                \
		.llseek = node_llseek,                   \
		.fsync = node_fsync,                     \
		.unlocked_ioctl = ptelab_ioctl,          \
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

/* All else is the same in both, the owner too, whose reference the file keeps: who still reads the other one is right. */
void ptelab_give_both_mmaps(struct file *filp)
{
	WRITE_ONCE(filp->f_op, &both_fops);
}
#else
#define prepare_fops node_fops
#define both_fops node_fops

void ptelab_give_both_mmaps(struct file *filp)
{
}
#endif

bool ptelab_is_our_file(const struct file *filp)
{
	return filp->f_op == &node_fops || filp->f_op == &prepare_fops || filp->f_op == &both_fops;
}

struct ptelab_cdev *ptelab_cdev_add(unsigned int method, unsigned long pages, struct port_device *device)
{
	struct ptelab_cdev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);
	int error;

	if (!cdev)
		return ERR_PTR(-ENOMEM);
	kref_init(&cdev->users);
	cdev->misc.minor = MISC_DYNAMIC_MINOR;
	cdev->misc.fops = ptelab_prepares(method) ? &prepare_fops : &node_fops;
	cdev->misc.mode = 0600;
	cdev->misc.name = kasprintf(GFP_KERNEL, "ptelab_%s", names[method]);
	cdev->misc.nodename = kasprintf(GFP_KERNEL, "ptelab/%s", names[method]);
	error = cdev->misc.name && cdev->misc.nodename ? 0 : -ENOMEM;
	if (!error)
		error = ptelab_node_new(&cdev->node, method, pages, device);
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
