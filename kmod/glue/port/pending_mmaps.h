/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_PENDING_MMAPS_H
#define PTELAB_PORT_PENDING_MMAPS_H

#include <linux/list.h>

#include "../../port.h"

/* What port_await_mmap() was told of one open file; the session's mutex guards it. */
struct port_awaited {
	struct list_head pending_mmaps;
};

void ptelab_awaited_init(struct port_awaited *awaited);
void ptelab_awaited_free(struct port_awaited *awaited);	/* ->release: forget it */

/* ->open and ->close of a VMA. */
void ptelab_vma_copied(struct vm_area_struct *vma);
bool ptelab_vma_gone(struct vm_area_struct *vma);	/* false: port_vma_track() has not been called for it */

#endif
