/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
long probe(struct mm_struct *mm, unsigned long addr, struct page **pages);
long probe(struct mm_struct *mm, unsigned long addr, struct page **pages)
{
	return get_user_pages_remote(mm, addr, 1, 0, pages, NULL, NULL);
}
