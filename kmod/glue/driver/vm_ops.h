/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of hooks: one for each method, and one put together from what SHAPE asks for. */
#ifndef PTELAB_VM_OPS_H
#define PTELAB_VM_OPS_H

#include <linux/mm.h>

#include "../../../uapi/ptelab.h"

/* [method]; [0] is NULL. */
extern const struct vm_operations_struct *const ptelab_vm_ops[PTELAB_METHODS];

/* What a VMA of this file gets: what SHAPE asked for, or the method's. */
struct ptelab_file;
const struct vm_operations_struct *ptelab_vm_ops_of(const struct ptelab_file *file);

/* hooks: bits 1 << enum ptelab_hook. -EOPNOTSUPP: the method or this kernel has no such hook. */
int ptelab_vm_ops_fill(struct vm_operations_struct *ops, unsigned int method, u64 hooks);

#endif
