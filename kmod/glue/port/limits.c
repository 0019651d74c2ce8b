// SPDX-License-Identifier: GPL-2.0
/* port.h: sizes that the kernel was built with, or found when it booted. Any context. */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "../compat.h"
#include "../../port.h"

unsigned int port_page_shift(void)
{
	return PAGE_SHIFT;
}

unsigned long port_max_block_pages(void)
{
	return 1UL << COMPAT_MAX_ORDER;
}

unsigned long port_pmd_pages(void)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	return 1UL << (PMD_SHIFT - PAGE_SHIFT);
#else
	return 0;
#endif
}

/* 2 MiB with pages of 4 KiB, but 512 MiB with pages of 64 KiB. */
bool port_pmd_fits(void)
{
	return port_pmd_pages() <= totalram_pages() / 4;
}

unsigned long port_pud_pages(void)
{
	return 1UL << (PUD_SHIFT - PAGE_SHIFT);
}
