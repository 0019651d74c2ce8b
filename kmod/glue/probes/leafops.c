/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
#include <linux/leafops.h>
bool probe(pte_t pte, pmd_t pmd);
bool probe(pte_t pte, pmd_t pmd)
{
	return softleaf_is_marker(softleaf_from_pte(pte)) && pmd_is_migration_entry(pmd);
}
