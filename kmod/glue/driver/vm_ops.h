/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of hooks: one for each kind of method, and one put together from what VMA_SETUP asks for. */
#ifndef PTELAB_VM_OPS_H
#define PTELAB_VM_OPS_H

#include "../file.h"

/* What a VMA of this file gets: what VMA_SETUP asked for, or the method's. */
const struct vm_operations_struct *ptelab_vm_ops_of(const struct ptelab_file *file);

/* hooks: bits 1 << enum ptelab_hook. -EOPNOTSUPP: the method or this kernel has no such hook. */
int ptelab_vm_ops_fill(struct vm_operations_struct *ops, unsigned int method, u64 hooks);

#endif
