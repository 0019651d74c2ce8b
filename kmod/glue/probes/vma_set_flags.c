/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
void probe(struct vm_area_struct *vma);
void probe(struct vm_area_struct *vma)
{
	vma_set_flags(vma, VMA_IO_BIT);
}
