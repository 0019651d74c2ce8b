/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
enum page_entry_size probe(void);
enum page_entry_size probe(void)
{
	return PE_SIZE_PMD;
}
