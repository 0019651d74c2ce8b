/* SPDX-License-Identifier: GPL-2.0 */
/* What the glue keeps for one open file, in file->private_data. */
#ifndef PTELAB_FILE_H
#define PTELAB_FILE_H

#include <linux/mm.h>
#include <linux/mutex.h>

#include "../../uapi/ptelab_direct.h"
#include "../core.h"
#include "port/account.h"
#include "port/pending_mmaps.h"

struct ptelab_cdev;
struct ptelab_donors;
struct ptelab_kept;

struct ptelab_file {
	struct ptelab_session *session;
	struct file *filp;
	struct ptelab_cdev *cdev;
	unsigned int method;
	bool shows_pfns;		/* as pagemap: by the capability of who opened it (fs/proc/task_mmu.c: pagemap_read) */
	u64 number;			/* as QUERY and events tell it */
	struct port_awaited awaited;
	struct port_account account;
	struct mutex lock;		/* guards what follows; taken before mmap_lock, never in a hook */
	struct ptelab_donors *donors;	/* NULL: none was asked for */
	struct ptelab_kept *kept;	/* pages of PIN with PTELAB_PIN_KEEP, or NULL */
	struct mm_struct *lent;		/* mmgrab()bed, or NULL: nobody's (PTELAB_IOC_LEND) */
	struct pid *lender;
	struct mutex shape_lock;	/* guards what follows; nests in mmap_lock, and the session's mutex in it */
	bool mapped;			/* an mmap succeeded: the shape is what it is, and so is what follows */
	/* The short way of a fault. NULL: it has none, or somebody listens to it. */
	struct port_space *fault_gate;
	struct port_counts *counts;
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

/* Context: ->mmap or ->mmap_prepare, shape_lock held, before anybody can fault in it. */
static inline void file_is_mapped(struct ptelab_file *file)
{
	file->mapped = true;
	file->counts = ptelab_session_counts(file->session);
	file->fault_gate = file->shape.flags & PTELAB_SHAPE_EVENTS ? NULL : ptelab_fault_gate(file->session);
}

#endif
