/* SPDX-License-Identifier: GPL-2.0 */
/* The members of vm_ops, each as the kernel at hand declares it. */
#ifndef PTELAB_HOOKS_H
#define PTELAB_HOOKS_H

#include <linux/mm.h>

#include "../compat.h"

void ptelab_vma_open(struct vm_area_struct *vma);
void ptelab_vma_close(struct vm_area_struct *vma);
int ptelab_vma_may_split(struct vm_area_struct *vma, unsigned long addr);
int ptelab_vma_mremap(struct vm_area_struct *vma);
#ifdef HAVE_MPROTECT_HOOK
int ptelab_vma_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned long newflags);
#endif
vm_fault_t ptelab_vma_fault(struct vm_fault *vmf);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
int ptelab_huge_may_split(struct vm_area_struct *vma, unsigned long addr);	/* without an event */
#ifdef HAVE_HUGE_FAULT_PE_SIZE
vm_fault_t ptelab_vma_huge_fault(struct vm_fault *vmf, enum page_entry_size size);
#else
vm_fault_t ptelab_vma_huge_fault(struct vm_fault *vmf, unsigned int order);
#endif
#endif
COMPAT_MAP_PAGES_RETURNS ptelab_vma_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end);
vm_fault_t ptelab_vma_page_mkwrite(struct vm_fault *vmf);
vm_fault_t ptelab_vma_pfn_mkwrite(struct vm_fault *vmf);
int ptelab_vma_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write);
#ifdef CONFIG_HAVE_IOREMAP_PROT
int ptelab_vma_generic_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write);
#endif
const char *ptelab_vma_name(struct vm_area_struct *vma);
#ifdef HAVE_MMAP_ACTIONS
int ptelab_vma_mapped(unsigned long start, unsigned long end, pgoff_t pgoff, const struct file *filp, void **private);
#endif

#endif
