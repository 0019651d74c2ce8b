// SPDX-License-Identifier: GPL-2.0
/*
 * The equal twin: in plain C what ptelab does for a mapping and for a fault. The same gate, counts and locks in the same order, the
 * same kinds of memory to tell apart, the same hand-over of a page, the same wait for an mmap that is under way. So ptelab beside
 * it shows what C++ costs, and it beside the bare twin what revoking and counting cost.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/percpu-rwsem.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

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
	struct percpu_rw_semaphore gate;
	bool open;			/* the gate guards it and restores */
	u64 restores;
	struct mutex revoke;
	spinlock_t lock;		/* guards fillers */
	struct list_head fillers;
};

struct open_file {
	struct region *region;
	struct counts *counts;
	struct region *fault_gate;	/* NULL: somebody listens, or a fault is injected */
	enum twin_way way;
	unsigned int door;		/* enum ptelab_method: as many as ptelab has to tell apart */
	bool listens;
	unsigned int injected;
	struct mutex shape_lock;
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

static noinline void gate_wait(struct region *of)
{
	percpu_down_read(&of->gate);
}

static __always_inline void gate_enter(struct region *of)
{
	might_sleep_if(IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP));
	if (unlikely(!percpu_down_read_trylock(&of->gate)))
		gate_wait(of);
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

/* REVOKE closes the gate, and then takes each page's lock: it sees the entry, which is set with the page locked, or is seen here. */
static vm_fault_t hand_over(struct vm_fault *vmf, const struct region *gate)
{
	lock_page(vmf->page);
	if (likely(READ_ONCE(gate->open)))
		return VM_FAULT_LOCKED;
	count(file_of(vmf->vma), FAULT_ERRORS);
	unlock_page(vmf->page);
	put_page(vmf->page);
	vmf->page = NULL;
	return VM_FAULT_SIGBUS;
}

static noinline vm_fault_t insert_collected(struct vm_fault *vmf, const struct region *of, unsigned long most)
{
	struct page *pages[TWIN_AROUND];
	unsigned long left = most;
	unsigned long i;

	for (i = 0; i < most; i++)
		pages[i] = page_at(of, vmf->pgoff + i);
	return vm_insert_pages(vmf->vma, vmf->address, pages, &left) && left == most ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

/* By itself, as it needs a stack frame. */
static noinline vm_fault_t insert_around(struct vm_fault *vmf, const struct region *of)
{
	unsigned long most = min3(TWIN_AROUND, of->count - vmf->pgoff, (vmf->vma->vm_end - vmf->address) >> PAGE_SHIFT);
	struct page **pages = listed(of, vmf->pgoff);
	unsigned long left = most;
	int error;

	if (!pages)
		return insert_collected(vmf, of, most);
	error = vm_insert_pages(vmf->vma, vmf->address, pages, &left);
	if (likely(!error || left < most || error == -EBUSY))
		return VM_FAULT_NOPAGE;
	return error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

static vm_fault_t serve(const struct open_file *file, struct vm_fault *vmf)
{
	const struct region *of = file->region;

	if (vmf->pgoff >= of->count || !of->open)
		return VM_FAULT_SIGBUS;
	switch (file->door) {
	case PTELAB_FAULT_INSERT_PAGE:
		return vmf_insert_page(vmf->vma, vmf->address, page_at(of, vmf->pgoff));
	case PTELAB_FAULT_PAGE:
		vmf->page = page_at(of, vmf->pgoff);
		get_page(vmf->page);
		return VM_FAULT_LOCKED;
	case PTELAB_FAULT_INSERT_PFN:
		return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page_at(of, vmf->pgoff)));
	case PTELAB_FAULT_INSERT_PAGES:
		return insert_around(vmf, of);
	case PTELAB_FAULT_INSERT_MIXED:
		return compat_insert_mixed(vmf->vma, vmf->address, page_to_pfn(page_at(of, vmf->pgoff)));
	default:
		return VM_FAULT_SIGBUS;
	}
}

/* Of a file to which somebody listens, or of which a fault is injected: neither can be asked of a twin. */
static noinline vm_fault_t fault_the_long_way(struct vm_fault *vmf)
{
	count(file_of(vmf->vma), FAULT_ERRORS);
	return VM_FAULT_SIGBUS;
}

/* The gate is left, and no entry was set, or we are being killed. */
static noinline vm_fault_t fault_after_gate(struct vm_fault *vmf, vm_fault_t answer)
{
	if (answer == VM_FAULT_NOPAGE)
		return VM_FAULT_SIGBUS;
	count(file_of(vmf->vma), FAULT_ERRORS);
	return answer;
}

static vm_fault_t equal_fault(struct vm_fault *vmf)
{
	struct open_file *file = file_of(vmf->vma);
	struct region *gate = file->fault_gate;
	vm_fault_t answer;

	if (unlikely(!gate))
		return fault_the_long_way(vmf);
	count(file, FAULTS);
	gate_enter(gate);
	answer = serve(file, vmf);
	percpu_up_read(&gate->gate);
	if (likely(answer == VM_FAULT_NOPAGE && !fatal_signal_pending(current)))
		return VM_FAULT_NOPAGE;
	return likely(answer == VM_FAULT_LOCKED) ? hand_over(vmf, gate) : fault_after_gate(vmf, answer);
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

	for (i = 0; i < count && !error; i++)
		error = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT), pages ? pages[i] : page_at(of, vma->vm_pgoff + i));
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

	gate_enter(of);
	error = of->open ? fill_tracked(vma, of, way) : -ENODEV;
	percpu_up_read(&of->gate);
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

static int map_shaped(struct open_file *file, struct vm_area_struct *vma)
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
	file->fault_gate = file->listens || file->injected ? NULL : file->region;
	return 0;
}

static int equal_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct open_file *file = filp->private_data;
	int error;

	mutex_lock(&file->shape_lock);
	error = map_shaped(file, vma);
	mutex_unlock(&file->shape_lock);
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

static void set_open(struct region *of, bool open)
{
	percpu_down_write(&of->gate);
	WRITE_ONCE(of->open, open);
	of->restores += open;
	percpu_up_write(&of->gate);
}

/* Whoever passed the gate before has set its entry, or holds the page's lock until it has. */
static void revoke(struct region *of, struct address_space *mapping)
{
	struct mm_struct *mm;
	unsigned long i;

	mutex_lock(&of->revoke);
	set_open(of, false);
	for (i = 0; i < of->count; i++) {
		cond_resched();
		lock_page(page_at(of, i));
		unlock_page(page_at(of, i));
	}
	unmap_mapping_range(mapping, 0, 0, true);
	while ((mm = next_unsettled(of))) {
		mmap_read_lock(mm);
		mmap_read_unlock(mm);
		mmdrop(mm);
	}
	unmap_mapping_range(mapping, 0, 0, true);
	mutex_unlock(&of->revoke);
}

static void restore(struct region *of)
{
	mutex_lock(&of->revoke);
	set_open(of, true);
	mutex_unlock(&of->revoke);
}

static long equal_ioctl(struct file *filp, unsigned int cmd, unsigned long argument)
{
	struct open_file *file = filp->private_data;

	if (cmd == EQUAL_IOC_REVOKE)
		revoke(file->region, filp->f_mapping);
	else if (cmd == EQUAL_IOC_RESTORE)
		restore(file->region);
	else
		return -ENOTTY;
	return 0;
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
	mutex_init(&file->shape_lock);
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
	of->open = true;
	of->backing = SINGLE;
	of->count = TWIN_PAGES;
	of->singles = twin_alloc_pages();
	if (!of->singles)
		return -ENOMEM;
	if (percpu_init_rwsem(&of->gate)) {
		twin_free_pages(of->singles);
		return -ENOMEM;
	}
	return 0;
}

static void free_regions(unsigned int count)
{
	while (count--) {
		percpu_free_rwsem(&regions[count].gate);
		twin_free_pages(regions[count].singles);
	}
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
