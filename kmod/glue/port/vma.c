// SPDX-License-Identifier: GPL-2.0
/* port.h: the VMA inside ->mmap, and the inserts there. mmap_lock is held for write; the VMA is not yet in the rmap. */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/vmalloc.h>

#include "../../../uapi/ptelab.h"
#include "../compat.h"
#include "device.h"
#include "vma.h"

struct port_span port_vma_span(const struct vm_area_struct *vma)
{
	return (struct port_span){ .start = vma->vm_start, .end = vma->vm_end, .pgoff = vma->vm_pgoff };
}

/* As mm/internal.h or linux/mm.h: is_cow_mapping, which moved and was renamed. */
bool port_vma_is_cow(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

bool port_vma_wants_exec(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_EXEC;
}

void port_vma_forbid_exec(struct vm_area_struct *vma)
{
	compat_vm_flags_clear(vma, VM_MAYEXEC);
}

void port_vma_make_pfnmap(struct vm_area_struct *vma)
{
	compat_vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
}

void port_vma_make_mixedmap(struct vm_area_struct *vma)
{
	compat_vm_flags_set(vma, VM_MIXEDMAP);
}

/* On x86 the macros only set bits, and two of them one after the other make a third type: so what was there goes first. */
static pgprot_t write_back(pgprot_t prot)
{
	pgprot_t base = vm_get_page_prot(VM_READ | VM_SHARED);
	unsigned long mask = (pgprot_val(base) ^ pgprot_val(pgprot_noncached(base))) |
			   (pgprot_val(base) ^ pgprot_val(pgprot_writecombine(base)));

	return __pgprot((pgprot_val(prot) & ~mask) | (pgprot_val(base) & mask));
}

pgprot_t ptelab_prot_with_cache(pgprot_t prot, unsigned int cache)
{
	switch (cache) {
	case PTELAB_CACHE_WRITE_BACK:
		return write_back(prot);
	case PTELAB_CACHE_UNCACHED:
		return pgprot_noncached(write_back(prot));
	case PTELAB_CACHE_WRITE_COMBINING:
		return pgprot_writecombine(write_back(prot));
	}
	return prot;
}

void port_vma_set_cache(struct vm_area_struct *vma, unsigned int cache)
{
	vma->vm_page_prot = ptelab_prot_with_cache(vma->vm_page_prot, cache);
}

/* Legal in ->mmap: sets VM_MIXEDMAP itself, which needs mmap_lock for write (mm/memory.c: vm_insert_page). */
int port_insert_page(struct vm_area_struct *vma, unsigned long addr, struct page *page)
{
	return vm_insert_page(vma, addr, page);
}

int port_insert_each(struct vm_area_struct *vma, unsigned long addr, struct page **pages, unsigned long count)
{
	unsigned long i;
	int error = 0;

	for (i = 0; i < count && !error; i++)
		error = vm_insert_page(vma, addr + (i << PAGE_SHIFT), pages[i]);
	return error;
}

/* Legal in ->mmap only: changes the VMA's flags. addr page-aligned, bytes > 0, the range empty and inside the VMA. */
int port_remap(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long bytes)
{
	return remap_pfn_range(vma, addr, pfn, bytes, vma->vm_page_prot);
}

/* Legal in ->mmap only, as remap_pfn_range, which it calls; checks vm_pgoff and length against the device's memory. */
int port_iomap(struct vm_area_struct *vma, struct port_device *device)
{
	return vm_iomap_memory(vma, port_device_phys(device), port_device_pages(device) << PAGE_SHIFT);
}

/* Legal in ->mmap as vm_insert_page(). What was inserted before an error stays. */
int port_insert_pages(struct vm_area_struct *vma, unsigned long addr, struct page **pages, unsigned long count)
{
	return vm_insert_pages(vma, addr, pages, &count);
}

int port_map_pages(struct vm_area_struct *vma, struct page **pages, unsigned long count)
{
	return vm_map_pages(vma, pages, count);
}

int port_map_pages_zero(struct vm_area_struct *vma, struct page **pages, unsigned long count)
{
	return vm_map_pages_zero(vma, pages, count);
}

/* Legal in ->mmap; memory of vmalloc_user() only. */
int port_remap_vmalloc(struct vm_area_struct *vma, void *memory, unsigned long pgoff)
{
	return remap_vmalloc_range(vma, memory, pgoff);
}
