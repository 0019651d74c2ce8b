// SPDX-License-Identifier: GPL-2.0
/* port.h: the gate of a space, and the other locks that REVOKE and faults meet at. */
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "space.h"

void port_space_gate_enter(struct port_space *space)
{
	down_read(&space->gate);
}

void port_space_gate_leave(struct port_space *space)
{
	up_read(&space->gate);
}

void port_space_gate_close(struct port_space *space)
{
	down_write(&space->gate);
}

void port_space_gate_open(struct port_space *space)
{
	up_write(&space->gate);
}

void port_space_leaf_lock(struct port_space *space)
{
	mutex_lock(&space->leaf);
}

void port_space_leaf_unlock(struct port_space *space)
{
	mutex_unlock(&space->leaf);
}

void port_space_revoke_lock(struct port_space *space)
{
	mutex_lock(&space->revoke);
}

void port_space_revoke_unlock(struct port_space *space)
{
	mutex_unlock(&space->revoke);
}

void port_space_page_barrier(struct page *page)
{
	lock_page(page);
	unlock_page(page);
}
