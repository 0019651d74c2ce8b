// SPDX-License-Identifier: GPL-2.0
/* Pages that are not a region's: what a driver should, and should not, try to insert. Process context; sleep. */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../file.h"
#include "page_sources.h"

#define LARGE_BYTES max_t(size_t, 65536, 16 * PAGE_SIZE)

struct ptelab_page_sources {
	struct page *page[PTELAB_SOURCES];	/* first page of what was allocated, by its own reference */
	void *memory[PTELAB_SOURCES];		/* of kmalloc() and vmalloc() */
};

static struct ptelab_page_sources *sources_of(struct ptelab_file *file)
{
	if (!file->sources)
		file->sources = kzalloc(sizeof(*file->sources), GFP_KERNEL);
	return file->sources;
}

static struct page *make(struct ptelab_page_sources *sources, unsigned int source)
{
	switch (source) {
	case PTELAB_SOURCE_FRESH:
		return alloc_page(GFP_KERNEL | __GFP_ZERO);
	case PTELAB_SOURCE_ORDER1_TAIL:
		return alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);
	case PTELAB_SOURCE_COMPOUND_TAIL:
		return alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, 1);
	case PTELAB_SOURCE_SPLIT_TAIL: {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);

		if (page)
			split_page(page, 1);
		return page;
	}
	case PTELAB_SOURCE_SLAB:
	case PTELAB_SOURCE_KMALLOC_LARGE:
		sources->memory[source] = kzalloc(source == PTELAB_SOURCE_SLAB ? 64 : LARGE_BYTES, GFP_KERNEL);
		return sources->memory[source] ? virt_to_page(sources->memory[source]) : NULL;
	case PTELAB_SOURCE_ZERO:
		return ZERO_PAGE(0);
	default:
		return NULL;
	}
}

/* The page that is handed out, of the pages that were made. */
static struct page *part(unsigned int source, struct page *first)
{
	bool tail = source == PTELAB_SOURCE_ORDER1_TAIL || source == PTELAB_SOURCE_COMPOUND_TAIL ||
		    source == PTELAB_SOURCE_SPLIT_TAIL;

	return tail ? first + 1 : first;
}

/* A reading access may find any page that is mapped there, a file's too: what it is, the core is told. */
static struct page *get_anon(unsigned long address)
{
	struct page *page = NULL;
	struct ptelab_page_source_facts facts = { .source = PTELAB_SOURCE_ANON };
	int error;

	facts.mapped = get_user_pages_fast(address, 1, 0, &page) == 1;
	facts.anonymous = facts.mapped && PageAnon(page);
	error = ptelab_page_source_verdict(&facts);
	if (!error)
		return page;
	if (facts.mapped)
		put_page(page);
	return ERR_PTR(error);
}

struct page *ptelab_page_source_get(struct ptelab_file *file, unsigned int source, unsigned long address)
{
	struct ptelab_page_source_facts facts = { .source = source };
	struct ptelab_page_sources *sources;
	int error;

	if (source == PTELAB_SOURCE_ANON)
		return get_anon(address);
	sources = sources_of(file);
	if (sources && !sources->page[source])
		sources->page[source] = make(sources, source);
	facts.made = sources && sources->page[source];
	error = ptelab_page_source_verdict(&facts);
	return error ? ERR_PTR(error) : part(source, sources->page[source]);
}

/* What the file owns stays until it is closed. */
void ptelab_page_source_put(unsigned int source, struct page *page)
{
	if (source == PTELAB_SOURCE_ANON)
		put_page(page);
}

void *ptelab_page_source_vmalloc(struct ptelab_file *file, unsigned int source, unsigned long pages)
{
	struct ptelab_page_sources *sources = sources_of(file);

	if (!sources || sources->memory[source])
		return sources ? sources->memory[source] : NULL;
	/* As port_vmalloc(): no warning for a size that user space chose. */
	if (pages >= si_mem_available() || port_charge(&file->account, pages))
		return NULL;
	sources->memory[source] = source == PTELAB_SOURCE_USER_VMALLOC ? vmalloc_user(pages << PAGE_SHIFT) :
								      vzalloc(pages << PAGE_SHIFT);
	if (!sources->memory[source])
		port_uncharge(&file->account, pages);
	return sources->memory[source];
}

/* Context: ->release, when no mapping of the file is left. */
void ptelab_page_sources_free(struct ptelab_page_sources *sources)
{
	unsigned int source;

	if (!sources)
		return;
	for (source = 1; source < PTELAB_SOURCES; source++) {
		struct page *page = sources->page[source];

		if (sources->memory[source])
			kvfree(sources->memory[source]);
		else if (page && source == PTELAB_SOURCE_FRESH)
			__free_page(page);
		else if (page && source == PTELAB_SOURCE_SPLIT_TAIL)
			__free_page(page), __free_page(page + 1);
		else if (page && source != PTELAB_SOURCE_ZERO)
			__free_pages(page, 1);
	}
	kfree(sources);
}
