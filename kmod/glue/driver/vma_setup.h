/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_VMA_SETUP_H
#define PTELAB_VMA_SETUP_H

#include "../file.h"

int ptelab_vma_setup_set(struct file *filp, const struct ptelab_vma_setup *vma_setup);
void ptelab_vma_setup_apply(const struct ptelab_file *file, struct vm_area_struct *vma);
void ptelab_vma_setup_undo(struct ptelab_file *file);	/* release: no VMA is left */

#endif
