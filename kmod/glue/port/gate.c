// SPDX-License-Identifier: GPL-2.0
/* port.h: what waits at a gate, which is the core's own, and whatever else REVOKE and faults wait at. */
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "../compat.h"
#include "space.h"

/* Acquire: who finds the word as he wants it sees what was done before it became so. */
bool port_space_gate_wait(struct port_space *space, const unsigned int *word, unsigned int bits, bool killable)
{
	if (killable)
		return !wait_event_killable(space->gate, !(smp_load_acquire(word) & bits));
	wait_event(space->gate, !(smp_load_acquire(word) & bits));
	return true;
}

void port_space_gate_wake(struct port_space *space)
{
	wake_up_all(&space->gate);
}

/* Only where PTELAB_GATE_IS_TOLD: to lockdep the gate is a rwsem. */
void port_space_gate_acquire(struct port_space *space, bool exclusively)
{
	might_sleep();
	if (exclusively)
		rwsem_acquire(&space->gate_map, 0, 0, _RET_IP_);
	else
		rwsem_acquire_read(&space->gate_map, 0, 0, _RET_IP_);
}

void port_space_gate_release(struct port_space *space)
{
	rwsem_release(&space->gate_map, _RET_IP_);
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

bool port_killed(void)
{
	return fatal_signal_pending(current);
}

bool port_pause(void)
{
	cond_resched();
	return !port_killed();
}
