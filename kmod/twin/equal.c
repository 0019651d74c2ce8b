// SPDX-License-Identifier: GPL-2.0
/*
 * The equal twin: in plain C what ptelab does for a mapping and for a fault. The same gate, counts and locks in the same order, the
 * same kinds of memory to tell apart, the same hand-over of a page, the same wait for an mmap that is under way; and all of a fault in
 * one function. So ptelab beside it shows what C++ and the seam to it cost, and it beside the bare twin what revoking and counting cost.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../../uapi/ptelab.h"
#include "twin.h"

#define EQUAL_IOC_REVOKE _IO('q', 1)
#define EQUAL_IOC_RESTORE _IO('q', 2)

enum backing { SINGLE, BLOCK };
enum count { MAPS, MAP_ERRORS, OPENS, CLOSES, FAULTS, FAULT_ERRORS, COUNTS };

struct counts {
	atomic64_t value[COUNTS];
};

/* A VMA that ->mmap fills; it and those split or forked from it share one. */
struct filler {
	struct list_head node;
	struct region *region;
	struct mm_struct *mm;
	refcount_t vmas;
	u64 restores;
	bool settled;
};

/* What a node maps. */
struct region {
	enum backing backing;
	unsigned long count;
	struct page **singles;
	struct page *block;
	atomic_t gate;			/* how many are inside, and above that what stands in the way of the next */
	wait_queue_head_t gate_wait;
	u64 restores;			/* the gate guards it */
	struct mutex revoke;
	spinlock_t lock;		/* guards fillers */
	struct list_head fillers;
};

#define GATE_SHUT BIT(31)	/* the sign: any of the two that follow */
#define GATE_CLOSING BIT(30)	/* who comes waits */
#define GATE_REVOKED BIT(29)
#define GATE_INSIDE (GATE_REVOKED - 1)

struct open_file {
	/* What a fault is answered from: of pages in a list, if no answer is injected. */
	unsigned long count;
	struct page **pages;
	struct counts *counts;
	unsigned int door;		/* enum ptelab_method: as many as ptelab has to tell apart */
	bool listens;
	struct region *region;
	enum twin_way way;
	unsigned int injected;
	struct mutex setup_lock;
	struct mutex lock;		/* guards what follows */
	bool mapped;
	u64 mmap_calls;
	u64 mmaps_to_fail;
};

static struct counts all;
static struct region regions[WAYS];

static void count(struct open_file *file, enum count which)
{
	atomic64_inc(&all.value[which]);
	atomic64_inc(&file->counts->value[which]);
}

static struct open_file *file_of(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static bool is_revoked(struct region *of)
{
	return atomic_read(&of->gate) & GATE_REVOKED;
}

static void gate_leave(struct region *of)
{
	unsigned int left = atomic_dec_return(&of->gate);

	if ((left & GATE_CLOSING) && !(left & GATE_INSIDE))
		wake_up_all(&of->gate_wait);
}

/* Killed while it waits: false. */
static bool gate_enter(struct region *of)
{
	while (atomic_inc_return(&of->gate) & GATE_CLOSING) {
		gate_leave(of);
		if (wait_event_killable(of->gate_wait, !(atomic_read_acquire(&of->gate) & GATE_CLOSING)))
			return false;
	}
	return true;
}

static void gate_open(struct region *of)
{
	atomic_fetch_andnot(is_revoked(of) ? GATE_CLOSING : GATE_SHUT | GATE_CLOSING, &of->gate);
	wake_up_all(&of->gate_wait);
}

/* The revoke mutex is held. Killed while it waits for those inside: false, and all is as it was. */
static bool gate_close(struct region *of)
{
	atomic_fetch_or(GATE_SHUT | GATE_CLOSING, &of->gate);
	if (!wait_event_killable(of->gate_wait, !(atomic_read_acquire(&of->gate) & GATE_INSIDE)))
		return true;
	gate_open(of);
	return false;
}

static struct page *page_at(const struct region *of, unsigned long index)
{
	BUG_ON(index >= of->count);
	return of->singles ? of->singles[index] : of->block + index;
}

static struct page **listed(const struct region *of, unsigned long index)
{
	return of->singles ? of->singles + index : NULL;
}

static noinline vm_fault_t fault_failed(struct open_file *file, vm_fault_t answer)
{
	count(file, FAULT_ERRORS);
	return answer;
}

/* Outside the gate, as the page lock is waited for: REVOKE closes the gate and then takes each page's lock, and sees the entry or is seen. */
static noinline vm_fault_t hand_over(struct vm_fault *vmf)
{
	struct open_file *file = file_of(vmf->vma);
	struct page *page = NULL;

	if (!gate_enter(file->region))
		return fault_failed(file, VM_FAULT_SIGBUS);
	if (!is_revoked(file->region)) {
		page = file->pages[vmf->pgoff];
		get_page(page);
	}
	gate_leave(file->region);
	if (!page)
		return fault_failed(file, VM_FAULT_SIGBUS);
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT || compat_lock_page_killable(page)) {
		put_page(page);
		return vmf->flags & FAULT_FLAG_RETRY_NOWAIT ? VM_FAULT_RETRY : fault_failed(file, VM_FAULT_SIGBUS);
	}
	vmf->page = page;
	if (!is_revoked(file->region))
		return VM_FAULT_LOCKED;
	unlock_page(page);
	put_page(page);
	vmf->page = NULL;
	return fault_failed(file, VM_FAULT_SIGBUS);
}

/* No page in a list, an injected answer, or the gate is shut or about to be: of a twin, nothing but the last can be. */
static noinline vm_fault_t fault_at_length(struct vm_fault *vmf)
{
	struct open_file *file = file_of(vmf->vma);

	count(file, FAULTS);
	return fault_failed(file, VM_FAULT_SIGBUS);
}

/* He who closes the gate may yet be killed: so it is waited for, and the processor comes again if it is open then. */
static noinline vm_fault_t turned_away(struct vm_fault *vmf)
{
	struct region *of = file_of(vmf->vma)->region;
	bool revoked = true;

	gate_leave(of);
	if (gate_enter(of)) {
		revoked = is_revoked(of);
		gate_leave(of);
	}
	return revoked ? fault_at_length(vmf) : VM_FAULT_NOPAGE;
}

static noinline vm_fault_t left_shut(struct open_file *file, vm_fault_t answer)
{
	wake_up_all(&file->region->gate_wait);
	return answer;
}

static vm_fault_t insert_around(struct vm_fault *vmf, struct page **pages, unsigned long left_over)
{
	unsigned long most = min3(TWIN_AROUND, left_over, (vmf->vma->vm_end - vmf->address) >> PAGE_SHIFT);
	unsigned long left = most;
	int error = vm_insert_pages(vmf->vma, vmf->address, pages, &left);

	if (likely(!error || left < most || error == -EBUSY))
		return VM_FAULT_NOPAGE;
	return error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/* Locked inside the gate, REVOKE finds it locked until the entry is set. */
static vm_fault_t give(struct vm_fault *vmf, struct page *page)
{
	if (unlikely(!trylock_page(page)))
		return 0;
	get_page(page);
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static __always_inline vm_fault_t insert(struct open_file *file, struct vm_fault *vmf, unsigned int door)
{
	struct page **page = file->pages + vmf->pgoff;

	switch (door) {
	case PTELAB_FAULT_INSERT_PAGE:
		return vmf_insert_page(vmf->vma, vmf->address, *page);
	case PTELAB_FAULT_INSERT_PFN:
		return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(*page));
	case PTELAB_FAULT_PAGE:
		return give(vmf, *page);
	case PTELAB_FAULT_INSERT_PAGES:
		return insert_around(vmf, page, file->count - vmf->pgoff);
	default:
		return compat_insert_mixed(vmf->vma, vmf->address, page_to_pfn(*page));
	}
}

static __always_inline vm_fault_t pass(struct open_file *file, struct vm_fault *vmf, unsigned int door)
{
	vm_fault_t answer;

	if (unlikely(atomic_add_negative(1, &file->region->gate)))
		return turned_away(vmf);
	count(file, FAULTS);
	answer = insert(file, vmf, door);
	if (unlikely(atomic_add_negative(-1, &file->region->gate)))
		answer = left_shut(file, answer);
	if (door == PTELAB_FAULT_PAGE)
		return likely(answer & VM_FAULT_LOCKED) ? answer : hand_over(vmf);
	return likely(answer & VM_FAULT_NOPAGE) ? answer : fault_failed(file, answer);
}

/* By themselves, as they keep more than the others. */
static noinline vm_fault_t pass_page(struct vm_fault *vmf, struct open_file *file)
{
	return pass(file, vmf, PTELAB_FAULT_PAGE);
}

static noinline vm_fault_t pass_pages(struct vm_fault *vmf, struct open_file *file)
{
	return pass(file, vmf, PTELAB_FAULT_INSERT_PAGES);
}

static vm_fault_t equal_fault(struct vm_fault *vmf)
{
	struct open_file *file = file_of(vmf->vma);

	if (unlikely(file->listens) || unlikely(vmf->pgoff >= file->count))
		return fault_at_length(vmf);
	if (file->door == PTELAB_FAULT_INSERT_PAGE)
		return pass(file, vmf, PTELAB_FAULT_INSERT_PAGE);
	if (file->door == PTELAB_FAULT_INSERT_PFN)
		return pass(file, vmf, PTELAB_FAULT_INSERT_PFN);
	if (file->door == PTELAB_FAULT_PAGE)
		return pass_page(vmf, file);
	if (file->door == PTELAB_FAULT_INSERT_PAGES)
		return pass_pages(vmf, file);
	return pass(file, vmf, PTELAB_FAULT_INSERT_MIXED);
}

static void put_filler(struct filler *filler)
{
	if (!filler || !refcount_dec_and_test(&filler->vmas))
		return;
	spin_lock(&filler->region->lock);
	list_del(&filler->node);
	spin_unlock(&filler->region->lock);
	mmdrop(filler->mm);
	kfree(filler);
}

static void equal_open_vma(struct vm_area_struct *vma)
{
	struct filler *filler = vma->vm_private_data;

	if (filler)
		refcount_inc(&filler->vmas);
	count(file_of(vma), OPENS);
}

static void equal_close_vma(struct vm_area_struct *vma)
{
	put_filler(vma->vm_private_data);
	vma->vm_private_data = NULL;
	count(file_of(vma), CLOSES);
}

static const struct vm_operations_struct equal_vm_ops = {
	.open = equal_open_vma,
	.close = equal_close_vma,
	.fault = equal_fault,
};

static int track(struct vm_area_struct *vma, struct region *of)
{
	struct filler *filler = kzalloc(sizeof(*filler), GFP_KERNEL);

	if (!filler)
		return -ENOMEM;
	filler->region = of;
	filler->mm = vma->vm_mm;
	mmgrab(filler->mm);
	refcount_set(&filler->vmas, 1);
	filler->restores = of->restores;
	spin_lock(&of->lock);
	list_add(&filler->node, &of->fillers);
	spin_unlock(&of->lock);
	vma->vm_private_data = filler;
	return 0;
}

static int insert_each(struct vm_area_struct *vma, const struct region *of)
{
	struct page **pages = listed(of, vma->vm_pgoff);
	unsigned long count = vma_pages(vma);
	unsigned long i;
	int error = 0;

	for (i = 0; i < count && !error; i++) {
		if (i % TWIN_BETWEEN_PAUSES == 0) {
			cond_resched();
			if (fatal_signal_pending(current))
				return -EINTR;
		}
		error = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT), pages ? pages[i] : page_at(of, vma->vm_pgoff + i));
	}
	return error;
}

static int insert_many(struct vm_area_struct *vma, const struct region *of)
{
	struct page **pages = listed(of, vma->vm_pgoff);
	unsigned long left = vma_pages(vma);

	return pages ? vm_insert_pages(vma, vma->vm_start, pages, &left) : -EOPNOTSUPP;
}

static int fill_tracked(struct vm_area_struct *vma, struct region *of, enum twin_way way)
{
	int error = track(vma, of);

	if (error)
		return error;
	error = way == INSERT_PAGE ? insert_each(vma, of) : insert_many(vma, of);
	if (error) {
		compat_zap_vma(vma, vma->vm_start, vma->vm_end - vma->vm_start);
		put_filler(vma->vm_private_data);
		vma->vm_private_data = NULL;
	}
	return error;
}

/* Undone as a whole if it fails, so that a REVOKE finds all of it or nothing. */
static int fill(struct vm_area_struct *vma, struct region *of, enum twin_way way)
{
	int error;

	if (!gate_enter(of))
		return -ENODEV;
	error = is_revoked(of) ? -ENODEV : fill_tracked(vma, of, way);
	gate_leave(of);
	return error;
}

static int map_locked(struct open_file *file, struct vm_area_struct *vma)
{
	struct region *of = file->region;
	unsigned long pages = vma_pages(vma);

	if (vma->vm_pgoff > of->count || pages > of->count - vma->vm_pgoff)
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	compat_vm_flags_clear(vma, VM_MAYEXEC);
	switch (file->way) {
	case FAULT_INSERT_PFN:
		if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
			return -EINVAL;
		compat_vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
		return 0;
	case FAULT_INSERT_PAGE:
	case FAULT_INSERT_PAGES:
		compat_vm_flags_set(vma, VM_MIXEDMAP);
		return 0;
	case INSERT_PAGE:
	case INSERT_PAGES:
		return fill(vma, of, file->way);
	default:
		return 0;
	}
}

static bool mmap_is_to_fail(struct open_file *file)
{
	bool fails;

	mutex_lock(&file->lock);
	fails = ++file->mmap_calls <= file->mmaps_to_fail;
	mutex_unlock(&file->lock);
	return fails;
}

static int map_as_set_up(struct open_file *file, struct vm_area_struct *vma)
{
	int error;

	if (mmap_is_to_fail(file))
		return -EIO;
	mutex_lock(&file->lock);
	error = map_locked(file, vma);
	file->mapped |= !error;
	mutex_unlock(&file->lock);
	count(file, error ? MAP_ERRORS : MAPS);
	if (error)
		return error;
	vma->vm_ops = &equal_vm_ops;
	return 0;
}

static int equal_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct open_file *file = filp->private_data;
	int error;

	mutex_lock(&file->setup_lock);
	error = map_as_set_up(file, vma);
	mutex_unlock(&file->setup_lock);
	return error;
}

/* An mm whose mmap call has not been waited for, with a reference for the caller; NULL: none is left. */
static struct mm_struct *next_unsettled(struct region *of)
{
	struct mm_struct *mm = NULL;
	struct filler *filler;

	spin_lock(&of->lock);
	list_for_each_entry(filler, &of->fillers, node) {
		if (filler->settled)
			continue;
		filler->settled = true;
		mm = filler->mm;
		mmgrab(mm);
		break;
	}
	spin_unlock(&of->lock);
	return mm;
}

static bool set_open(struct region *of, bool open)
{
	if (!gate_close(of))
		return false;
	if (open)
		atomic_fetch_andnot(GATE_REVOKED, &of->gate);
	else
		atomic_fetch_or(GATE_REVOKED, &of->gate);
	of->restores += open;
	gate_open(of);
	return true;
}

/* Whoever passed the gate before has set its entry, or holds the page's lock until it has. */
static bool shut(struct region *of)
{
	unsigned long i;

	if (!set_open(of, false))
		return false;
	for (i = 0; i < of->count; i++) {
		cond_resched();
		if (compat_lock_page_killable(page_at(of, i)))
			return false;
		unlock_page(page_at(of, i));
	}
	return true;
}

static bool wait_for_mmaps(struct region *of)
{
	struct mm_struct *mm;
	bool killed;

	while ((mm = next_unsettled(of))) {
		killed = mmap_read_lock_killable(mm);
		if (!killed)
			mmap_read_unlock(mm);
		mmdrop(mm);
		if (killed)
			return false;
	}
	return true;
}

static int revoke_locked(struct region *of, struct address_space *mapping)
{
	if (!shut(of))
		return -EINTR;
	unmap_mapping_range(mapping, 0, 0, true);
	if (!wait_for_mmaps(of))
		return -EINTR;
	unmap_mapping_range(mapping, 0, 0, true);
	return 0;
}

static int revoke(struct region *of, struct address_space *mapping)
{
	int error = mutex_lock_killable(&of->revoke);
	bool was_revoked;

	if (error)
		return error;
	was_revoked = is_revoked(of);
	error = revoke_locked(of, mapping);
	if (error && !was_revoked && is_revoked(of))
		set_open(of, true);
	mutex_unlock(&of->revoke);
	return error;
}

static int restore(struct region *of)
{
	int error = mutex_lock_killable(&of->revoke);

	if (error)
		return error;
	error = set_open(of, true) ? 0 : -EINTR;
	mutex_unlock(&of->revoke);
	return error;
}

static long equal_ioctl(struct file *filp, unsigned int cmd, unsigned long argument)
{
	struct open_file *file = filp->private_data;

	if (cmd == EQUAL_IOC_REVOKE)
		return revoke(file->region, filp->f_mapping);
	if (cmd == EQUAL_IOC_RESTORE)
		return restore(file->region);
	return -ENOTTY;
}

static const unsigned int doors[WAYS] = {
	[FAULT_INSERT_PFN] = PTELAB_FAULT_INSERT_PFN,
	[FAULT_INSERT_PAGE] = PTELAB_FAULT_INSERT_PAGE,
	[FAULT_PAGE] = PTELAB_FAULT_PAGE,
	[FAULT_INSERT_PAGES] = PTELAB_FAULT_INSERT_PAGES,
};

static struct miscdevice nodes[WAYS];

static int equal_open(struct inode *inode, struct file *filp)
{
	struct open_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	file->counts = kzalloc(sizeof(*file->counts), GFP_KERNEL);
	if (!file->counts) {
		kfree(file);
		return -ENOMEM;
	}
	file->way = twin_way_of(filp, nodes);
	file->door = doors[file->way];
	file->region = &regions[file->way];
	file->pages = file->region->singles;
	file->count = file->pages && file->door && !file->injected ? file->region->count : 0;
	mutex_init(&file->setup_lock);
	mutex_init(&file->lock);
	filp->private_data = file;
	return 0;
}

static int equal_release(struct inode *inode, struct file *filp)
{
	struct open_file *file = filp->private_data;

	kfree(file->counts);
	kfree(file);
	return 0;
}

static const struct file_operations equal_fops = {
	.owner = THIS_MODULE,
	.open = equal_open,
	.release = equal_release,
	.mmap = equal_mmap,
	.unlocked_ioctl = equal_ioctl,
};

static struct miscdevice nodes[WAYS] = TWIN_NODES("equal", &equal_fops);

static int region_init(struct region *of)
{
	mutex_init(&of->revoke);
	spin_lock_init(&of->lock);
	INIT_LIST_HEAD(&of->fillers);
	init_waitqueue_head(&of->gate_wait);
	of->backing = SINGLE;
	of->count = TWIN_PAGES;
	of->singles = twin_alloc_pages();
	return of->singles ? 0 : -ENOMEM;
}

static void free_regions(unsigned int count)
{
	while (count--)
		twin_free_pages(regions[count].singles);
}

static int __init equal_init(void)
{
	unsigned int way;
	int error = 0;

	for (way = 0; way < WAYS && !error; way++)
		error = region_init(&regions[way]);
	if (error) {
		free_regions(way - 1);
		return error;
	}
	error = twin_add_nodes(nodes);
	if (error)
		free_regions(WAYS);
	return error;
}

static void __exit equal_exit(void)
{
	twin_remove_nodes(nodes, WAYS);
	free_regions(WAYS);
}

module_init(equal_init);
module_exit(equal_exit);

MODULE_DESCRIPTION("What ptelab does for a mapping and a fault, in plain C, to be measured beside it");
MODULE_LICENSE("GPL");
