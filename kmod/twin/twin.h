/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two twins share: the ways to map, each a device node, and memory for them. A twin is a driver that does in plain C what
 * ptelab does, to be measured beside it (scripts/measure-faults), and is never loaded for anything else.
 */
#ifndef PTELAB_TWIN_H
#define PTELAB_TWIN_H

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../glue/compat.h"

#define TWIN_PAGES 1024UL
#define TWIN_AROUND 16UL	/* pages of one fault where it inserts several */
#define TWIN_BETWEEN_PAUSES 64UL	/* pages of an mmap that is filled, before a look whether to reschedule or to end */

enum twin_way {
	FAULT_INSERT_PFN, FAULT_INSERT_PAGE, FAULT_PAGE, FAULT_INSERT_PAGES, INSERT_PAGE, INSERT_PAGES, WAYS
};

static inline void twin_free_pages(struct page **pages)
{
	unsigned long i;

	for (i = 0; pages && i < TWIN_PAGES && pages[i]; i++)
		__free_page(pages[i]);
	kvfree(pages);
}

static inline struct page **twin_alloc_pages(void)
{
	struct page **pages = kvcalloc(TWIN_PAGES, sizeof(*pages), GFP_KERNEL);
	unsigned long i;

	for (i = 0; pages && i < TWIN_PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[i]) {
			twin_free_pages(pages);
			return NULL;
		}
	}
	return pages;
}

/* Of misc_open(): the way is the node's place in the array of them. */
static inline enum twin_way twin_way_of(const struct file *filp, const struct miscdevice *nodes)
{
	return (const struct miscdevice *)filp->private_data - nodes;
}

static inline void twin_remove_nodes(struct miscdevice *nodes, unsigned int count)
{
	while (count--)
		misc_deregister(&nodes[count]);
}

static inline int twin_add_nodes(struct miscdevice *nodes)
{
	unsigned int way;
	int error;

	for (way = 0; way < WAYS; way++) {
		error = misc_register(&nodes[way]);
		if (error) {
			twin_remove_nodes(nodes, way);
			return error;
		}
	}
	return 0;
}

#define TWIN_NODE(twin, way, file_ops)                  \
	{                                               \
		.minor = MISC_DYNAMIC_MINOR,            \
		.name = "ptelab_" twin "_" way,         \
		.nodename = "ptelab_" twin "/" way,     \
		.mode = 0600,                           \
		.fops = file_ops,                       \
	}

/* The names are those of ptelab's own nodes. */
#define TWIN_NODES(twin, file_ops)                                                              \
	{                                                                                       \
		[FAULT_INSERT_PFN] = TWIN_NODE(twin, "fault_insert_pfn", file_ops),             \
		[FAULT_INSERT_PAGE] = TWIN_NODE(twin, "fault_insert_page", file_ops),           \
		[FAULT_PAGE] = TWIN_NODE(twin, "fault_page", file_ops),                         \
		[FAULT_INSERT_PAGES] = TWIN_NODE(twin, "fault_insert_pages", file_ops),         \
		[INSERT_PAGE] = TWIN_NODE(twin, "insert_page", file_ops),                       \
		[INSERT_PAGES] = TWIN_NODE(twin, "insert_pages", file_ops),                     \
	}

#endif
