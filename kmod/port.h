/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam: everything that the C++ core asks of Linux. glue/port implements it in the kernel, tests/fake_kernel.cpp in
 * user space. Kernel types are incomplete here, so the core can pass them on and never look inside. Every function says in
 * which context it may be called; "sleeps" means that it must not be called under a spinlock or a page-table lock.
 */
#ifndef PTELAB_PORT_H
#define PTELAB_PORT_H

#ifdef __cplusplus
extern "C" {
#else
#include <linux/types.h>
#endif

struct vm_area_struct;
struct vm_fault;
struct page;
struct file;
struct port_space;
struct port_mutex;
struct port_account;
struct port_awaited;
struct port_misuser;
struct port_device;
struct ptelab_pte;

/* The core's own state for one open file; the glue keeps the pointer in file->private_data. */
struct ptelab_session;

/* Constants of the kernel's, asserted in glue/port/fault.c. */
enum {
	PORT_FAULT_OOM = 0x1,
	PORT_FAULT_SIGBUS = 0x2,
	PORT_FAULT_HWPOISON = 0x10,
	PORT_FAULT_SIGSEGV = 0x40,
	PORT_FAULT_NOPAGE = 0x100,
	PORT_FAULT_LOCKED = 0x200,
	PORT_FAULT_RETRY = 0x400,
	PORT_FAULT_FALLBACK = 0x800
};

/* The kernel's page size is known only to the glue: PAGE_SHIFT, the largest order of a block in pages, PTELAB_HAS_*. */
unsigned int port_page_shift(void);
unsigned long port_max_block_pages(void);
unsigned long long port_features(void);

/* ---- vma: only inside ->mmap, where mmap_lock is held for write and nobody else can see the VMA ---- */
struct port_span {
	unsigned long start;	/* bytes */
	unsigned long end;
	unsigned long pgoff;	/* pages */
};
struct port_span port_vma_span(const struct vm_area_struct *vma);
bool port_vma_is_cow(const struct vm_area_struct *vma);		/* may be written and is not shared */
bool port_vma_wants_exec(const struct vm_area_struct *vma);
void port_vma_forbid_exec(struct vm_area_struct *vma);		/* mprotect(PROT_EXEC) is EACCES from now on */
void port_vma_make_pfnmap(struct vm_area_struct *vma);		/* VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP */
void port_vma_make_mixedmap(struct vm_area_struct *vma);	/* VM_MIXEDMAP */
void port_vma_set_cache(struct vm_area_struct *vma, unsigned int cache); /* enum ptelab_cache into vm_page_prot */

/*
 * Remember that this VMA is filled before the kernel has linked it, so that port_space_wait_for_mmaps() can wait for the mmap call
 * that makes it, how often the region had been restored by then, and where in the file the VMA begins. Allocates (sleeps);
 * -ENOMEM. Inside the gate. Undone by the glue's ->close; or, if ->mmap fails, by port_vma_abandon(), which first takes out again what was
 * inserted.
 */
int port_vma_track(struct vm_area_struct *vma, struct port_space *space, unsigned long long restores);
/*
 * This ->mmap is going to fail and to leave to the kernel what it inserted, or this ->mmap_prepare leaves it to the kernel to
 * insert: port_space_wait_for_mmaps() waits for that too. Remembered for the open file, once for each process, until it is found gone at
 * the next such call or the file goes. Inside the gate; allocates (sleeps); -ENOMEM.
 */
int port_await_mmap(struct port_awaited *awaited, struct port_space *space);
void port_vma_abandon(struct vm_area_struct *vma);

/*
 * ---- desc: ->mmap_prepare, mmap_lock held for write, no VMA yet. The core fills in what is wanted, the glue tells the kernel,
 * which does it when it has made and linked the VMA, or which gives up in between and tells nobody ----
 */
enum port_action {
	PORT_ACTION_NONE, PORT_ACTION_REMAP, PORT_ACTION_IOREMAP, PORT_ACTION_SIMPLE_IOREMAP, PORT_ACTION_MAP_PAGES
};
struct port_vma_desc {
	/* what mmap was asked for */
	struct port_span span;
	struct port_awaited *awaited;	/* the open file's */
	bool wants_exec;
	/* what the VMA is to be like */
	bool forbid_exec;
	unsigned int cache;	/* enum ptelab_cache */
	enum port_action action;
	unsigned long pfn;	/* of the VMA's first page; SIMPLE_IOREMAP: of the region's */
	unsigned long bytes;	/* SIMPLE_IOREMAP: size of the region */
	struct page **pages;	/* MAP_PAGES: the VMA's first and those that follow; the array lives as long as the file */
};

/* ---- insert at mmap: mmap_lock held for write; sleep; 0 or -errno, what was inserted stays ---- */
int port_insert_page(struct vm_area_struct *vma, unsigned long addr, struct page *page);
int port_insert_each(struct vm_area_struct *vma, unsigned long addr, struct page **pages, unsigned long count); /* one by one */
int port_remap(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long bytes);
int port_iomap(struct vm_area_struct *vma, struct port_device *device);
int port_insert_pages(struct vm_area_struct *vma, unsigned long addr, struct page **pages, unsigned long count);
int port_map_pages(struct vm_area_struct *vma, struct page **pages, unsigned long count);	/* honours vm_pgoff */
int port_map_pages_zero(struct vm_area_struct *vma, struct page **pages, unsigned long count);	/* does not */
int port_remap_vmalloc(struct vm_area_struct *vma, void *memory, unsigned long pgoff);

/* ---- insert at fault: mmap_lock held for read, or the VMA's own lock; sleep ---- */
unsigned int port_fault_insert_pfn(struct vm_fault *vmf, unsigned long pfn);	/* PORT_FAULT_* */
unsigned int port_fault_insert_pfn_of(struct vm_fault *vmf, struct page *page);
unsigned int port_fault_insert_page(struct vm_fault *vmf, struct page *page);
unsigned int port_fault_insert_mixed(struct vm_fault *vmf, struct page *page);
/* From the faulting address on, at most as many as there is room for in the VMA. PORT_FAULT_NOPAGE if any was inserted. */
unsigned int port_fault_insert_pages(struct vm_fault *vmf, struct page **pages, unsigned long count);
/* ->huge_fault: a whole PMD, all of it inside the VMA. PORT_FAULT_FALLBACK where this kernel has no such call. */
unsigned int port_fault_insert_pfn_pmd(struct vm_fault *vmf, unsigned long pfn);
unsigned int port_fault_insert_folio_pmd(struct vm_fault *vmf, struct page *head);
/*
 * What the PMD of the fault is now. A whole PMD where a page table has come first is a WARN, and a page where a whole PMD has
 * come first is looked for in the memory itself (mm/huge_memory.c: insert_pfn_pmd, mm/memory.c: walk_to_pmd): whoever fills a
 * PMD both ways looks and inserts under port_space_leaf_lock().
 */
enum port_pmd { PORT_PMD_NONE, PORT_PMD_TABLE, PORT_PMD_LEAF };
enum port_pmd port_fault_pmd(const struct vm_fault *vmf);
/*
 * The PMD gets its page table now, not when ->fault has returned. false: no memory. Inside ->fault, port_space_leaf_lock() held.
 */
bool port_fault_make_table(struct vm_fault *vmf);
/* A whole PUD, all of it inside the VMA, pfn aligned to it. Needs PTELAB_HAS_INSERT_PFN_PUD, else PORT_FAULT_FALLBACK. */
unsigned int port_fault_insert_pfn_pud(struct vm_fault *vmf, unsigned long pfn);
bool port_fault_takes_pfns(const struct vm_fault *vmf);	/* vmf_insert_pfn_pmd() of a VMA with these flags is no BUG */
struct port_span port_fault_span(const struct vm_fault *vmf);			/* of the VMA */
unsigned long port_fault_address(const struct vm_fault *vmf);			/* page-aligned */
unsigned long port_pmd_pages(void);						/* pages that one PMD maps; 0: no huge pages */
bool port_pmd_fits(void);		/* so many in a row are a small part of the memory: one node may take them */
unsigned long port_pud_pages(void);						/* the same of a PUD */
bool port_fault_is_cow(const struct vm_fault *vmf);
/* What port_vma_track() was told for the VMA, or for the one it is a copy of. Only a VMA that was filled at mmap. */
unsigned long long port_fault_restores(const struct vm_fault *vmf);
/* vm_pgoff at that time, from which the VMA's may have moved: a part of it is left, or it was moved in part. */
unsigned long port_fault_origin(const struct vm_fault *vmf);
unsigned long port_vma_origin(const struct vm_area_struct *vma);
/*
 * Take the page lock, and the caller's reference; mm puts both when it has set the PTE. 0, or the answer to the fault, and the
 * reference is put: killed while waiting for the lock, or the caller may not wait.
 */
unsigned int port_fault_give(struct vm_fault *vmf, struct page *page);
/* The same of a page that nobody has locked, with a reference of its own: PORT_FAULT_LOCKED. Else 0, and nothing is done. */
unsigned int port_fault_give_at_once(struct vm_fault *vmf, struct page *page);
void port_fault_take_back(struct vm_fault *vmf);	/* undo port_fault_give, and put the reference */
/* Drop the lock of the fault and answer PORT_FAULT_RETRY. 0: this caller may not be asked to retry, nothing was dropped. */
unsigned int port_fault_retry(struct vm_fault *vmf);
/* Sleep; false: a fatal signal is pending. */
bool port_fault_delay(unsigned int milliseconds);

/* ---- live: the calling process' own mm, mmap_lock not held; sleep ---- */
enum port_zap { PORT_ZAP_SPECIAL, PORT_ZAP_VMA };
/*
 * Finds the VMA of this open file at addr and holds mmap_lock for reading until port_live_end(). 0 or -errno, with
 * nothing held: -EFAULT nothing is mapped at addr, -EINVAL the mapping is not this file's, -EINTR killed while waiting.
 */
int port_live_begin(struct vm_area_struct **vma, const struct file *file, unsigned long addr);
/* The range must lie in the VMA. -EOPNOTSUPP: this kernel exports no such call. */
int port_live_zap(struct vm_area_struct *vma, unsigned long addr, unsigned long bytes, enum port_zap how);
/* What the page tables hold at addr: state, cache and pfn are filled. Allocates nothing. */
void port_live_lookup(const struct vm_area_struct *vma, unsigned long addr, struct ptelab_pte *out);
void port_live_end(struct vm_area_struct *vma);

/* ---- pages: process context, sleep; zeroed; NULL if there is no memory ---- */
struct page *port_page_alloc(void);
struct page *port_compound_alloc(unsigned int order);
struct page *port_block_alloc(unsigned int order);	/* 2^order contiguous pages, split: each freed by itself */
void port_page_free(struct page *page);			/* drops the reference that the alloc gave */
void port_compound_free(struct page *page, unsigned int order);
void *port_vmalloc(unsigned long pages);
void port_vfree(void *memory);
struct page *port_vmalloc_page(const void *memory, unsigned long index);
struct page *port_page_nth(struct page *first, unsigned long index);	/* of one block or compound page */
unsigned long port_page_pfn(const struct page *page);
void port_page_get(struct page *page);			/* one more reference; any context */
/* Inside one page, to or from kernel memory. */
void port_page_copy(struct page *page, unsigned long offset, void *buffer, unsigned long bytes, bool write);

/* ---- device: a PCI BAR that the glue has claimed, or a hole ---- */
/* port_pud_pages() of physical addresses, aligned, that nothing answers, claimed. NULL: there are none. Sleep. */
struct port_device *port_hole_new(void);
void port_hole_free(struct port_device *device);
unsigned long port_device_pages(const struct port_device *device);
unsigned long port_device_pfn(const struct port_device *device);
/* Ask for one memory type for as long as the session lives. -EBUSY: another holds another type. Sleeps. */
int port_device_hold(struct port_device *device, unsigned int cache);
void port_device_drop(struct port_device *device);
/* As port_page_copy(), of any bytes that it has. -ENODEV: unplugged, or a hole. */
int port_device_copy(struct port_device *device, unsigned long long offset, void *buffer, unsigned long bytes, bool write);

/*
 * ---- space: a region's own address_space, where the kernel finds its mappings, and the gate that stops its faults ----
 * Lock order: revoke mutex -> mmap_lock -> the VMA's own lock -> session mutex -> page lock -> gate -> leaf -> the kernel's own
 * (i_mmap_rwsem, page table). A page lock is tried for inside the gate, too, and not waited for.
 */
struct port_space *port_space_new(void);		/* sleeps; NULL: no memory */
void port_space_free(struct port_space *space);		/* no file refers to it any more; sleeps */
/*
 * The core's gate, where somebody has to wait. Until none of the bits is in the word; sleeps, mmap_lock may be held by who enters.
 * killable: false if a fatal signal comes first. Else for as long as it takes: where nothing can fail, which is ->release, module exit,
 * the device's removal, and REVOKE that is undone.
 */
bool port_space_gate_wait(struct port_space *space, const unsigned int *word, unsigned int bits, bool killable);
void port_space_gate_wake(struct port_space *space);	/* after the word has changed; any context that may sleep */
/*
 * Called where locks are checked (PTELAB_GATE_IS_TOLD): the gate is about to be entered, or exclusively closed, when mmap_lock must not
 * be held; and is left, or open again.
 */
void port_space_gate_acquire(struct port_space *space, bool exclusively);
void port_space_gate_release(struct port_space *space);
void port_space_leaf_lock(struct port_space *space);	/* one at a time decides whether a PMD is filled as a whole; sleeps */
void port_space_leaf_unlock(struct port_space *space);
bool port_space_revoke_lock(struct port_space *space, bool killable); /* serialises REVOKE and RESTORE; mmap_lock must not be held */
void port_space_revoke_unlock(struct port_space *space);
bool port_space_page_barrier(struct page *page, bool killable);	/* waits for whoever holds the page lock; sleeps */
/* unmap_mapping_range; bytes 0: to the end. Takes i_mmap_rwsem; sleeps. */
void port_space_unmap(struct port_space *space, unsigned long long offset, unsigned long long bytes, bool even_cows);
/* Wait until every mmap call that was under way and had called port_vma_track() is over. */
bool port_space_wait_for_mmaps(struct port_space *space, bool killable);

bool port_killed(void);	/* a fatal signal is pending */
/* In a loop over what user space chose the length of: reschedules. false: a fatal signal is pending. Sleeps. */
bool port_pause(void);

/* ---- lock ---- */
struct port_mutex *port_mutex_new(void);		/* sleeps; NULL: no memory */
void port_mutex_free(struct port_mutex *mutex);
void port_mutex_lock(struct port_mutex *mutex);
bool port_mutex_lock_killable(struct port_mutex *mutex);	/* false: killed while waiting */
void port_mutex_unlock(struct port_mutex *mutex);

/* ---- count: any context; counts == NULL counts for the module alone ---- */
enum port_count_kind {
	PORT_MAPS, PORT_MAP_ERRORS, PORT_OPENS, PORT_CLOSES, PORT_FAULTS, PORT_FAULT_ERRORS, PORT_ACCESSES, PORT_ZAPS,
	PORT_UNMAPS, PORT_REVOKES, PORT_FILES, PORT_REGIONS, PORT_PAGES_ALLOCATED, PORT_PAGES_FREED,
	PORT_NODE_REGIONS, PORT_NODE_PAGES,
	PORT_COUNTS
};
/* Changed by atomic operations alone, of either side. */
struct port_counts {
	long long value[PORT_COUNTS];
};
extern struct port_counts port_module_counts;
struct port_counts *port_counts_new(void);		/* sleeps; NULL: no memory */
void port_counts_free(struct port_counts *counts);
/* Adds to the file's count and the module's; the file's new value, or the module's if counts is NULL. */
unsigned long long port_count(struct port_counts *counts, enum port_count_kind which, long long delta);
unsigned long long port_count_read(const struct port_counts *counts, enum port_count_kind which);

/* ---- file: an address_space for an open file that has never been mapped; the session's mutex is held ---- */
void port_file_use_space(struct file *file, struct port_space *space);

/* ---- account ---- */
/*
 * So many pages of memory that is the file's own are charged to whoever opened it, against RLIMIT_MEMLOCK. 0 or -ENOMEM. What is
 * charged when the file goes is given back. Any context that may sleep.
 */
int port_charge(struct port_account *account, unsigned long pages);
void port_uncharge(struct port_account *account, unsigned long pages);

/* ---- misuse: what breaks a driver's contract, which another module does ---- */
/*
 * From now on the file may have its contract broken. 0; -EPERM: that module is not loaded, or the file's opener had no
 * CAP_SYS_ADMIN; -EINTR: killed. Sleeps.
 */
int port_misuse_hold(struct port_misuser *misuser);
/* Held; as ->fault and ->huge_fault; the gate is not entered. PORT_FAULT_*, or 0 with the page given. */
unsigned int port_misuse_fault(const struct port_misuser *misuser, struct vm_fault *vmf, unsigned int action, unsigned int delay_ms);
unsigned int port_misuse_huge_fault(const struct port_misuser *misuser, struct vm_fault *vmf, unsigned int answer);

#ifdef __cplusplus
}
#endif
#endif
