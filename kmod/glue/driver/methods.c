// SPDX-License-Identifier: GPL-2.0
/* Which methods this kernel and this machine have. */
#include <linux/kernel.h>

#include "../../core.h"
#include "methods.h"

static unsigned int iomap_absence = PTELAB_ABSENT_NO_DEVICE;	/* of the one method that needs a device */

bool ptelab_method_exists(unsigned int method)
{
	u64 needs = ptelab_traits_of(method)->needs;

	return (port_features() & needs) == needs;
}

void ptelab_iomap_set_absence(unsigned int absence)
{
	WRITE_ONCE(iomap_absence, absence);
}

unsigned int ptelab_method_absence(unsigned int method)
{
	if (method == PTELAB_IOMAP)
		return READ_ONCE(iomap_absence);
	return ptelab_method_exists(method) ? PTELAB_PRESENT : PTELAB_ABSENT_NO_CALL;
}
