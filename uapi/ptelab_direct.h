/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ptelab: direct calls. The ioctls of ptelab.h let a mapping happen as a driver would; these make one call of the kernel's API
 * at a time, with the arguments that were asked for, and tell what it answered. The common rules of ptelab.h hold.
 */
#ifndef _UAPI_PTELAB_DIRECT_H
#define _UAPI_PTELAB_DIRECT_H

#include "ptelab.h"

/* One call of the family, made from the ioctl on a mapping of the calling process that is this file's. */
enum ptelab_call_id {
	PTELAB_CALL_INSERT_PAGE = 1,	/* vm_insert_page(vma, address, page) */
	PTELAB_CALL_INSERT_PAGES = 2,	/* vm_insert_pages: count pages from index on, source (if any) in place of number bad */
	PTELAB_CALL_MAP_PAGES = 3,	/* vm_map_pages of the first count pages of the region */
	PTELAB_CALL_MAP_PAGES_ZERO = 4,
	PTELAB_CALL_INSERT_PFN = 5,	/* vmf_insert_pfn; result is a VM_FAULT_* */
	PTELAB_CALL_INSERT_PFN_PROT = 6, /* ... with cache */
	PTELAB_CALL_INSERT_MIXED = 7,	/* vmf_insert_mixed */
	PTELAB_CALL_REMAP = 8,		/* remap_pfn_range(address, pfn of page index, bytes, vm_page_prot with cache) */
	PTELAB_CALL_IO_REMAP = 9,	/* io_remap_pfn_range */
	PTELAB_CALL_IOMAP = 10,		/* vm_iomap_memory(physical address of page index + offset, bytes) */
	PTELAB_CALL_REMAP_VMALLOC = 11,	/* remap_vmalloc_range of a buffer of count pages: source PLAIN_ or USER_VMALLOC */
	PTELAB_CALL_ZAP_SPECIAL = 12,	/* as ZAP, but the range is handed on unchecked */
	PTELAB_CALL_ZAP_VMA = 13,	/* zap_page_range_single, zap_vma_range */
	PTELAB_CALL_ZAP_MANY = 14,	/* zap_page_range */
	PTELAB_CALL_UNMAP_PAGES = 15,	/* unmap_mapping_pages(index, count) */
	PTELAB_CALL_FOLLOW_PFN = 16,	/* follow_pfn; value is 1 + index in the region, or 0 */
	PTELAB_CALL_FOLLOW_PTE = 17,	/* follow_pte; value as above */
	PTELAB_CALL_FOLLOW_PFNMAP = 18,	/* follow_pfnmap_start and _end; value as above, extra: bit 0 writable, bit 1 special */
	PTELAB_CALL_APPLY = 19,		/* apply_to_page_range(address, bytes); value: entries visited, extra: of these present */
	PTELAB_CALL_HANDLE_FAULT = 20,	/* handle_mm_fault(address); result is a VM_FAULT_* */
	PTELAB_CALL_FIXUP_FAULT = 21,	/* fixup_user_fault(address) */
	PTELAB_CALL_ACCESS_PROCESS = 22, /* access_process_vm of pid at address, 8 bytes: value; result: bytes done */
	PTELAB_CALL_INSERT_MIXED_PROT = 23,
	PTELAB_CALL_INSERT_MIXED_MKWRITE = 24,
	PTELAB_CALL_FOLLOW_PFN_ANY = 25, /* follow_pfn or follow_pfnmap_start, whichever there is; value and extra as theirs */
	PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP = 26, /* the same with might_sleep() before follow_pfnmap_end: a complaint of the kernel;
						 * EOPNOTSUPP without CONFIG_DEBUG_ATOMIC_SLEEP, where it might really sleep */
	PTELAB_CALL_INSERT_PAGE_MKWRITE = 27, /* vmf_insert_page_mkwrite, as from ->fault; with WRITE: of a write fault */
	PTELAB_CALLS
};

/* A page that is not the region's. Made when first asked for, kept until the file is closed. 0: the region's page index. */
enum ptelab_page_source {
	PTELAB_SOURCE_FRESH = 1,		/* an ordinary page of its own */
	PTELAB_SOURCE_ORDER1_TAIL = 2,	/* second page of a block that is neither compound nor split: reference count 0 */
	PTELAB_SOURCE_COMPOUND_TAIL = 3,
	PTELAB_SOURCE_SPLIT_TAIL = 4,
	PTELAB_SOURCE_SLAB = 5,		/* page of a small kmalloc() */
	PTELAB_SOURCE_KMALLOC_LARGE = 6,	/* first page of kmalloc(64 KiB or more) */
	PTELAB_SOURCE_ZERO = 7,		/* the shared zero page */
	PTELAB_SOURCE_ANON = 8,		/* the anonymous page at argument, of the calling process */
	PTELAB_SOURCE_PLAIN_VMALLOC = 9,	/* REMAP_VMALLOC: vmalloc() */
	PTELAB_SOURCE_USER_VMALLOC = 10,	/* REMAP_VMALLOC: vmalloc_user() */
	PTELAB_SOURCES
};

/*
 * CALL: result is what the kernel answered, 0 or -errno, or a VM_FAULT_* where said so. The ioctl itself fails with
 *   EFAULT      nothing is mapped at anchor; SOURCE_ANON: nothing at argument
 *   EINTR       killed while it waited or looked
 *   EINVAL      SOURCE_ANON: the page there is no anonymous one; else as ZAP (address must lie in the mapping or, for INSERT_*, ZAP_* and REMAP, may be up to PTELAB_CALL_MARGIN
 *               bytes outside of the one that holds anchor)
 *   EPERM       what the kernel would answer with a BUG, or with damage to memory: that is not done here; or with a warning in
 *               its log: that is done for a file that was opened with CAP_SYS_ADMIN
 *   EOPNOTSUPP  this kernel has no such call
 */
#define PTELAB_CALL_WRITE_LOCK	(1U << 0)	/* hold mmap_lock for write, as ->mmap does; else for reading, as ->fault does */
#define PTELAB_CALL_WRITE	(1U << 1)	/* HANDLE_FAULT, FIXUP_FAULT, ACCESS_PROCESS, INSERT_*_MKWRITE: for writing */
#define PTELAB_CALL_WRAP	(1U << 2)	/* IOMAP: a physical address so high that address + bytes overflows */
#define PTELAB_CALL_MISUSE	(1U << 3)	/* make the call though it breaks the driver's own contract, if that is all that is wrong
					 * with it (docs/refusals.md); with ptelab_misuse.ko and an opener with CAP_SYS_ADMIN, else EPERM */
#define PTELAB_CALL_MARGIN	(1U << 21)
struct ptelab_call {
	__u32 flags;		/* in: PTELAB_CALL_* */
	__u32 call;		/* in: enum ptelab_call_id */
	__u64 anchor;		/* in: an address in the mapping */
	__u64 address;		/* in: the address that the call gets */
	__u64 bytes;		/* in: where the call takes a size */
	__u64 index;		/* in: page of the region */
	__u64 count;		/* in: pages */
	__u64 offset;		/* in: IOMAP: bytes into the page */
	__u32 source;		/* in: enum ptelab_page_source, 0: none */
	__u32 cache;		/* in: enum ptelab_cache, 0: as vm_page_prot is */
	__u64 bad;		/* in: INSERT_PAGES: which of the pages the source replaces */
	__u64 argument;		/* in: SOURCE_ANON: its address; ACCESS_PROCESS with WRITE: the value */
	__u32 pid;		/* in: ACCESS_PROCESS: 0 or the caller's, else EPERM */
	__u32 reserved0;
	__s64 result;		/* out */
	__u64 left;		/* out: INSERT_PAGES: pages not inserted, as the kernel tells */
	__u64 value;		/* out */
	__u64 extra;		/* out */
	__u64 reserved[2];
};

/* What the kernel counts for one page of the region, or for a source. */
struct ptelab_page_info {
	__u32 flags;		/* in: PTELAB_PAGE_* */
	__u32 source;		/* in: enum ptelab_page_source; 0: page index */
	__u64 index;		/* in */
	__s64 references;	/* out: page_count(), of the head for a compound page */
	__s64 mappings;		/* out: how often it is mapped, with the kernel's rmap; -1: this kernel does not tell a module */
	__u64 pfn;		/* out: with CAP_SYS_ADMIN, else 0 */
	__u64 reserved[2];
};
/*
 * The driver drops its own reference of every page of the region while they may be mapped: vm_insert_page'd pages live on
 * in the page tables. Only _SINGLE backing and a node that counts its pages (INSERT_PAGE(S), FAULT_INSERT_PAGE, FAULT_PAGE),
 * else EOPNOTSUPP. After that the region has no memory: accesses not yet mapped get SIGBUS, read() and write() ENODEV.
 */
#define PTELAB_PAGE_DROP_ALL	(1U << 0)

/* Ways to pin or to get user pages. */
enum ptelab_pin_how {
	PTELAB_PIN_GET = 1,		/* get_user_pages */
	PTELAB_PIN_GET_FAST = 2,
	PTELAB_PIN_GET_FAST_ONLY = 3,
	PTELAB_PIN_GET_REMOTE = 4,
	PTELAB_PIN_GET_UNLOCKED = 5,
	PTELAB_PIN_PIN = 6,		/* pin_user_pages */
	PTELAB_PIN_PIN_FAST = 7,
	PTELAB_PIN_PIN_REMOTE = 8,
	PTELAB_PIN_PIN_UNLOCKED = 9,
	PTELAB_PIN_PIN_FAST_ONLY = 10,	/* EOPNOTSUPP without PTELAB_HAS_FAST_ONLY_PIN */
	PTELAB_PINS
};
#define PTELAB_PIN_WRITE	(1U << 0)	/* FOLL_WRITE */
#define PTELAB_PIN_FORCE	(1U << 1)	/* FOLL_FORCE */
#define PTELAB_PIN_LONGTERM	(1U << 2)	/* FOLL_LONGTERM */
#define PTELAB_PIN_KEEP		(1U << 3)	/* keep them until UNPIN or the file is closed; else they are given back at once */
#define PTELAB_PIN_NO_PAGES	(1U << 4)	/* pages == NULL: only fault them in */

/*
 * PIN: any address of the calling process, or of pid with a REMOTE way. result: pages got, or -errno. state of the first page:
 * its index in the region if it is one of ours, its first 8 bytes. EPERM: pid has not lent its memory to the file (LEND), ESRCH: it
 * has no such memory any more, ENOMEM: PIN_KEEP of more than RLIMIT_MEMLOCK allows, EINTR: killed. UNPIN gives back what PIN_KEEP kept: ENOENT if nothing.
 */
struct ptelab_pin {
	__u32 flags;		/* in: PTELAB_PIN_* */
	__u32 how;		/* in: enum ptelab_pin_how */
	__u64 address;		/* in */
	__u64 pages;		/* in: 1 to 512 */
	__u32 pid;		/* in: REMOTE only, 0: the caller */
	__u32 reserved0;
	__s64 result;		/* out */
	__u64 page;		/* out: 1 + index in the region, 0: not ours */
	__u64 bytes;		/* out: first 8 bytes of the first page, also of a kept one after UNPIN */
	__u64 pfn;		/* out: of the first page, with CAP_SYS_ADMIN */
	__u32 untouched;	/* out: 1: success was told but the first entry of pages[] was left as it was */
	__u32 anon;		/* out: 1: the first page is anonymous */
	__u64 reserved[2];
};

#define PTELAB_IOC_CALL		_IOWR(PTELAB_IOC_MAGIC, 0x0B, struct ptelab_call)
#define PTELAB_IOC_PAGE_INFO	_IOWR(PTELAB_IOC_MAGIC, 0x0C, struct ptelab_page_info)
#define PTELAB_IOC_PIN		_IOWR(PTELAB_IOC_MAGIC, 0x0D, struct ptelab_pin)
#define PTELAB_IOC_UNPIN	_IOWR(PTELAB_IOC_MAGIC, 0x0E, struct ptelab_pin)
/*
 * LEND: the calling process lends its memory to this open file: a PIN with a REMOTE way and its pid may look there then. Until it
 * executes another program or exits, the file is closed, or another process lends.
 */
#define PTELAB_IOC_LEND		_IO(PTELAB_IOC_MAGIC, 0x0F)

#endif /* _UAPI_PTELAB_DIRECT_H */
