/* SPDX-License-Identifier: GPL-2.0 */
/* prepare.c: for kernels that can make a mapping without ->mmap. */
#ifndef PTELAB_PREPARE_H
#define PTELAB_PREPARE_H

#include <linux/fs.h>
#include <linux/mm.h>

#include "../compat.h"

#ifdef HAVE_MMAP_ACTIONS
int ptelab_node_mmap_prepare(struct vm_area_desc *desc);
#endif

#endif
