/* SPDX-License-Identifier: GPL-2.0 */
/* What a file's counts are: each is the module's too. */
#ifndef PTELAB_PORT_COUNT_H
#define PTELAB_PORT_COUNT_H

#include <linux/atomic.h>

#include "../../port.h"

struct port_counts {
	atomic64_t value[PORT_COUNTS];
};

extern struct port_counts ptelab_module_counts;

/* port_count() by one, where nobody asks for the new value. */
static inline void ptelab_count_inline(struct port_counts *counts, enum port_count_kind which)
{
	atomic64_inc(&ptelab_module_counts.value[which]);
	atomic64_inc(&counts->value[which]);
}

#endif
