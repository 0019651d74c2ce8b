/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/pagemap.h>
int probe(struct page *page);
int probe(struct page *page)
{
	return folio_lock_killable(page_folio(page));
}
