/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_METHODS_H
#define PTELAB_METHODS_H

#include <linux/types.h>

#include "../../../uapi/ptelab.h"

const char *ptelab_method_name(unsigned int method);
bool ptelab_method_exists(unsigned int method);	/* this kernel has the call for it */

/* Why its node is not there: enum ptelab_absence. */
unsigned int ptelab_method_absence(unsigned int method);
void ptelab_iomap_set_absence(unsigned int absence);

/* Has ->mmap_prepare in place of ->mmap. */
static inline bool ptelab_prepares(unsigned int method)
{
	return method >= PTELAB_PREPARE_REMAP && method <= PTELAB_PREPARE_FAULT_PAGE;
}

#endif
