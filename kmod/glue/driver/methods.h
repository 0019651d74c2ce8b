/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_METHODS_H
#define PTELAB_METHODS_H

#include <linux/types.h>

bool ptelab_method_exists(unsigned int method);	/* this kernel has the calls for it */

/* Why its node is not there: enum ptelab_absence. */
unsigned int ptelab_method_absence(unsigned int method);
void ptelab_iomap_set_absence(unsigned int absence);

#endif
