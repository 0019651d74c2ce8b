// SPDX-License-Identifier: GPL-2.0
/* port.h: counters and the session's mutex. */
#include <linux/mutex.h>
#include <linux/slab.h>

#include "count.h"

struct port_counts ptelab_module_counts;

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
	unsigned long long all = atomic64_add_return(delta, &ptelab_module_counts.value[which]);

	return counts ? atomic64_add_return(delta, &counts->value[which]) : all;
}

unsigned long long port_count_read(const struct port_counts *counts, enum port_count_kind which)
{
	return atomic64_read(&(counts ? counts : &ptelab_module_counts)->value[which]);
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

void port_mutex_unlock(struct port_mutex *mutex)
{
	mutex_unlock(&mutex->mutex);
}
