/* SPDX-License-Identifier: GPL-2.0 */
/* What the glue keeps for one open file, in file->private_data. */
#ifndef PTELAB_FILE_H
#define PTELAB_FILE_H

#include <linux/mm.h>
#include <linux/mutex.h>

#include "../../uapi/ptelab_direct.h"
#include "../core.h"
#include "port/account.h"
#include "port/misuse.h"
#include "port/pending_mmaps.h"

struct ptelab_cdev;
struct ptelab_page_sources;
struct ptelab_kept;

struct ptelab_file {
	struct ptelab_session *session;
	struct file *filp;
	struct ptelab_cdev *cdev;
	unsigned int method;
	bool opened_by_admin;		/* shown pfns, as by pagemap (fs/proc/task_mmu.c: pagemap_read), and let make the kernel warn */
	u64 number;			/* as QUERY and events tell it */
	struct port_awaited awaited;
	struct port_account account;
	struct port_misuser misuser;
	struct mutex lock;		/* guards what follows; taken before mmap_lock, never in a hook */
	struct ptelab_page_sources *sources;	/* NULL: none was asked for */
	struct ptelab_kept *kept;	/* pages of PIN with PTELAB_PIN_KEEP, or NULL */
	struct mm_struct *lent;		/* mmgrab()bed, or NULL: nobody's (PTELAB_IOC_LEND) */
	struct pid *lender;
	struct mutex vma_setup_lock;	/* guards what follows; nests in mmap_lock, and the session's mutex in it */
	bool mapped;			/* an mmap succeeded: the vma_setup is what it is */
	bool custom;
	/* Written once, before the first mmap: hooks read it without a lock. */
	struct ptelab_vma_setup vma_setup;
	struct vm_operations_struct vm_ops;	/* with PTELAB_VMA_SETUP_HOOKS */
	struct page **bad_pages;	/* PTELAB_ANSWER_BAD_PAGE; guarded by vma_setup_lock, kept until release, or NULL */
};

static inline struct ptelab_file *file_of(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

#endif
