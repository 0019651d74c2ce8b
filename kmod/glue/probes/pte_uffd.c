/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
bool probe(pte_t pte);
bool probe(pte_t pte)
{
	return pte_uffd(pte);
}
