// SPDX-License-Identifier: GPL-2.0
/* PAGE_INFO: what the kernel counts for a page, and the driver giving up its pages while they are mapped. */
#include <linux/err.h>
#include <linux/mm.h>

#include "../compat.h"
#include "../file.h"
#include "page_sources.h"
#include "page_info.h"

/* A page of the slab allocator's has something else where others have their count. */
static s64 mappings(struct page *page)
{
	if (PageSlab(page) || page_has_type(page))
		return 0;
	return compat_page_mappings(page);
}

/* The reference that we hold while looking is not told. */
static void fill(const struct ptelab_file *file, struct ptelab_page_info *arg, struct page *page, int own_references)
{
	arg->references = page_count(page) - own_references;
	arg->mappings = mappings(page);
	arg->pfn = file->opened_by_admin ? page_to_pfn(page) : 0;
}

int ptelab_page_info(struct ptelab_file *file, struct ptelab_page_info *arg)
{
	int error = ptelab_page_info_verdict(arg);
	struct page *page;

	if (error)
		return error;
	if (arg->flags & PTELAB_PAGE_DROP_ALL)
		return ptelab_drop_pages(file->session);
	if (arg->source) {
		if (mutex_lock_killable(&file->lock))
			return -EINTR;
		page = ptelab_page_source_get(file, arg->source, 0);
		mutex_unlock(&file->lock);
		if (IS_ERR(page))
			return PTR_ERR(page);
		fill(file, arg, page, 0);
		return 0;
	}
	page = ptelab_page_get(file->session, arg->index);
	if (!page)
		return -EINVAL;
	fill(file, arg, page, 1);
	put_page(page);
	return 0;
}
