// SPDX-License-Identifier: GPL-2.0
/* Pages that are not a region's: what a driver should, and should not, try to insert. Process context; sleep. */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../file.h"
#include "donors.h"

#define LARGE_BYTES max_t(size_t, 65536, 16 * PAGE_SIZE)

struct ptelab_donors {
	struct page *page[PTELAB_DONORS];	/* first page of what was allocated, by its own reference */
	void *memory[PTELAB_DONORS];		/* of kmalloc() and vmalloc() */
};

static struct ptelab_donors *donors_of(struct ptelab_file *file)
{
	if (!file->donors)
		file->donors = kzalloc(sizeof(*file->donors), GFP_KERNEL);
	return file->donors;
}

static struct page *make(struct ptelab_donors *donors, unsigned int donor)
{
	switch (donor) {
	case PTELAB_DONOR_FRESH:
		return alloc_page(GFP_KERNEL | __GFP_ZERO);
	case PTELAB_DONOR_ORDER1_TAIL:
		return alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);
	case PTELAB_DONOR_COMPOUND_TAIL:
		return alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, 1);
	case PTELAB_DONOR_SPLIT_TAIL: {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);

		if (page)
			split_page(page, 1);
		return page;
	}
	case PTELAB_DONOR_SLAB:
	case PTELAB_DONOR_KMALLOC_LARGE:
		donors->memory[donor] = kzalloc(donor == PTELAB_DONOR_SLAB ? 64 : LARGE_BYTES, GFP_KERNEL);
		return donors->memory[donor] ? virt_to_page(donors->memory[donor]) : NULL;
	case PTELAB_DONOR_ZERO:
		return ZERO_PAGE(0);
	default:
		return NULL;
	}
}

/* The page that is handed out, of the pages that were made. */
static struct page *part(unsigned int donor, struct page *first)
{
	bool tail = donor == PTELAB_DONOR_ORDER1_TAIL || donor == PTELAB_DONOR_COMPOUND_TAIL ||
		    donor == PTELAB_DONOR_SPLIT_TAIL;

	return tail ? first + 1 : first;
}

/* A reading access may find any page that is mapped there, a file's too: what it is, the core is told. */
static struct page *get_anon(unsigned long address)
{
	struct page *page = NULL;
	struct ptelab_donor_facts facts = { .source = PTELAB_DONOR_ANON };
	int error;

	facts.mapped = get_user_pages_fast(address, 1, 0, &page) == 1;
	facts.anonymous = facts.mapped && PageAnon(page);
	error = ptelab_donor_verdict(&facts);
	if (!error)
		return page;
	if (facts.mapped)
		put_page(page);
	return ERR_PTR(error);
}

struct page *ptelab_donor_get(struct ptelab_file *file, unsigned int donor, unsigned long address)
{
	struct ptelab_donor_facts facts = { .source = donor };
	struct ptelab_donors *donors;
	int error;

	if (donor == PTELAB_DONOR_ANON)
		return get_anon(address);
	donors = donors_of(file);
	if (donors && !donors->page[donor])
		donors->page[donor] = make(donors, donor);
	facts.made = donors && donors->page[donor];
	error = ptelab_donor_verdict(&facts);
	return error ? ERR_PTR(error) : part(donor, donors->page[donor]);
}

/* What the file owns stays until it is closed. */
void ptelab_donor_put(unsigned int donor, struct page *page)
{
	if (donor == PTELAB_DONOR_ANON)
		put_page(page);
}

void *ptelab_donor_vmalloc(struct ptelab_file *file, unsigned int donor, unsigned long pages)
{
	struct ptelab_donors *donors = donors_of(file);

	if (!donors || donors->memory[donor])
		return donors ? donors->memory[donor] : NULL;
	/* As port_vmalloc(): no warning for a size that user space chose. */
	if (pages >= si_mem_available() || port_charge(&file->account, pages))
		return NULL;
	donors->memory[donor] = donor == PTELAB_DONOR_USER_VMALLOC ? vmalloc_user(pages << PAGE_SHIFT) :
								      vzalloc(pages << PAGE_SHIFT);
	if (!donors->memory[donor])
		port_uncharge(&file->account, pages);
	return donors->memory[donor];
}

/* Context: ->release, when no mapping of the file is left. */
void ptelab_donors_free(struct ptelab_donors *donors)
{
	unsigned int donor;

	if (!donors)
		return;
	for (donor = 1; donor < PTELAB_DONORS; donor++) {
		struct page *page = donors->page[donor];

		if (donors->memory[donor])
			kvfree(donors->memory[donor]);
		else if (page && donor == PTELAB_DONOR_FRESH)
			__free_page(page);
		else if (page && donor == PTELAB_DONOR_SPLIT_TAIL)
			__free_page(page), __free_page(page + 1);
		else if (page && donor != PTELAB_DONOR_ZERO)
			__free_pages(page, 1);
	}
	kfree(donors);
}
