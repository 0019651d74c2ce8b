/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/swap.h>
#include <linux/swapops.h>
bool probe(pte_t pte);
bool probe(pte_t pte)
{
	return is_pte_marker_entry(pte_to_swp_entry(pte));
}
