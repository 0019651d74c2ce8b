/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ptelab: the ABI of the /dev/ptelab/ nodes.
 *
 * A node is one way in which a driver can hand memory to user space. Each works with plain open() and mmap(); the ioctls
 * below are for those who want to set it up differently, take the mapping away, or look at what the kernel holds.
 *
 * Common rules
 *   addresses, offsets, sizes   bytes; a multiple of the kernel's page size where said so
 *   reserved fields, flags      must be 0, else EINVAL; an unknown ioctl is ENOTTY
 *   a bad user pointer          EFAULT, and nothing has happened
 *   enum value 0                reserved, or "the node's default" where said so
 *   state set by an ioctl       belongs to the open file and dies with it
 *   locks                       no ioctl takes mmap_lock while it copies from or to user memory
 */
#ifndef _UAPI_PTELAB_H
#define _UAPI_PTELAB_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PTELAB_ABI 1

/* How a node maps. Bit (1 << value) stands for it in masks. */
enum ptelab_method {
	PTELAB_INSERT_PAGE = 1,		/* vm_insert_page at mmap, whole VMA */
	PTELAB_FAULT_INSERT_PAGE = 2,	/* vm_insert_page from ->fault, VM_MIXEDMAP */
	PTELAB_FAULT_PAGE = 3,		/* ->fault returns the page, the core sets the PTE */
	PTELAB_FAULT_INSERT_PFN = 4,	/* vmf_insert_pfn from ->fault, VM_PFNMAP, has ->access */
	PTELAB_REMAP_PFN = 5,		/* remap_pfn_range at mmap, no ->access */
	PTELAB_IOMAP = 6,		/* vm_iomap_memory at mmap, on a device's own memory */
	PTELAB_METHODS			/* one past the last */
};

/* Where the bytes of a region live. */
enum ptelab_backing {
	PTELAB_BACKING_SINGLE = 1,	/* order-0 pages, each allocated alone */
	PTELAB_BACKING_COMPOUND = 2,	/* one compound page; the size must be a power of two */
	PTELAB_BACKING_SPLIT = 3,	/* one block of contiguous pages, split: each has its own reference */
	PTELAB_BACKING_VMALLOC = 4,	/* vmalloc_user() */
	PTELAB_BACKING_DEVICE = 5,	/* a PCI BAR; PTELAB_IOMAP only */
	PTELAB_BACKINGS
};

/*
 * The memory type asked for with vma->vm_page_prot. RAM stays write-back on x86 whatever is asked
 * (arch/x86/mm/pat/memtype.c: reserve_pfn_range), and so only PTELAB_BACKING_DEVICE takes another.
 */
enum ptelab_cache {
	PTELAB_CACHE_WRITE_BACK = 1,
	PTELAB_CACHE_UNCACHED = 2,	/* pgprot_noncached */
	PTELAB_CACHE_WRITE_COMBINING = 3, /* pgprot_writecombine */
	PTELAB_CACHES
};

/* What ->fault does instead of serving. */
enum ptelab_fault_action {
	PTELAB_FAULT_SERVE = 1,
	PTELAB_FAULT_SIGBUS = 2,	/* VM_FAULT_SIGBUS */
	PTELAB_FAULT_OOM = 3,		/* VM_FAULT_OOM; the core retries a user access for ever, it can be killed */
	PTELAB_FAULT_RETRY = 4,		/* drop the lock, VM_FAULT_RETRY; served where the core does not allow that */
	PTELAB_FAULT_DELAY = 5,		/* sleep fault_delay_ms (killable), then serve */
	PTELAB_FAULT_ACTIONS
};

/* Why a node is not there. */
enum ptelab_absence {
	PTELAB_PRESENT = 1,
	PTELAB_ABSENT_NO_DEVICE = 2,	/* no PCI device 1af4:1110 (QEMU's ivshmem-plain) was found */
	PTELAB_ABSENT_BAD_BAR = 3,	/* its BAR 2 is not memory, or is smaller than 4 MiB */
	PTELAB_ABSENT_BUSY = 4,		/* another driver has its BAR 2 */
	PTELAB_ABSENT_NO_MEMORY = 5,	/* the kernel had no memory for it when the device was found */
	PTELAB_ABSENT_REMOVED = 6	/* it was unplugged */
};

/* What this kernel has: found when the module was built, never a version number. */
#define PTELAB_HAS_ZAP_SPECIAL		(1ULL << 0) /* a zap for driver VMAs: zap_vma_ptes or zap_special_vma_range */
#define PTELAB_HAS_ZAP_SPECIAL_MIXED	(1ULL << 1) /* ... that also acts on VM_MIXEDMAP (zap_special_vma_range) */
#define PTELAB_HAS_ZAP_VMA		(1ULL << 2) /* a zap of one VMA of any kind: zap_vma_range, zap_page_range_single */
#define PTELAB_HAS_ZAP_MANY		(1ULL << 3) /* zap_page_range, which runs on into the following VMAs */
#define PTELAB_HAS_VM_FLAGS_SET		(1ULL << 4) /* vm_flags_set(), with its assertion of the write lock */
#define PTELAB_HAS_FOLLOW_PFN		(1ULL << 5) /* follow_pfn */
#define PTELAB_HAS_FOLLOW_PFNMAP	(1ULL << 6) /* follow_pfnmap_start */
#define PTELAB_HAS_MMAP_PREPARE		(1ULL << 7) /* f_op->mmap_prepare */
#define PTELAB_HAS_FAULT_VMA_LOCK	(1ULL << 8) /* faults under the per-VMA lock */

/* QUERY: what this node, this file's region and this kernel are. Never fails but for EFAULT and EINVAL. */
struct ptelab_query {
	__u32 flags;		/* in: 0 */
	__u32 abi;		/* PTELAB_ABI */
	__u32 method;		/* enum ptelab_method */
	__u32 backing;		/* enum ptelab_backing */
	__u32 cache;		/* enum ptelab_cache */
	__u32 page_shift;	/* log2 of the kernel's page size */
	__u32 revoked;		/* 1: REVOKE is in force */
	__u32 has_access;	/* 1: the VMA has ->access, so ptrace and /proc/PID/mem can read a PFN mapping */
	__u64 pages;		/* size of this file's region */
	__u64 max_pages;	/* most that SETUP takes with PTELAB_BACKING_SINGLE or _VMALLOC */
	__u64 max_block_pages;	/* most that it takes with _COMPOUND or _SPLIT */
	__u64 features;		/* PTELAB_HAS_* */
	__u32 absence[32];	/* [method]: enum ptelab_absence; 0 where there is no such method */
	__u64 reserved[4];	/* in: 0 */
};

/*
 * SETUP: give this open file a fresh, zeroed region of its own in place of the node's shared one.
 *   EBUSY       the file has been mapped, or has a region of its own already; or (IOMAP) another file uses the device with
 *               another memory type
 *   EINVAL      a value out of range: pages over the maximum, _COMPOUND with pages no power of two
 *   EOPNOTSUPP  the node cannot do it: an action on a node without ->fault, a memory type on RAM, DEVICE on RAM and
 *               the other way round, REMAP_PFN of _COMPOUND or _VMALLOC
 *   ENOMEM      and the file keeps the region that it had
 * On PTELAB_IOMAP the region is the device, which exists once: SETUP selects the memory type only.
 */
struct ptelab_setup {
	__u32 flags;		/* in: 0 */
	__u32 backing;		/* enum ptelab_backing, 0: the node's default */
	__u64 pages;		/* 0: the node's default */
	__u32 cache;		/* enum ptelab_cache, 0: the node's default */
	__u32 fault_action;	/* enum ptelab_fault_action, 0: serve */
	__u64 fault_after;	/* faults that are served before the action begins */
	__u64 fault_count;	/* faults that it applies to, then they are served again; 0: all */
	__u32 fault_delay_ms;	/* for PTELAB_FAULT_DELAY, 1 to 10000; else 0 */
	__u32 reserved0;
	__u64 reserved[4];
};

#define PTELAB_LOOKUP_MAX	65536	/* most pages of one ZAP or LOOKUP */

/* Which call ZAP makes. */
enum ptelab_zap_how {
	PTELAB_ZAP_SPECIAL = 1,	/* zap_vma_ptes, or its successor zap_special_vma_range */
	PTELAB_ZAP_VMA = 2	/* zap_page_range_single or zap_vma_range; zap_page_range kept inside the VMA */
};

/*
 * ZAP: remove the page table entries of [address, address + bytes) from the calling process. The mapping must be this
 * file's, the range must lie inside one VMA. The two counts are read from the page tables before and after, because
 * zap_vma_ptes says nothing when it does nothing (mm/memory.c: zap_vma_ptes on VM_MIXEDMAP).
 *   EFAULT      nothing is mapped at address
 *   EINVAL      not page-aligned, 0 bytes, more than PTELAB_LOOKUP_MAX pages, the mapping is not this file's
 *   ERANGE      the range leaves the VMA
 *   EOPNOTSUPP  this kernel exports no such call
 * Takes mmap_lock for reading.
 */
struct ptelab_zap {
	__u32 flags;		/* in: 0 */
	__u32 how;		/* in: enum ptelab_zap_how */
	__u64 address;		/* in */
	__u64 bytes;		/* in */
	__u64 present_before;	/* out: pages of the range that were present */
	__u64 present_after;	/* out */
	__u64 reserved[2];
};

/*
 * UNMAP: unmap_mapping_range() over the region's bytes [offset, offset + bytes) in every process that maps it.
 * bytes 0: to the end of the file, as the kernel's own holelen. offset + bytes must not overflow: EINVAL.
 */
#define PTELAB_UNMAP_EVEN_COWS	(1U << 0)	/* private copies go too */
struct ptelab_unmap {
	__u32 flags;		/* in: PTELAB_UNMAP_* */
	__u32 reserved0;
	__u64 offset;		/* in */
	__u64 bytes;		/* in */
	__u64 reserved[2];
};

/*
 * REVOKE: from its return on, every access through any mapping of the region, in any process, gets SIGBUS, and read() and
 * write() of the region give ENODEV; private copies are gone too. RESTORE ends that: faults are served again, and a mapping
 * that was filled at mmap is filled page by page on access. Both may be repeated. One exception: a MAP_PRIVATE mapping of
 * REMAP_PFN or IOMAP stays dead (vmf_insert_pfn refuses a copy-on-write VMA) and has to be mapped anew.
 */
struct ptelab_revoke {
	__u32 flags;		/* in: 0 */
	__u32 reserved0;
	__u64 reserved[3];
};

/* LOOKUP: state bits of one page, read from the page tables. */
#define PTELAB_PTE_PRESENT	(1U << 0)
#define PTELAB_PTE_WRITE	(1U << 1)
#define PTELAB_PTE_DIRTY	(1U << 2)
#define PTELAB_PTE_YOUNG	(1U << 3)
#define PTELAB_PTE_SPECIAL	(1U << 4)	/* vm_normal_page() sees no struct page here */
#define PTELAB_PTE_HUGE		(1U << 5)	/* part of a leaf above the PTE level */
#define PTELAB_PTE_OURS		(1U << 6)	/* it maps the region's own page for that offset */
#define PTELAB_PTE_REVOKED	(1U << 7)	/* REVOKE is in force, an access gets SIGBUS */

struct ptelab_pte {
	__u32 state;		/* PTELAB_PTE_* */
	__u32 cache;		/* enum ptelab_cache as the PTE has it; 0: not present, or an architecture that does not tell */
	__u64 page;		/* 1 + index in the region if it maps one of its pages, else 0 */
	__u64 pfn;		/* with CAP_SYS_ADMIN, else 0 */
};

/*
 * LOOKUP: what the page tables of the calling process hold for [address, address + bytes), one struct ptelab_pte a page, into
 * buffer. Faults nothing in, allocates no page table. Errors as ZAP.
 */
struct ptelab_lookup {
	__u32 flags;		/* in: 0 */
	__u32 reserved0;
	__u64 address;		/* in */
	__u64 bytes;		/* in */
	__u64 buffer;		/* in: pointer to bytes >> page_shift times struct ptelab_pte */
	__u64 reserved[2];
};

enum ptelab_scope {
	PTELAB_SCOPE_FILE = 1,		/* this open file */
	PTELAB_SCOPE_MODULE = 2		/* all of ptelab since it was loaded */
};

/* STATS: counts since the file was opened or the module loaded; each is exact, the set is not one snapshot. */
struct ptelab_stats {
	__u32 flags;		/* in: 0 */
	__u32 scope;		/* in: enum ptelab_scope */
	__u64 maps;		/* mmap calls that succeeded */
	__u64 map_errors;	/* mmap calls that the driver refused */
	__u64 opens;		/* ->open: a VMA was copied (fork) or split */
	__u64 closes;		/* ->close: a VMA went away; maps + opens - closes are alive */
	__u64 faults;		/* calls of ->fault */
	__u64 fault_errors;	/* of these, answered with an error */
	__u64 accesses;		/* calls of ->access */
	__u64 zaps;		/* ZAP calls */
	__u64 unmaps;		/* UNMAP calls */
	__u64 revokes;		/* REVOKE calls */
	__u64 files;		/* MODULE: files open now; FILE: 1 */
	__u64 regions;		/* MODULE: regions alive; FILE: 1 if it has one of its own */
	__u64 pages_allocated;	/* MODULE: pages taken from the kernel since load; FILE: by this file */
	__u64 pages_freed;	/* and given back */
	__u64 reserved[4];
};

#define PTELAB_IOC_MAGIC	0xBC
#define PTELAB_IOC_QUERY	_IOWR(PTELAB_IOC_MAGIC, 0x00, struct ptelab_query)
#define PTELAB_IOC_SETUP	_IOW(PTELAB_IOC_MAGIC, 0x01, struct ptelab_setup)
#define PTELAB_IOC_ZAP		_IOWR(PTELAB_IOC_MAGIC, 0x02, struct ptelab_zap)
#define PTELAB_IOC_UNMAP	_IOW(PTELAB_IOC_MAGIC, 0x03, struct ptelab_unmap)
#define PTELAB_IOC_REVOKE	_IOW(PTELAB_IOC_MAGIC, 0x04, struct ptelab_revoke)
#define PTELAB_IOC_RESTORE	_IOW(PTELAB_IOC_MAGIC, 0x05, struct ptelab_revoke)
#define PTELAB_IOC_LOOKUP	_IOW(PTELAB_IOC_MAGIC, 0x06, struct ptelab_lookup)
#define PTELAB_IOC_STATS	_IOWR(PTELAB_IOC_MAGIC, 0x07, struct ptelab_stats)

#endif /* _UAPI_PTELAB_H */
