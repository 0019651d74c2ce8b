/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/highmem.h>
void probe(struct page *page);
void probe(struct page *page)
{
	kunmap_local(kmap_local_page(page));
}
