/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_SHAPE_H
#define PTELAB_SHAPE_H

#include "../file.h"

int ptelab_shape_set(struct file *filp, const struct ptelab_shape *shape);
void ptelab_shape_apply(const struct ptelab_file *file, struct vm_area_struct *vma);
void ptelab_shape_undo(struct ptelab_file *file);	/* release: no VMA is left */

#endif
