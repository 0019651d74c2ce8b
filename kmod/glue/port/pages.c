// SPDX-License-Identifier: GPL-2.0
/* port.h: memory for regions. Process context, GFP_KERNEL: all may sleep. Never a warning for a size that user space chose. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../compat.h"
#include "../../port.h"

#define REGION_GFP (GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN)

struct page *port_page_alloc(void)
{
	return alloc_page(REGION_GFP);
}

struct page *port_compound_alloc(unsigned int order)
{
	return alloc_pages(REGION_GFP | __GFP_COMP, order);
}

struct page *port_block_alloc(unsigned int order)
{
	struct page *first = alloc_pages(REGION_GFP, order);

	if (first)
		split_page(first, order);
	return first;
}

void port_page_free(struct page *page)
{
	__free_page(page);
}

void port_compound_free(struct page *page, unsigned int order)
{
	__free_pages(page, order);
}

/* vmalloc_user(): zeroed, and marked as fit for user space. It warns when it fails, so what cannot succeed is not tried. */
void *port_vmalloc(unsigned long pages)
{
	return pages >= si_mem_available() ? NULL : vmalloc_user(pages << PAGE_SHIFT);
}

void port_vfree(void *memory)
{
	vfree(memory);
}

struct page *port_vmalloc_page(const void *memory, unsigned long index)
{
	return vmalloc_to_page(memory + (index << PAGE_SHIFT));
}

struct page *port_page_nth(struct page *first, unsigned long index)
{
	return first + index;	/* of one block of the buddy allocator, whose struct pages are in a row */
}

unsigned long port_page_pfn(const struct page *page)
{
	return page_to_pfn((struct page *)page);
}

void port_page_get(struct page *page)
{
	get_page(page);
}

void port_page_copy(struct page *page, unsigned long offset, void *buffer, unsigned long bytes, bool write)
{
	void *memory = compat_map_page(page);

	if (write)
		memcpy(memory + offset, buffer, bytes);
	else
		memcpy(buffer, memory + offset, bytes);
	compat_unmap_page(page, memory);
}
