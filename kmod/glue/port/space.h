/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_SPACE_H
#define PTELAB_PORT_SPACE_H

#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../../port.h"

struct address_space;
struct inode;

/* Its members are the port's own: space.c, gate.c, pending_mmaps.c. */
struct port_space {
	struct inode *inode;
	struct address_space *mapping;	/* the inode's, or a borrowed one */
	wait_queue_head_t gate;		/* where those wait who are to enter or to close it */
	struct lockdep_map gate_map;
	struct mutex revoke;		/* one REVOKE or RESTORE at a time */
	struct mutex leaf;		/* a fault that fills a PMD of which the whole may be mapped at once */
	spinlock_t lock;		/* guards pending_mmaps and pending->settled */
	struct list_head pending_mmaps;
};

int ptelab_space_init(void);
void ptelab_space_exit(void);
void ptelab_space_borrow(struct port_space *space, struct file *file);

#endif
