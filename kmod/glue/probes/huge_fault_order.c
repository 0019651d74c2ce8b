/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
vm_fault_t (*probe(struct vm_operations_struct *ops))(struct vm_fault *vmf, unsigned int order);
vm_fault_t (*probe(struct vm_operations_struct *ops))(struct vm_fault *vmf, unsigned int order)
{
	return ops->huge_fault;
}
