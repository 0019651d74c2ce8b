/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/fs.h>
#include <linux/mm.h>
int probe(struct vm_area_desc *desc, struct page **pages, struct vm_operations_struct *ops);
int probe(struct vm_area_desc *desc, struct page **pages, struct vm_operations_struct *ops)
{
	vma_desc_clear_flags(desc, VMA_MAYEXEC_BIT);
	mmap_action_remap_full(desc, 0);
	mmap_action_simple_ioremap(desc, 0, PAGE_SIZE);
	mmap_action_map_kernel_pages_full(desc, pages);
	return ops->mapped ? 1 : 0;
}
