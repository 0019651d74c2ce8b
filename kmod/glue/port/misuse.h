/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_MISUSE_H
#define PTELAB_PORT_MISUSE_H

#include "../../misuse.h"
#include "../../port.h"

/* What an open file has of ptelab_misuse.ko: from the first misuse that it asks for until it is closed. */
struct port_misuser {
	bool allowed;				/* the opener had CAP_SYS_ADMIN */
	const struct ptelab_misuse *misuse;	/* with a reference on its module; NULL: none was asked for */
};

void ptelab_misuser_free(struct port_misuser *misuser);	/* ->release */

#endif
