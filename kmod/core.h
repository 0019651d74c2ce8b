/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other half of the seam: what the glue calls in the C++ core. Values in, values out: the core neither copies from user
 * space nor takes mmap_lock. Contexts are those of the kernel hooks that the names tell.
 */
#ifndef PTELAB_CORE_H
#define PTELAB_CORE_H

#include "facts.h"
#include "port.h"
#include "../uapi/ptelab_direct.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which vm_operations_struct a method's VMAs have: which members are there changes what the kernel does. */
enum ptelab_ops {
	PTELAB_OPS_PLAIN,	/* open, close, fault */
	PTELAB_OPS_ACCESS,	/* and access */
	PTELAB_OPS_HUGE,	/* and huge_fault */
	PTELAB_OPS_WHOLE,	/* and huge_fault and may_split */
	PTELAB_OPS_MAPPED,	/* and mapped */
	PTELAB_OPS_BARE,	/* open and close alone */
	PTELAB_OPS_KINDS
};

/* What a method is like, whatever file it is of. */
struct ptelab_traits {
	const char *name;		/* of the node */
	unsigned long long needs;	/* PTELAB_HAS_* without which this kernel has no such node */
	enum ptelab_ops ops;
	unsigned int backings;		/* bits 1 << enum ptelab_backing */
	unsigned int default_backing;
	bool prepares;			/* has ->mmap_prepare in place of ->mmap */
	bool eager;			/* filled at mmap */
	bool counts_pages;		/* each mapping of a page holds a reference, always */
	bool ignores_offset;		/* vm_pgoff of the mmap means nothing */
	bool gives_pages;		/* ->fault returns the page, and needs nothing else */
	bool one_pmd;			/* its folio must be just as large as what a PMD maps */
	bool custom;			/* its VMA is what VMA_SETUP made it */
};
const struct ptelab_traits *ptelab_traits_of(unsigned int method);	/* below PTELAB_METHODS; of 0: all zero */

/* The region that a node has of its own, alive as long as the node. Sleep. */
struct ptelab_node;
/* device: the BAR of PTELAB_IOMAP, else NULL: its memory is taken when the first file opens. 0 or -errno, and nothing is left. */
int ptelab_node_new(struct ptelab_node **node, unsigned int method, unsigned long pages, struct port_device *device);
void ptelab_node_free(struct ptelab_node *node);
/* The device is going away: every mapping loses it for good. After this the BAR is no longer touched. */
void ptelab_node_kill(struct ptelab_node *node);

/* ->open and ->release. Sleep. The VMAs of a file pin it, so release is called after the last of them is gone. */
/* awaited, account, misuser: the open file's, which outlive the session's last use of them. */
int ptelab_session_new(struct ptelab_session **session, struct ptelab_node *node, struct file *file,
		       struct port_awaited *awaited, struct port_account *account, struct port_misuser *misuser);
void ptelab_session_free(struct ptelab_session *session);
struct port_counts *ptelab_session_counts(struct ptelab_session *session);
unsigned int ptelab_session_method(const struct ptelab_session *session);

/* ->mmap: 0 or -errno. */
int ptelab_mmap(struct ptelab_session *session, struct vm_area_struct *vma);
/*
 * The first pages of one that is about to fail, at most as many as the VMA has; none where the method inserts no pages. 0 or
 * -errno; the kernel takes out what was inserted.
 */
int ptelab_mmap_part(struct ptelab_session *session, struct vm_area_struct *vma, unsigned long pages);

/* ->mmap_prepare, of the methods that have it in place of ->mmap: 0 or -errno. */
int ptelab_mmap_prepare(struct ptelab_session *session, struct port_vma_desc *desc);
/* ->mapped, mmap_lock held for write: what ->mmap_prepare asked for is done. 0 or -errno, and then the kernel unmaps it. */
int ptelab_mapped(struct ptelab_session *session, struct vm_area_struct *vma);

/*
 * ->fault. pgoff in pages. A PORT_FAULT_* code, or 0 with the page given. Counts it, and an error; PORT_FAULT_NOPAGE without an entry is
 * never told to who is being killed. vmf first, as in what is called with it: so it stays in its register.
 */
unsigned int ptelab_fault(struct vm_fault *vmf, struct ptelab_session *session, unsigned long pgoff);
/* ->huge_fault for a PMD, and for a PUD. */
unsigned int ptelab_huge_fault(struct ptelab_session *session, struct vm_fault *vmf, unsigned long pgoff);
unsigned int ptelab_huge_fault_pud(struct ptelab_session *session, struct vm_fault *vmf, unsigned long pgoff);

/* Any hook: counts the call, and says what INJECT wants of this one. Sleeps; the session's mutex nests in mmap_lock. */
struct ptelab_injection ptelab_hook_answer(struct ptelab_session *session, unsigned int hook);

/* VMA_SETUP: the memory type in place of REGION_SETUP's, on what the file maps from now on; 0: REGION_SETUP's. */
int ptelab_set_cache(struct ptelab_session *session, unsigned int cache);

/* What the method of the file is like. */
bool ptelab_fills_at_mmap(const struct ptelab_session *session);
/*
 * ->may_split, the file is mapped or about to be: 0, or -EINVAL of a hole. No part of what a PUD maps may be zapped or unmapped
 * either: a BUG with DEBUG_VM (mm/huge_memory.c: __split_huge_pud_locked), or mmap_lock asserted (mm/memory.c: zap_pud_range).
 */
int ptelab_may_split(const struct ptelab_session *session);
bool ptelab_counts_pages(const struct ptelab_session *session);	/* each mapping of a page holds a reference, always */

/* The file's region. */
unsigned long ptelab_pages(struct ptelab_session *session);
struct page *ptelab_page_get(struct ptelab_session *session, unsigned long index);	/* a reference, or NULL: none, or revoked */
unsigned long ptelab_find(struct ptelab_session *session, unsigned long pfn);		/* 1 + index, or 0 */
bool ptelab_contiguous(struct ptelab_session *session, unsigned long index, unsigned long pages);
struct port_space *ptelab_own_space(struct ptelab_session *session);	/* NULL: the region is the node's, or no RAM */
void ptelab_zap_everywhere(struct ptelab_session *session);	/* unmap_mapping_range over all of it; no lock of ->fault's held */
bool ptelab_fault_revoked(const struct ptelab_session *session);	/* in a fault hook; the page lock may be held */
/*
 * Keep REVOKE waiting while something is put into page tables: mmap_lock is held and the file is mapped, which fixes its region;
 * the session's mutex, which does not nest in the gate, is not taken. false: revoked, nothing is held.
 */
bool ptelab_gate_enter(struct ptelab_session *session);
void ptelab_gate_leave(struct ptelab_session *session);
/* One at a time decides whether a PMD of the region's is filled as a whole (port_space_leaf_lock()). The file is mapped; sleeps. */
void ptelab_leaf_lock(const struct ptelab_session *session);
void ptelab_leaf_unlock(const struct ptelab_session *session);
int ptelab_drop_pages(struct ptelab_session *session);	/* PTELAB_PAGE_DROP_ALL */

/* read, write, llseek, ->access: the region's bytes. */
unsigned long long ptelab_size(struct ptelab_session *session);
/*
 * As many of the bytes at the offset as lie in one page, to or from kernel memory: how many those were, 0 at or past the end of the
 * region, or -errno. A REVOKE waits for it: -ENODEV after that. Process context; sleeps.
 */
long ptelab_copy(struct ptelab_session *session, unsigned long long offset, unsigned long bytes, void *buffer, bool write);

/* May the glue make this call? 0 or -errno. Any context. */
int ptelab_call_verdict(const struct ptelab_call_facts *facts);
int ptelab_page_source_verdict(const struct ptelab_page_source_facts *facts);
int ptelab_page_info_verdict(const struct ptelab_page_info *arg);
int ptelab_pin_verdict(const struct ptelab_pin_facts *facts, const struct ptelab_pin *arg);
int ptelab_unpin_verdict(const struct ptelab_pin_facts *facts, const struct ptelab_pin *arg);
int ptelab_vma_setup_verdict(struct ptelab_session *session, const struct ptelab_vma_setup *vma_setup);	/* VMA_SETUP: the file is not mapped yet */
bool ptelab_maps_leaves(const struct ptelab_session *session);	/* ->fault or ->huge_fault may map a whole PMD or PUD */

/* ioctls, after the glue has copied the argument in; outputs are copied out by the glue if 0 was returned. */
int ptelab_ioctl_query(struct ptelab_session *session, struct ptelab_query *arg);	/* all but absence[] */
int ptelab_ioctl_region_setup(struct ptelab_session *session, const struct ptelab_region_setup *arg);
int ptelab_setup_ended(struct ptelab_session *session);	/* after a REGION_SETUP that was right, with no lock held */
int ptelab_ioctl_zap(struct ptelab_session *session, struct ptelab_zap *arg);
int ptelab_ioctl_unmap(struct ptelab_session *session, const struct ptelab_unmap *arg);
int ptelab_ioctl_revoke(struct ptelab_session *session, const struct ptelab_revoke *arg);
int ptelab_ioctl_restore(struct ptelab_session *session, const struct ptelab_revoke *arg);
/* Number of entries for the glue to allocate, or -errno; then fill them. */
long ptelab_ioctl_lookup_entries(const struct ptelab_lookup *arg);
int ptelab_ioctl_lookup(struct ptelab_session *session, const struct ptelab_lookup *arg, struct ptelab_pte *entries, bool show_pfn);
int ptelab_ioctl_inject(struct ptelab_session *session, const struct ptelab_injection *arg);
int ptelab_ioctl_stats(struct ptelab_session *session, struct ptelab_stats *arg);

#ifdef __cplusplus
}
#endif
#endif
