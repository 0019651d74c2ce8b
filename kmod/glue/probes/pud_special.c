/* SPDX-License-Identifier: GPL-2.0 */
/* There is a pud_special() that always says no where an architecture has no such bit. */
#include <linux/mm.h>
#ifndef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
#error "no PUD is special"
#endif
bool probe(pud_t pud);
bool probe(pud_t pud)
{
	return pud_special(pud);
}
