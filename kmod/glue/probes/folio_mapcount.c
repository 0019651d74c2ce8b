/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
int probe(struct page *page);
int probe(struct page *page)
{
	return folio_entire_mapcount(page_folio(page));
}
