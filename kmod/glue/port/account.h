/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_ACCOUNT_H
#define PTELAB_PORT_ACCOUNT_H

#include <linux/atomic.h>

#include "../../port.h"

struct mm_struct;

/* What one open file has been charged with. */
struct port_account {
	struct mm_struct *opener;	/* mmgrab()bed: its pinned_vm has what is charged */
	atomic_long_t pages;
};

void ptelab_account_init(struct port_account *account);	/* ->open: of the calling process */
void ptelab_account_free(struct port_account *account);	/* ->release: give back what is still charged */

#endif
