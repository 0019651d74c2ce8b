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

/*
 * Version of all below. QUERY keeps its number and its first 16 bytes for ever, so that a program and a module of different age can tell
 * which one is old; the rest of it may change its meaning with the version, not its size.
 *   1  misuses were everybody's, and VMA_SETUP, REGION_SETUP, INJECT and page sources had other names
 *   2  LEND; ptelab_misuse.ko; LOOKUP's states
 */
#define PTELAB_ABI 2

/* How a node maps. Bit (1 << value) stands for it in masks. */
enum ptelab_method {
	PTELAB_INSERT_PAGE = 1,		/* vm_insert_page at mmap, whole VMA */
	PTELAB_FAULT_INSERT_PAGE = 2,	/* vm_insert_page from ->fault, VM_MIXEDMAP */
	PTELAB_FAULT_PAGE = 3,		/* ->fault returns the page, the core sets the PTE */
	PTELAB_FAULT_INSERT_PFN = 4,	/* vmf_insert_pfn from ->fault, VM_PFNMAP, has ->access */
	PTELAB_REMAP_PFN = 5,		/* remap_pfn_range at mmap, no ->access */
	PTELAB_IOMAP = 6,		/* vm_iomap_memory at mmap, on a device's own memory */
	PTELAB_INSERT_PAGES = 7,	/* vm_insert_pages at mmap, whole VMA in one call */
	PTELAB_MAP_PAGES = 8,		/* vm_map_pages at mmap */
	PTELAB_MAP_PAGES_ZERO = 9,	/* vm_map_pages_zero at mmap: vm_pgoff is ignored */
	PTELAB_REMAP_VMALLOC = 10,	/* remap_vmalloc_range at mmap */
	PTELAB_FAULT_INSERT_PAGES = 11,	/* vm_insert_pages from ->fault, up to 16 pages around */
	PTELAB_FAULT_INSERT_MIXED = 12,	/* vmf_insert_mixed from ->fault, VM_MIXEDMAP */
	PTELAB_HUGE_PFN = 13,		/* vmf_insert_pfn_pmd from ->huge_fault, else vmf_insert_pfn from ->fault */
	PTELAB_HUGE_FOLIO = 14,		/* vmf_insert_folio_pmd from ->huge_fault, else the page from ->fault */
	PTELAB_BARE = 15,		/* nothing: the VMA is what VMA_SETUP makes it, CALL fills it */
	/* ->mmap_prepare in place of ->mmap: what is asked for there, the core does when it has made the VMA */
	PTELAB_PREPARE_REMAP = 16,	/* mmap_action_remap */
	PTELAB_PREPARE_IOREMAP = 17,	/* mmap_action_ioremap, on RAM */
	PTELAB_PREPARE_SIMPLE_IOREMAP = 18, /* mmap_action_simple_ioremap, on RAM */
	PTELAB_PREPARE_MAP_PAGES = 19,	/* mmap_action_map_kernel_pages */
	PTELAB_PREPARE_FAULT_PAGE = 20,	/* no action: as FAULT_PAGE */
	PTELAB_METHODS			/* one past the last */
};

/* Where the bytes of a region live. */
enum ptelab_backing {
	PTELAB_BACKING_SINGLE = 1,	/* order-0 pages, each allocated alone */
	PTELAB_BACKING_COMPOUND = 2,	/* one compound page; the size must be a power of two */
	PTELAB_BACKING_SPLIT = 3,	/* one block of contiguous pages, split: each has its own reference */
	PTELAB_BACKING_VMALLOC = 4,	/* vmalloc_user() */
	PTELAB_BACKING_DEVICE = 5,	/* a PCI BAR; PTELAB_IOMAP only */
	PTELAB_BACKING_HOLE = 6,	/* a PUD's worth (x86: 1 GiB) of physical addresses that nothing answers, mapped by one
					 * entry or not at all; PTELAB_HUGE_PFN with PTELAB_HAS_INSERT_PFN_PUD only; pages 0. No
					 * part of such a mapping can be unmapped or changed (EINVAL), as ->may_split says; a
					 * VMA_SETUP with hooks of a hole needs MAY_SPLIT; CALL takes nothing out of one (EPERM) */
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
	PTELAB_FAULT_RETRY = 4,		/* drop the lock, VM_FAULT_RETRY: for ever if fault_times is 0, it can be killed; served
					 * where the caller may not be asked to retry */
	PTELAB_FAULT_DELAY = 5,		/* sleep fault_delay_ms (killable), then serve */
	PTELAB_FAULT_SIGSEGV = 6,	/* VM_FAULT_SIGSEGV */
	PTELAB_FAULT_HWPOISON = 7,	/* VM_FAULT_HWPOISON */
	PTELAB_FAULT_NOTHING = 8,	/* VM_FAULT_NOPAGE and no PTE: the core comes again at once; fault_times 0 is a misuse */
	/* Misuses: ptelab_misuse.ko does them */
	PTELAB_FAULT_STALE = 9,		/* FAULT_PAGE, PREPARE_FAULT_PAGE: look whether it is revoked, sleep fault_delay_ms, then give the page all the
					 * same and unlocked: the mistake that REVOKE cannot survive */
	PTELAB_FAULT_REMAP = 10,	/* BARE: remap_pfn_range of the page from ->fault: another that REVOKE cannot survive */
	PTELAB_FAULT_ACTIONS
};

/* Why a node is not there. */
enum ptelab_absence {
	PTELAB_PRESENT = 1,
	PTELAB_ABSENT_NO_DEVICE = 2,	/* no PCI device 1af4:1110 (QEMU's ivshmem-plain) was found */
	PTELAB_ABSENT_BAD_BAR = 3,	/* its BAR 2 is not memory, or is smaller than 4 MiB */
	PTELAB_ABSENT_BUSY = 4,		/* another driver has its BAR 2 */
	PTELAB_ABSENT_NO_MEMORY = 5,	/* the kernel had no memory for it when the device was found */
	PTELAB_ABSENT_REMOVED = 6,	/* it was unplugged */
	PTELAB_ABSENT_NO_CALL = 7	/* this kernel has no such call */
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
#define PTELAB_HAS_FOLLOW_PTE		(1ULL << 9) /* follow_pte */
#define PTELAB_HAS_UNMAP_PAGES		(1ULL << 10) /* unmap_mapping_pages is exported */
#define PTELAB_HAS_INSERT_MIXED_PROT	(1ULL << 11) /* vmf_insert_mixed_prot */
#define PTELAB_HAS_INSERT_MIXED_MKWRITE	(1ULL << 12) /* vmf_insert_mixed_mkwrite is exported */
#define PTELAB_HAS_INSERT_PAGE_MKWRITE	(1ULL << 13) /* vmf_insert_page_mkwrite */
#define PTELAB_HAS_INSERT_PFN_PMD	(1ULL << 14) /* vmf_insert_pfn_pmd, on an architecture that has huge pages */
#define PTELAB_HAS_INSERT_FOLIO_PMD	(1ULL << 15) /* vmf_insert_folio_pmd */
#define PTELAB_HAS_MAY_SPLIT		(1ULL << 16) /* vm_ops->may_split, which was called split before */
#define PTELAB_HAS_MPROTECT_HOOK	(1ULL << 17) /* vm_ops->mprotect */
#define PTELAB_HAS_MAPPED_HOOK		(1ULL << 18) /* vm_ops->mapped */
#define PTELAB_HAS_GENERIC_ACCESS	(1ULL << 19) /* generic_access_phys */
#define PTELAB_HAS_FAST_ONLY_PIN	(1ULL << 20) /* pin_user_pages_fast_only */
#define PTELAB_HAS_INSERT_PFN_PUD	(1ULL << 21) /* vmf_insert_pfn_pud that marks the entry as special, for
						       * GUP-fast, a processor that has such entries, and a virtual machine, where nothing
						       * answers at the addresses of a hole */
#define PTELAB_HAS_INSERT_FOLIO_PUD	(1ULL << 22) /* vmf_insert_folio_pud */
#define PTELAB_HAS_VMA_SET_FLAGS	(1ULL << 23) /* vma_set_flags(), which asserts no lock */
#define PTELAB_HAS_MMAP_ACTIONS		(1ULL << 24) /* mmap_action_*, what ->mmap_prepare can ask for */

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
	__u64 file;		/* a number for this open file, as in events */
	__u64 pages;		/* size of this file's region */
	__u64 max_pages;	/* most that REGION_SETUP takes with PTELAB_BACKING_SINGLE or _VMALLOC */
	__u64 max_block_pages;	/* most that it takes with _COMPOUND or _SPLIT */
	__u64 features;		/* PTELAB_HAS_* */
	__u32 absence[32];	/* [method]: enum ptelab_absence; 0 where there is no such method */
	__u64 reserved[4];	/* in: 0 */
};

/*
 * REGION_SETUP: give this open file a fresh, zeroed region of its own in place of the node's shared one.
 *   EBUSY       the file has been mapped, or has a region of its own already; or (IOMAP) another file uses the device with
 *               another memory type
 *   EINVAL      a value out of range: pages over the maximum, _COMPOUND with pages no power of two
 *   EOPNOTSUPP  the node cannot do it: an action on a node without ->fault, a memory type on RAM, DEVICE on RAM and
 *               the other way round, REMAP_PFN of _COMPOUND or _VMALLOC
 *   ENOMEM      and the file keeps the region that it had
 *   EPERM       the action is a misuse, and ptelab_misuse.ko is not loaded or the file was opened without CAP_SYS_ADMIN
 * On PTELAB_IOMAP the region is the device, which exists once: REGION_SETUP selects the memory type only.
 */
struct ptelab_region_setup {
	__u32 flags;		/* in: 0 */
	__u32 backing;		/* enum ptelab_backing, 0: the node's default */
	__u64 pages;		/* 0: the node's default */
	__u32 cache;		/* enum ptelab_cache, 0: the node's default */
	__u32 fault_action;	/* enum ptelab_fault_action, 0: serve */
	__u64 fault_after;	/* faults that are served before the action begins */
	__u64 fault_times;	/* faults that it applies to, then they are served again; 0: all */
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
 *   EINVAL      not page-aligned, 0 bytes, more than PTELAB_LOOKUP_MAX pages, the mapping is not this file's; of
 *               PTELAB_BACKING_HOLE any other range than the whole region, whose size is not limited
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
 * bytes 0: to the end of the file, as the kernel's own holelen. offset + bytes must not overflow: EINVAL. PTELAB_BACKING_HOLE
 * goes as a whole: EINVAL for a part.
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
 * that was filled at mmap before the RESTORE is filled page by page on access. Both may be repeated. One exception: a MAP_PRIVATE mapping of
 * REMAP_PFN, IOMAP or PREPARE_*REMAP stays dead (vmf_insert_pfn refuses a copy-on-write VMA) and has to be mapped anew.
 */
struct ptelab_revoke {
	__u32 flags;		/* in: 0 */
	__u32 reserved0;
	__u64 reserved[3];
};

/* LOOKUP: state bits of one page, read from the page tables. None of PRESENT, MARKER, SWAP, MIGRATION, OTHER: nothing is there. */
#define PTELAB_PTE_PRESENT	(1U << 0)
#define PTELAB_PTE_WRITE	(1U << 1)
#define PTELAB_PTE_DIRTY	(1U << 2)
#define PTELAB_PTE_YOUNG	(1U << 3)
#define PTELAB_PTE_SPECIAL	(1U << 4)	/* vm_normal_page() sees no struct page here */
#define PTELAB_PTE_HUGE		(1U << 5)	/* part of a leaf above the PTE level */
#define PTELAB_PTE_OURS		(1U << 6)	/* it maps the region's own page for that offset */
#define PTELAB_PTE_REVOKED	(1U << 7)	/* REVOKE is in force, an access gets SIGBUS */
/* Not present, but not none either: the kernel keeps something there, and puts nothing else over it. */
#define PTELAB_PTE_MARKER	(1U << 8)	/* a PTE marker: a guard page, or a write protection of userfaultfd */
#define PTELAB_PTE_SWAP		(1U << 9)	/* swapped out */
#define PTELAB_PTE_MIGRATION	(1U << 10)	/* the page is on its way to another place; with HUGE: a whole leaf */
#define PTELAB_PTE_OTHER	(1U << 11)	/* none of these: poisoned, or a device's */
#define PTELAB_PTE_SOFT_DIRTY	(1U << 12)	/* written since /proc/PID/clear_refs was; PRESENT, SWAP and MIGRATION */
#define PTELAB_PTE_UFFD_WP	(1U << 13)	/* write-protected by userfaultfd; these and MARKER */
#define PTELAB_PTE_EXEC		(1U << 14)	/* user space may run it */
#define PTELAB_PTE_USER		(1U << 15)	/* user space may use it: not PROT_NONE, nor a hint for NUMA balancing */

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
	__u64 maps;		/* mmap calls that succeeded; PREPARE_*: VMAs that were made, by ->mapped and ->close */
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
	__u64 node_regions;	/* MODULE: of the regions alive, the nodes' own: each is made when its node is first opened */
	__u64 node_pages;	/* and the pages that these have, freed with the node */
	__u64 reserved[2];
};

/*
 * VMA_SETUP: what the file's mappings are like beyond what REGION_SETUP says. Once, before the first mmap and after REGION_SETUP, else EBUSY.
 *   EOPNOTSUPP  a hook that this kernel or this node does not have; a node that fills at mmap without OPEN and CLOSE;
 *               OWN_INODE or RESERVED without a region of RAM of the file's own (REGION_SETUP)
 *               READ_PROT*, NULL_VM_OPS, BOTH_MMAPS or an action's part on a node that does not do it; MAP_PAGES with
 *               PTELAB_FAULT_REMAP, which would wait for a lock of its own
 *   EINVAL      both ACCESS and GENERIC_ACCESS, HOOKS with NO_VM_OPS or NULL_VM_OPS, setting what may only be cleared, unknown bits, an action's part that is over
 *               PTELAB_LOOKUP_MAX
 */
#define PTELAB_VMA_SETUP_HOOKS	(1U << 0)	/* the VMA's vm_ops has the members of hooks and no others */
#define PTELAB_VMA_SETUP_NO_VM_OPS	(1U << 1)	/* ->mmap sets no vm_ops at all */
#define PTELAB_VMA_SETUP_OWN_INODE	(1U << 2)	/* mappings hang on the inode that was opened, as in any plain driver, and REVOKE
						 * and UNMAP reach those of this inode only */
#define PTELAB_VMA_SETUP_RESERVED	(1U << 3)	/* the region's pages are PageReserved, so that ioremap() takes them */
#define PTELAB_VMA_SETUP_EVENTS	(1U << 4)	/* calls of this file's hooks are recorded for EVENTS */
/* PREPARE_* only */
#define PTELAB_VMA_SETUP_READ_PROT	(1U << 5)	/* page_prot lacks the right to write before the action is asked for */
#define PTELAB_VMA_SETUP_READ_PROT_LATE (1U << 6)	/* ... after it */
#define PTELAB_VMA_SETUP_NULL_VM_OPS (1U << 7)	/* PREPARE_FAULT_PAGE: vm_ops is set to NULL */
#define PTELAB_VMA_SETUP_BOTH_MMAPS	(1U << 8)	/* f_op has an ->mmap, too, with which no mmap of this file works (include/linux/fs.h:
						 * can_mmap_file) */
#define PTELAB_VMA_SETUP_MISUSE	(1U << 9)	/* MAP_PAGES with PTELAB_FAULT_REMAP after all: with ptelab_misuse.ko, else EPERM */

/* Hooks, as bits of ptelab_vma_setup.hooks, and as the hook of a injection or an event (the bit's number). */
enum ptelab_hook {
	PTELAB_HOOK_MMAP = 1,		/* f_op->mmap; always there */
	PTELAB_HOOK_OPEN = 2,
	PTELAB_HOOK_CLOSE = 3,
	PTELAB_HOOK_MAY_SPLIT = 4,	/* ->may_split, ->split where that is its name */
	PTELAB_HOOK_MREMAP = 5,
	PTELAB_HOOK_MPROTECT = 6,
	PTELAB_HOOK_FAULT = 7,
	PTELAB_HOOK_HUGE_FAULT = 8,	/* BARE has none unless asked for: a PMD of pfns, where the VMA's flags allow it */
	PTELAB_HOOK_MAP_PAGES = 9,	/* filemap_map_pages, which finds nothing in a device's address_space */
	PTELAB_HOOK_PAGE_MKWRITE = 10,
	PTELAB_HOOK_PFN_MKWRITE = 11,
	PTELAB_HOOK_ACCESS = 12,	/* ours: the region's bytes */
	PTELAB_HOOK_GENERIC_ACCESS = 13, /* generic_access_phys; not together with ACCESS */
	PTELAB_HOOK_NAME = 14,		/* answers "[ptelab]" */
	PTELAB_HOOK_RELEASE = 15,	/* f_op->release; always there, seen in events only */
	PTELAB_HOOK_MMAP_PREPARE = 16,	/* f_op->mmap_prepare; always there on PREPARE_*, in place of MMAP */
	PTELAB_HOOK_MAPPED = 17,	/* ->mapped; PREPARE_* with an action cannot do without it */
	PTELAB_HOOKS
};

/* VM_* flags that ->mmap sets or clears before anything is inserted. */
#define PTELAB_VM_IO		(1U << 0)
#define PTELAB_VM_PFNMAP	(1U << 1)
#define PTELAB_VM_MIXEDMAP	(1U << 2)
#define PTELAB_VM_DONTEXPAND	(1U << 3)
#define PTELAB_VM_DONTDUMP	(1U << 4)
#define PTELAB_VM_DONTCOPY	(1U << 5)
#define PTELAB_VM_WRITE		(1U << 6)	/* may be cleared only */
#define PTELAB_VM_MAYWRITE	(1U << 7)	/* may be cleared only */

struct ptelab_vma_setup {
	__u32 flags;		/* PTELAB_VMA_SETUP_* */
	__u32 cache;		/* enum ptelab_cache put into vm_page_prot, RAM or not; 0: as REGION_SETUP says */
	__u64 hooks;		/* with PTELAB_VMA_SETUP_HOOKS: bits 1 << enum ptelab_hook */
	__u32 vm_set;		/* PTELAB_VM_* */
	__u32 vm_clear;		/* PTELAB_VM_* */
	/* PREPARE_REMAP, _IOREMAP, _MAP_PAGES: the part of the VMA that the action is asked for; 0 pages: all, in the form _full */
	__u64 action_first;	/* page of the VMA */
	__u64 action_pages;
	__u64 reserved[2];
};

/* What a hook answers in place of its normal work. */
enum ptelab_answer {
	PTELAB_ANSWER_NORMAL = 1,
	PTELAB_ANSWER_ERROR = 2,	/* -error; for MMAP after the first pages pages were inserted */
	PTELAB_ANSWER_SIGBUS = 3,	/* PAGE_MKWRITE, PFN_MKWRITE: VM_FAULT_SIGBUS */
	PTELAB_ANSWER_AGAIN = 4,	/* PAGE_MKWRITE, PFN_MKWRITE: VM_FAULT_NOPAGE */
	PTELAB_ANSWER_ZAP = 5,		/* MMAP, MAPPED, PFN_MKWRITE: unmap_mapping_range over the whole file, then as normal */
	PTELAB_ANSWER_FALLBACK = 6,	/* HUGE_FAULT: VM_FAULT_FALLBACK */
	PTELAB_ANSWER_OTHER = 7,	/* HUGE_FAULT: what should not be inserted: the pfns of the PMD after the due one, or a
					 * folio that is not of a PMD's order; a fallback if there is none such */
	PTELAB_ANSWER_OTHER_PUD = 8,	/* HUGE_FAULT of HUGE_FOLIO: that folio for a whole PUD; counts these calls alone */
	PTELAB_ANSWER_BAD_PAGE = 9,	/* MMAP_PREPARE on PREPARE_MAP_PAGES, once for a file: page number pages of the action is the
					 * shared zero page; error, if any, is the action's error_override */
	PTELAB_ANSWERS
};

/*
 * INJECT: for one hook, the calls number after + 1 to after + times of this file get another answer; times 0: all that follow.
 * A second INJECT for a hook replaces the first and starts counting anew. Any time.
 *   EINVAL      this hook has no such answer
 *   EPERM       the answer is a misuse (AGAIN with times 0, OTHER, OTHER_PUD, BAD_PAGE), and ptelab_misuse.ko is not loaded or the file
 *               was opened without CAP_SYS_ADMIN
 */
struct ptelab_injection {
	__u32 flags;		/* 0 */
	__u32 hook;		/* enum ptelab_hook: MMAP, MAY_SPLIT, MREMAP, MPROTECT, HUGE_FAULT, PAGE_MKWRITE, PFN_MKWRITE,
				 * MMAP_PREPARE, MAPPED */
	__u32 answer;		/* enum ptelab_answer */
	__u32 error;		/* errno, with PTELAB_ANSWER_ERROR and _BAD_PAGE */
	__u64 after;
	__u64 times;
	__u64 pages;		/* MMAP with ERROR: pages inserted before the failure; BAD_PAGE: which */
	__u64 reserved[2];
};

/*
 * EVENTS: the calls of hooks by the kernel, in order, of all files with PTELAB_VMA_SETUP_EVENTS since the module was loaded; the
 * last PTELAB_EVENTS_KEPT are kept. On return sequence is the first event copied, count how many.
 */
#define PTELAB_EVENTS_KEPT	4096
enum ptelab_mmap_lock {
	PTELAB_LOCK_NONE = 1,
	PTELAB_LOCK_READ = 2,		/* mmap_lock held for reading, by this task or another */
	PTELAB_LOCK_WRITE = 3
};

struct ptelab_event {
	__u64 sequence;		/* 1, 2, 3, ... */
	__u32 hook;		/* enum ptelab_hook */
	__u32 pid;		/* thread, as the reader's pid namespace sees it: gettid() */
	__u64 file;		/* a number for each open file: QUERY.file */
	__u64 vma;		/* a number that stands for the address of the kernel's VMA; 0: none */
	__u64 start;		/* bytes; ACCESS and MAP_PAGES: the address and where it ends */
	__u64 end;
	__u64 pgoff;
	__u64 flags;		/* fault hooks: vmf->flags; MPROTECT: the new VM_* flags; ACCESS: 1 for a write; CLOSE, OPEN: 0 */
	__u32 lock;		/* OPEN, CLOSE, MMAP_PREPARE, MAPPED: enum ptelab_mmap_lock; else 0 */
	__u32 present;		/* OPEN, CLOSE, MAPPED: entries present in the VMA, at most PTELAB_LOOKUP_MAX looked at; MMAP: 1 if
				 * find_vma() finds the new VMA */
	__s64 answer;		/* what the hook answered */
};

struct ptelab_events {
	__u32 flags;		/* in: 0 */
	__u32 count;		/* in: room in buffer; out: events copied */
	__u64 sequence;		/* in: the first one wanted; out: the first one copied, or the next to come if count is 0 */
	__u64 buffer;		/* in: pointer to struct ptelab_event */
	__u64 reserved[2];
};

#define PTELAB_IOC_MAGIC	0xBC
#define PTELAB_IOC_QUERY	_IOWR(PTELAB_IOC_MAGIC, 0x00, struct ptelab_query)
#define PTELAB_IOC_REGION_SETUP	_IOW(PTELAB_IOC_MAGIC, 0x01, struct ptelab_region_setup)
#define PTELAB_IOC_ZAP		_IOWR(PTELAB_IOC_MAGIC, 0x02, struct ptelab_zap)
#define PTELAB_IOC_UNMAP	_IOW(PTELAB_IOC_MAGIC, 0x03, struct ptelab_unmap)
#define PTELAB_IOC_REVOKE	_IOW(PTELAB_IOC_MAGIC, 0x04, struct ptelab_revoke)
#define PTELAB_IOC_RESTORE	_IOW(PTELAB_IOC_MAGIC, 0x05, struct ptelab_revoke)
#define PTELAB_IOC_LOOKUP	_IOW(PTELAB_IOC_MAGIC, 0x06, struct ptelab_lookup)
#define PTELAB_IOC_STATS	_IOWR(PTELAB_IOC_MAGIC, 0x07, struct ptelab_stats)
#define PTELAB_IOC_VMA_SETUP	_IOW(PTELAB_IOC_MAGIC, 0x08, struct ptelab_vma_setup)
#define PTELAB_IOC_INJECT	_IOW(PTELAB_IOC_MAGIC, 0x09, struct ptelab_injection)
#define PTELAB_IOC_EVENTS	_IOWR(PTELAB_IOC_MAGIC, 0x0A, struct ptelab_events)

#endif /* _UAPI_PTELAB_H */
