/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_DEVICE_H
#define PTELAB_PORT_DEVICE_H

#include <linux/types.h>

#include "../../port.h"

struct port_device *ptelab_device_new(phys_addr_t start, unsigned long bytes);	/* or ERR_PTR */
void ptelab_device_unplug(struct port_device *device);	/* after this nothing touches the BAR */
void ptelab_device_free(struct port_device *device);
phys_addr_t port_device_phys(const struct port_device *device);

#endif
