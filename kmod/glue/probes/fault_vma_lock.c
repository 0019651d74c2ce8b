/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
unsigned int probe(void);
unsigned int probe(void)
{
	return FAULT_FLAG_VMA_LOCK;
}
