/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The read side of a gate: no atomic, and no function is called while nobody is about to close it. Each fault passes here, and one
 * in thousands meets a REVOKE, so that the write side pays: it waits for an RCU grace period.
 */
#ifndef PTELAB_PORT_GATE_H
#define PTELAB_PORT_GATE_H

#include <linux/kernel.h>

#include "space.h"

/* Somebody is closing the gate, or has just done so. */
void ptelab_gate_wait(struct port_space *space);

/* Sleeps; mmap_lock may be held. percpu_down_read() is the same, but for a look whether to reschedule. */
static __always_inline void ptelab_gate_enter_inline(struct port_space *space)
{
	might_sleep_if(IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP));
	if (unlikely(!percpu_down_read_trylock(&space->gate)))
		ptelab_gate_wait(space);
}

static __always_inline void ptelab_gate_leave_inline(struct port_space *space)
{
	percpu_up_read(&space->gate);
}

#endif
