/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
#include <linux/pfn_t.h>
vm_fault_t probe(struct vm_area_struct *vma);
vm_fault_t probe(struct vm_area_struct *vma)
{
	return vmf_insert_mixed(vma, 0, pfn_to_pfn_t(1));
}
