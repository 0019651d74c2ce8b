// SPDX-License-Identifier: GPL-2.0
/* port.h: the gate of a space, and whatever else REVOKE and faults wait at. */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "gate.h"

void ptelab_gate_wait(struct port_space *space)
{
	percpu_down_read(&space->gate);
}

void port_space_gate_enter(struct port_space *space)
{
	ptelab_gate_enter_inline(space);
}

void port_space_gate_leave(struct port_space *space)
{
	ptelab_gate_leave_inline(space);
}

/*
 * There is no killable form. Bounded: by an RCU grace period, and by those who are inside, who wait for no task but for memory, and
 * insert at most a region's pages.
 */
bool port_space_gate_close(struct port_space *space, bool killable)
{
	if (killable && fatal_signal_pending(current))
		return false;
	percpu_down_write(&space->gate);
	return true;
}

void port_space_gate_open(struct port_space *space)
{
	percpu_up_write(&space->gate);
}

void port_space_show_open(struct port_space *space, bool open)
{
	WRITE_ONCE(space->open, open);
}

void port_space_leaf_lock(struct port_space *space)
{
	mutex_lock(&space->leaf);
}

void port_space_leaf_unlock(struct port_space *space)
{
	mutex_unlock(&space->leaf);
}

bool port_space_revoke_lock(struct port_space *space, bool killable)
{
	if (killable)
		return !mutex_lock_killable(&space->revoke);
	mutex_lock(&space->revoke);
	return true;
}

void port_space_revoke_unlock(struct port_space *space)
{
	mutex_unlock(&space->revoke);
}

bool port_space_page_barrier(struct page *page, bool killable)
{
	cond_resched();
	if (killable && compat_lock_page_killable(page))
		return false;
	if (!killable)
		lock_page(page);
	unlock_page(page);
	return true;
}

bool port_pause(void)
{
	cond_resched();
	return !fatal_signal_pending(current);
}
