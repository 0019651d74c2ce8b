/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_SPACE_H
#define PTELAB_PORT_SPACE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/spinlock.h>

#include "../../port.h"

struct address_space;
struct inode;

/* Its members are the port's own: space.c, gate.c, pending_mmaps.c. */
struct port_space {
	struct inode *inode;
	struct address_space *mapping;	/* the inode's, or a borrowed one */
	struct percpu_rw_semaphore gate;	/* read: a fault that may insert; write: change who may */
	bool open;			/* as the core says; read with a page locked */
	struct mutex revoke;		/* one REVOKE or RESTORE at a time */
	struct mutex leaf;		/* a fault that fills a PMD of which the whole may be mapped at once */
	spinlock_t lock;		/* guards fillers and filler->settled */
	struct list_head fillers;
};

int ptelab_space_init(void);
void ptelab_space_exit(void);
void ptelab_space_borrow(struct port_space *space, struct file *file);

#endif
