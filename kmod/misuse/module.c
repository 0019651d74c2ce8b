// SPDX-License-Identifier: GPL-2.0
/*
 * ptelab_misuse.ko: what no driver may do, done to see what the kernel does then. Not loaded, it is not there. It can bring the
 * machine down, and is for machines that may.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>

#include "../core.h"
#include "misuse.h"

/* The zero page is none that vm_insert_page() takes (mm/memory.c: validate_page_before_insert), or one it must not give write access to. */
static struct page **spoil(struct page *const *pages, unsigned long count, unsigned long bad)
{
	struct page **copy = kvmalloc_array(count, sizeof(*copy), GFP_KERNEL);

	if (!copy)
		return NULL;
	memcpy(copy, pages, count * sizeof(*copy));
	copy[bad] = ZERO_PAGE(0);
	return copy;
}

/*
 * Findings 1.1, 1.3, 1.4 and 1.6 of docs/refusals.md: foreign pages, what is in the way, what comes behind. What the core refuses for
 * another reason as well stays refused.
 */
static bool dares(const struct ptelab_call_facts *facts)
{
	struct ptelab_call_facts good = *facts;

	if (good.source == PTELAB_SOURCE_SLAB || good.source == PTELAB_SOURCE_ZERO)
		good.source = PTELAB_SOURCE_FRESH;
	if (good.call == PTELAB_CALL_INSERT_MIXED_MKWRITE)
		good.cow = false;
	good.entries = 0;
	good.maps_leaves = false;
	good.anonymous = false;
	good.meets_hugetlb = false;
	return !ptelab_call_verdict(&good);
}

static const struct ptelab_misuse misuse = {
	.owner = THIS_MODULE,
	.fault = ptelab_misuse_fault,
	.huge_fault = ptelab_misuse_huge_fault,
	.spoil = spoil,
	.dares = dares,
};

static int __init misuse_init(void)
{
	return ptelab_misuse_register(&misuse);
}

static void __exit misuse_exit(void)
{
	ptelab_misuse_unregister(&misuse);
}

module_init(misuse_init);
module_exit(misuse_exit);

MODULE_DESCRIPTION("What a driver must never do with its mappings, for ptelab to do it");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
