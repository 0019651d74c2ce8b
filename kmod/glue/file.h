/* SPDX-License-Identifier: GPL-2.0 */
/* What the glue keeps for one open file, in file->private_data. */
#ifndef PTELAB_FILE_H
#define PTELAB_FILE_H

#include <linux/mm.h>
#include <linux/mutex.h>

#include "../../uapi/ptelab_direct.h"
#include "glue.h"

struct ptelab_donors;
struct ptelab_kept;

struct ptelab_file {
	struct ptelab_session *session;
	struct ptelab_cdev *cdev;
	unsigned int method;
	bool shows_pfns;		/* as pagemap: by the capability of who opened it (fs/proc/task_mmu.c: pagemap_read) */
	u64 number;			/* as QUERY and events tell it */
	struct mm_struct *opener;	/* mmgrab()bed: its pinned_vm has what is charged */
	atomic_long_t charged;		/* pages */
	struct list_head awaited;	/* port_file_await_mmap(); the session's mutex guards it */
	struct mutex lock;		/* guards what follows; taken before mmap_lock, never in a hook */
	struct ptelab_donors *donors;	/* NULL: none was asked for */
	struct ptelab_kept *kept;	/* pages of PIN with PTELAB_PIN_KEEP, or NULL */
	struct mm_struct *lent;		/* mmgrab()bed, or NULL: nobody's (PTELAB_IOC_LEND) */
	struct pid *lender;
	struct mutex shape_lock;	/* guards what follows; nests in mmap_lock, and the session's mutex in it */
	bool mapped;			/* an mmap succeeded: the shape is what it is */
	bool shaped;
	/* Written once, before the first mmap: hooks read it without a lock. */
	struct ptelab_shape shape;
	struct vm_operations_struct vm_ops;	/* with PTELAB_SHAPE_HOOKS */
	struct page **bad_pages;	/* PTELAB_ANSWER_BAD_PAGE; guarded by shape_lock, kept until release, or NULL */
};

static inline struct ptelab_file *file_of(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/* port_live.c: port_live_begin(), or with mmap_lock held for write, which the caller then unlocks */
int ptelab_live_begin(struct vm_area_struct **vma, const struct ptelab_session *session, unsigned long addr, bool write);

/* port_space.c: release: forget what port_file_await_mmap() was told */
void ptelab_awaited_free(struct list_head *of_file);

/* shape.c */
int ptelab_shape_set(struct file *filp, const struct ptelab_shape *shape);
void ptelab_shape_apply(const struct ptelab_file *file, struct vm_area_struct *vma);
void ptelab_shape_undo(struct ptelab_file *file);	/* release: no VMA is left */

/* events.c: what a hook saw and answered; nothing unless the file wants events */
int ptelab_events_init(void);
void ptelab_events_exit(void);
struct ptelab_event ptelab_event_of(const struct ptelab_file *file, unsigned int hook, const struct vm_area_struct *vma);
u32 ptelab_event_lock(const struct ptelab_file *file, struct mm_struct *mm);	/* for a hook that has no VMA */
void ptelab_event_record(const struct ptelab_file *file, struct ptelab_event *event);
int ptelab_events_read(struct ptelab_events *arg);

/* donors.c: a page that is not the region's, with a reference for the caller, or ERR_PTR. lock is held. */
struct page *ptelab_donor_get(struct ptelab_file *file, unsigned int donor, unsigned long address);
void ptelab_donor_put(unsigned int donor, struct page *page);
void *ptelab_donor_vmalloc(struct file *filp, unsigned int donor, unsigned long pages);
void ptelab_donors_free(struct ptelab_donors *donors);

/* call.c, page_info.c, pin.c: the ioctls of uapi/ptelab_direct.h */
int ptelab_call(struct file *filp, struct ptelab_call *arg);
int ptelab_page_info(struct ptelab_file *file, struct ptelab_page_info *arg);
int ptelab_pin(struct file *filp, struct ptelab_pin *arg);
int ptelab_unpin(struct file *filp, struct ptelab_pin *arg);
void ptelab_kept_free(struct ptelab_file *file);
int ptelab_lend(struct ptelab_file *file);

#endif
