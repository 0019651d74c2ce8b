/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the glue finds out before it makes a single call of the kernel's (CALL), and hands to the core, which says
 * whether it is made: values only, so that every combination of them can be tried in user space.
 */
#ifndef PTELAB_FACTS_H
#define PTELAB_FACTS_H

#ifndef __cplusplus
#include <linux/types.h>
#endif

struct ptelab_call_facts {
	/* the call */
	unsigned int call;	/* enum ptelab_call_id */
	bool write_locked;	/* mmap_lock is held for writing, else for reading */
	bool for_write;		/* PTELAB_CALL_WRITE */
	bool other_process;	/* ACCESS_PROCESS: pid is neither 0 nor the caller's */
	bool may_warn;		/* the file was opened with CAP_SYS_ADMIN: what makes the kernel print a warning is done */
	/* the VMA */
	bool pfnmap;
	bool mixedmap;
	bool cow;		/* may be written, and is not shared */
	bool anonymous;		/* no vm_ops: the core fills it, with huge pages if it likes */
	bool writable;		/* VM_WRITE */
	bool may_write;		/* VM_WRITE or VM_MAYWRITE */
	/* the file */
	bool counts_pages;	/* each mapping of a page holds a reference, and a page may go while it is mapped */
	bool divisible;		/* no entry of its mappings is more than a PMD */
	bool maps_leaves;	/* a fault may at any moment map more than a page at once */
	/* the range that the call is given, in whole pages */
	bool inside;		/* lies in the VMA */
	bool whole;		/* is all of it */
	bool aligned;		/* address and size are multiples of a page */
	bool odd;		/* REMAP: the address is inside a page */
	bool empty;		/* size 0 */
	bool wraps;		/* past the end of all addresses */
	bool meets_hugetlb;	/* touches a mapping of hugetlb */
	unsigned int entries;	/* PTELAB_PTE_* of all that the page tables hold there, or of what is not the VMA's: none */
	/* what is to be put there */
	unsigned int source;	/* enum ptelab_page_source; 0: the region */
	bool found;		/* there is such a page, or such pages, or such a buffer */
	bool in_a_row;		/* they are physically contiguous, as far as the call goes */
	bool part_of_page;	/* IOMAP: less than a page is asked for, or it does not begin in this one */
	/* the kernel */
	bool mixed_is_bug;	/* vmf_insert_mixed without VM_MIXEDMAP is a BUG, not SIGBUS */
	bool follow_is_bug;	/* follow_pfn and follow_pte take a huge leaf for a page table */
};

/* A page that is not the region's, when it was asked for. */
struct ptelab_page_source_facts {
	unsigned int source;	/* enum ptelab_page_source */
	bool mapped;		/* ANON: there is a page at the address */
	bool anonymous;		/* ANON: and it is an anonymous one */
	bool made;		/* else: there was memory for it */
};

/* What PIN and UNPIN depend on beside their argument. */
struct ptelab_pin_facts {
	bool lent;		/* the process with this pid has lent its memory to the file */
	bool keeps;		/* the file has pages of a PIN_KEEP */
	bool may_warn;		/* the file was opened with CAP_SYS_ADMIN */
	bool has_fast_only;	/* the kernel has pin_user_pages_fast_only() */
};

#endif
