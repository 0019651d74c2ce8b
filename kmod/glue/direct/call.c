// SPDX-License-Identifier: GPL-2.0
/*
 * CALL: one call of the kernel's API on a mapping of the calling process, with arguments as user space gave them. What the
 * kernel answers with an error is let through; what it answers with a BUG, or with damage, is refused with EPERM: the core
 * decides which (core/call_guard.hpp).
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../compat.h"
#include "../port/live.h"
#include "../port/vma.h"
#include "call.h"
#include "call_may.h"
#include "page_sources.h"

#define ALL_FLAGS (PTELAB_CALL_WRITE_LOCK | PTELAB_CALL_WRITE | PTELAB_CALL_WRAP | PTELAB_CALL_MISUSE)

static pgprot_t prot_of(const struct call_context *c)
{
	return ptelab_prot_with_cache(c->vma->vm_page_prot, c->arg->cache);
}

/* What follows is called only when the core has permitted it. Context of all: mmap_lock held as facts say, the gate entered. */

static int insert_page(struct call_context *c)
{
	c->arg->result = vm_insert_page(c->vma, c->arg->address, c->page);
	return 0;
}

static int insert_page_mkwrite(struct call_context *c)
{
	return compat_insert_page_mkwrite(c->vma, c->arg->address, c->page, c->arg->flags & PTELAB_CALL_WRITE, &c->arg->result);
}

static int insert_array(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;

	if (arg->call == PTELAB_CALL_INSERT_PAGES) {
		unsigned long left = arg->count;

		arg->result = vm_insert_pages(c->vma, arg->address, c->pages, &left);
		arg->left = left;
	} else if (arg->call == PTELAB_CALL_MAP_PAGES) {
		arg->result = vm_map_pages(c->vma, c->pages, arg->count);
	} else {
		arg->result = vm_map_pages_zero(c->vma, c->pages, arg->count);
	}
	return 0;
}

static int insert_pfn(struct call_context *c)
{
	unsigned long pfn = page_to_pfn(c->page);

	if (c->arg->call == PTELAB_CALL_INSERT_PFN)
		c->arg->result = (__force u32)vmf_insert_pfn(c->vma, c->arg->address, pfn);
	else
		c->arg->result = (__force u32)vmf_insert_pfn_prot(c->vma, c->arg->address, pfn, prot_of(c));
	return 0;
}

static int insert_mixed(struct call_context *c)
{
	switch (c->arg->call) {
	case PTELAB_CALL_INSERT_MIXED:
		c->arg->result = (__force u32)compat_insert_mixed(c->vma, c->arg->address, page_to_pfn(c->page));
		return 0;
	case PTELAB_CALL_INSERT_MIXED_PROT:
		return compat_insert_mixed_prot(c->vma, c->arg->address, page_to_pfn(c->page), prot_of(c), &c->arg->result);
	default:
		return compat_insert_mixed_mkwrite(c->vma, c->arg->address, page_to_pfn(c->page), &c->arg->result);
	}
}

/* An address that is not page-aligned is let through: WARN and EINVAL. */
static int remap(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;

	if (arg->call == PTELAB_CALL_REMAP)
		arg->result = remap_pfn_range(c->vma, arg->address, page_to_pfn(c->page), arg->bytes, prot_of(c));
	else
		arg->result = io_remap_pfn_range(c->vma, arg->address, page_to_pfn(c->page), arg->bytes, prot_of(c));
	return 0;
}

static int iomap(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;
	phys_addr_t start = PFN_PHYS(page_to_pfn(c->page)) + arg->offset;

	if (arg->flags & PTELAB_CALL_WRAP)
		start = -(phys_addr_t)PAGE_SIZE;
	arg->result = vm_iomap_memory(c->vma, start, arg->bytes);
	return 0;
}

static int remap_vmalloc(struct call_context *c)
{
	c->arg->result = remap_vmalloc_range(c->vma, c->memory, c->vma->vm_pgoff);
	return 0;
}

static int zap(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;

	if (arg->call == PTELAB_CALL_ZAP_SPECIAL)
		return compat_zap_special(c->vma, arg->address, arg->bytes);
	if (arg->call == PTELAB_CALL_ZAP_MANY)
		return compat_zap_many(c->vma, arg->address, arg->bytes);
	return compat_zap_vma(c->vma, arg->address, arg->bytes);
}

static int unmap_pages(struct call_context *c)
{
	return compat_unmap_mapping_pages(c->vma->vm_file->f_mapping, c->arg->index, c->arg->count, true);
}

static int follow(struct call_context *c)
{
	int error;

	if (c->arg->call == PTELAB_CALL_FOLLOW_PFN)
		error = ptelab_follow_pfn(c->vma, c->arg->address, &c->found);
	else if (c->arg->call == PTELAB_CALL_FOLLOW_PTE)
		error = ptelab_follow_pte(c->vma, c->arg->address, &c->found);
	else if (c->arg->call == PTELAB_CALL_FOLLOW_PFNMAP)
		error = ptelab_follow_pfnmap(c->vma, c->arg->address, &c->found, false);
	else if (c->arg->call == PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP)
		error = IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) ?
				ptelab_follow_pfnmap(c->vma, c->arg->address, &c->found, true) :
				-EOPNOTSUPP;
	else
		error = ptelab_follow_any(c->vma, c->arg->address, &c->found);
	if (error == -EOPNOTSUPP)
		return error;
	c->arg->result = error;
	c->followed = !error;
	return 0;
}

static int count_entry(pte_t *pte, unsigned long addr, void *data)
{
	struct ptelab_call *arg = data;

	arg->value++;
	arg->extra += !!pte_present(ptep_get(pte));
	return 0;
}

/* A page table that is made in a hole's place stays. */
static int apply(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;

	arg->result = apply_to_page_range(c->vma->vm_mm, arg->address, arg->bytes, count_entry, arg);
	return 0;
}

/* Without FAULT_FLAG_ALLOW_RETRY the lock stays held. */
static int fault_in(struct call_context *c)
{
	unsigned int flags = c->arg->flags & PTELAB_CALL_WRITE ? FAULT_FLAG_WRITE : 0;

	if (c->arg->call == PTELAB_CALL_HANDLE_FAULT)
		c->arg->result = (__force u32)handle_mm_fault(c->vma, c->arg->address, flags, NULL);
	else
		c->arg->result = fixup_user_fault(c->vma->vm_mm, c->arg->address, flags, NULL);
	return 0;
}

static int (*const calls[PTELAB_CALLS])(struct call_context *c) = {
	[PTELAB_CALL_INSERT_PAGE] = insert_page,
	[PTELAB_CALL_INSERT_PAGES] = insert_array,
	[PTELAB_CALL_MAP_PAGES] = insert_array,
	[PTELAB_CALL_MAP_PAGES_ZERO] = insert_array,
	[PTELAB_CALL_INSERT_PFN] = insert_pfn,
	[PTELAB_CALL_INSERT_PFN_PROT] = insert_pfn,
	[PTELAB_CALL_INSERT_MIXED] = insert_mixed,
	[PTELAB_CALL_INSERT_MIXED_PROT] = insert_mixed,
	[PTELAB_CALL_INSERT_MIXED_MKWRITE] = insert_mixed,
	[PTELAB_CALL_INSERT_PAGE_MKWRITE] = insert_page_mkwrite,
	[PTELAB_CALL_REMAP] = remap,
	[PTELAB_CALL_IO_REMAP] = remap,
	[PTELAB_CALL_IOMAP] = iomap,
	[PTELAB_CALL_REMAP_VMALLOC] = remap_vmalloc,
	[PTELAB_CALL_ZAP_SPECIAL] = zap,
	[PTELAB_CALL_ZAP_VMA] = zap,
	[PTELAB_CALL_ZAP_MANY] = zap,
	[PTELAB_CALL_UNMAP_PAGES] = unmap_pages,
	[PTELAB_CALL_FOLLOW_PFN] = follow,
	[PTELAB_CALL_FOLLOW_PTE] = follow,
	[PTELAB_CALL_FOLLOW_PFNMAP] = follow,
	[PTELAB_CALL_FOLLOW_PFN_ANY] = follow,
	[PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP] = follow,
	[PTELAB_CALL_APPLY] = apply,
	[PTELAB_CALL_HANDLE_FAULT] = fault_in,
	[PTELAB_CALL_FIXUP_FAULT] = fault_in,
};

/* Context: no lock; takes mmap_lock itself. */
static int access_process(struct ptelab_call *arg)
{
	struct ptelab_call_facts facts = {
		.call = arg->call,
		.other_process = arg->pid && arg->pid != task_tgid_vnr(current),
	};
	int error = ptelab_call_verdict(&facts);

	if (error)
		return error;
	arg->value = arg->argument;
	arg->result = access_process_vm(current, arg->address, &arg->value, sizeof(arg->value),
					arg->flags & PTELAB_CALL_WRITE ? FOLL_WRITE : 0);
	return 0;
}

static int check(const struct ptelab_call *arg)
{
	unsigned long distance = arg->address > arg->anchor ? arg->address - arg->anchor : arg->anchor - arg->address;

	if ((arg->flags & ~ALL_FLAGS) || arg->reserved0 || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	if (!arg->call || arg->call >= PTELAB_CALLS || arg->source >= PTELAB_SOURCES || arg->cache >= PTELAB_CACHES)
		return -EINVAL;
	if (arg->count > PTELAB_LOOKUP_MAX || arg->offset > PAGE_SIZE || arg->bytes > (u64)PTELAB_LOOKUP_MAX << PAGE_SHIFT ||
	    (arg->source && arg->bad >= max(arg->count, 1ULL)))
		return -EINVAL;
	/* vm_insert_page() wants an address of a page; only remap_pfn_range() is defined for others. */
	if (arg->call != PTELAB_CALL_REMAP && arg->call != PTELAB_CALL_ACCESS_PROCESS && !PAGE_ALIGNED(arg->address))
		return -EINVAL;
	return arg->call != PTELAB_CALL_ACCESS_PROCESS && distance > PTELAB_CALL_MARGIN ? -EINVAL : 0;
}

static bool takes_faults(unsigned int call)
{
	return call == PTELAB_CALL_HANDLE_FAULT || call == PTELAB_CALL_FIXUP_FAULT;
}

static int call_if_permitted(struct call_context *c)
{
	struct ptelab_call_facts facts;
	int error = find_facts(c, &facts);

	if (!error)
		error = ptelab_call_verdict(&facts);
	if (error == -EPERM && c->arg->flags & PTELAB_CALL_MISUSE && c->file->misuser.misuse->dares(&facts))
		error = 0;
	return error ? error : calls[c->arg->call](c);
}

/* What a call puts into page tables, REVOKE must find: so the gate is passed, as by a fault. A fault passes it by itself. */
static int call_gated(struct call_context *c)
{
	int error;

	if (takes_faults(c->arg->call))
		return call_if_permitted(c);
	if (!ptelab_gate_enter(c->file->session))
		return -ENODEV;
	error = call_if_permitted(c);
	ptelab_gate_leave(c->file->session);
	return error;
}

static int call_on_vma(struct call_context *c)
{
	int error = ptelab_live_begin(&c->vma, c->file->filp, c->arg->anchor, write_locked(c));

	if (error)
		return error;
	/* A fault may hold the VMA's own lock when it passes the gate: where the call is going to take it, it does so before. */
	if (write_locked(c))
		compat_vm_flags_set(c->vma, 0);
	error = call_gated(c);
	if (write_locked(c))
		mmap_write_unlock(current->mm);
	else
		mmap_read_unlock(current->mm);
	return error;
}

/* References of what has a count: the second page of a raw block has none, and must not get one. */
static struct page *also_got(struct page *page)
{
	if (page && page_count(page))
		get_page(page);
	return page;
}

static void put_array(struct page **pages, unsigned long count)
{
	while (count--) {
		if (page_count(pages[count]))
			put_page(pages[count]);
		cond_resched();
	}
	kvfree(pages);
}

/* count pages of the region: from index on, the source in place of number bad; vm_map_pages() starts at page 0. */
static int get_array(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;
	u64 first = arg->call == PTELAB_CALL_INSERT_PAGES ? arg->index : 0;
	struct page **pages;
	unsigned long i;

	if (!arg->count)
		return -EINVAL;
	pages = kvcalloc(arg->count, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < arg->count; i++) {
		bool killed = fatal_signal_pending(current);

		cond_resched();
		if (!killed)
			pages[i] = arg->source && i == arg->bad ? also_got(c->page) :
								 ptelab_page_get(c->file->session, first + i);
		if (!pages[i]) {
			put_array(pages, i);
			return killed ? -EINTR : -EINVAL;
		}
	}
	c->pages = pages;
	return 0;
}

static int gather(struct call_context *c)
{
	struct ptelab_call *arg = c->arg;

	if (is_vmalloc_source(arg->source)) {
		if (arg->call != PTELAB_CALL_REMAP_VMALLOC || !arg->count)
			return 0;
		c->memory = ptelab_page_source_vmalloc(c->file, arg->source, arg->count);
		return c->memory ? 0 : -ENOMEM;
	}
	if (arg->source) {
		struct page *page = ptelab_page_source_get(c->file, arg->source, arg->argument);

		if (IS_ERR(page))
			return PTR_ERR(page);
		c->page = page;
	} else {
		c->page = ptelab_page_get(c->file->session, arg->index);
		c->contiguous = ptelab_contiguous(c->file->session, arg->index,
						  DIV_ROUND_UP(arg->offset + arg->bytes, PAGE_SIZE));
	}
	return takes_array(arg->call) ? get_array(c) : 0;
}

static void give_back(struct call_context *c)
{
	if (c->pages)
		put_array(c->pages, c->arg->count);
	if (c->page && c->arg->source)
		ptelab_page_source_put(c->arg->source, c->page);
	else if (c->page)
		put_page(c->page);
}

int ptelab_call(struct ptelab_file *file, struct ptelab_call *arg)
{
	struct call_context c = { .file = file, .arg = arg };
	int error = check(arg);

	if (error)
		return error;
	arg->result = arg->left = arg->value = arg->extra = 0;
	if (arg->call == PTELAB_CALL_ACCESS_PROCESS)
		return access_process(arg);
	arg->call = array_index_nospec(arg->call, PTELAB_CALLS);
	arg->source = array_index_nospec(arg->source, PTELAB_SOURCES);
	if (arg->flags & PTELAB_CALL_MISUSE) {
		error = port_misuse_hold(&file->misuser);
		if (error)
			return error;
	}
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	error = gather(&c);
	if (!error)
		error = call_on_vma(&c);
	give_back(&c);
	mutex_unlock(&file->lock);
	if (c.followed) {
		arg->value = ptelab_find(file->session, c.found.pfn);
		arg->extra = (c.found.writable ? 1 : 0) | (c.found.special ? 2 : 0);
	}
	return error;
}
