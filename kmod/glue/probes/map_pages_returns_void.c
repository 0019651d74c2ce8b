/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
void (*probe(struct vm_operations_struct *ops))(struct vm_fault *vmf, pgoff_t start, pgoff_t end);
void (*probe(struct vm_operations_struct *ops))(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	return ops->map_pages;
}
