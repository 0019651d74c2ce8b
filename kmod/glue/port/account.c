// SPDX-License-Identifier: GPL-2.0
/* port.h: memory of an open file's own, charged to whoever opened it. */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "account.h"

void ptelab_account_init(struct port_account *account)
{
	account->opener = current->mm;
	mmgrab(account->opener);
	atomic_long_set(&account->pages, 0);
}

void ptelab_account_free(struct port_account *account)
{
	port_uncharge(account, atomic_long_read(&account->pages));
	mmdrop(account->opener);
}

/* As memory that a device's user has pinned (drivers/infiniband/core/umem.c: __ib_umem_get): an atomic, so that ->release waits for nobody. */
int port_charge(struct port_account *account, unsigned long pages)
{
	u64 limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic64_add_return(pages, &account->opener->pinned_vm) > limit && !capable(CAP_IPC_LOCK)) {
		atomic64_sub(pages, &account->opener->pinned_vm);
		return -ENOMEM;
	}
	atomic_long_add(pages, &account->pages);
	return 0;
}

void port_uncharge(struct port_account *account, unsigned long pages)
{
	atomic64_sub(pages, &account->opener->pinned_vm);
	atomic_long_sub(pages, &account->pages);
}
