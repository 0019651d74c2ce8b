/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_LIVE_H
#define PTELAB_PORT_LIVE_H

#include "../../port.h"

/* port_live_begin(), or with mmap_lock held for write, which the caller then unlocks. */
int ptelab_live_begin(struct vm_area_struct **vma, const struct file *file, unsigned long addr, bool write);

#endif
