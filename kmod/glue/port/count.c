// SPDX-License-Identifier: GPL-2.0
/* port.h: counters and the session's mutex. */
#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "../../port.h"

struct port_counts port_module_counts;

/* The core counts in the same words, by atomic operations of its own. */
static atomic64_t *word_of(struct port_counts *counts, enum port_count_kind which)
{
	static_assert(sizeof(atomic64_t) == sizeof(counts->value[0]));
	return (atomic64_t *)&counts->value[which];
}

struct port_counts *port_counts_new(void)
{
	return kzalloc(sizeof(struct port_counts), GFP_KERNEL);
}

void port_counts_free(struct port_counts *counts)
{
	kfree(counts);
}

unsigned long long port_count(struct port_counts *counts, enum port_count_kind which, long long delta)
{
	unsigned long long all = atomic64_add_return(delta, word_of(&port_module_counts, which));

	return counts ? atomic64_add_return(delta, word_of(counts, which)) : all;
}

unsigned long long port_count_read(const struct port_counts *counts, enum port_count_kind which)
{
	return READ_ONCE((counts ? counts : &port_module_counts)->value[which]);
}

struct port_mutex {
	struct mutex mutex;
};

struct port_mutex *port_mutex_new(void)
{
	struct port_mutex *mutex = kzalloc(sizeof(*mutex), GFP_KERNEL);

	if (mutex)
		mutex_init(&mutex->mutex);
	return mutex;
}

void port_mutex_free(struct port_mutex *mutex)
{
	mutex_destroy(&mutex->mutex);
	kfree(mutex);
}

void port_mutex_lock(struct port_mutex *mutex)
{
	mutex_lock(&mutex->mutex);
}

bool port_mutex_lock_killable(struct port_mutex *mutex)
{
	return !mutex_lock_killable(&mutex->mutex);
}

void port_mutex_unlock(struct port_mutex *mutex)
{
	mutex_unlock(&mutex->mutex);
}
