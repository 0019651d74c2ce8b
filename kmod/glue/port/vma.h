/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PORT_VMA_H
#define PTELAB_PORT_VMA_H

#include <linux/mm.h>

#include "../../port.h"

/* For RAM or a device; cache 0: as it is. */
pgprot_t ptelab_prot_with_cache(pgprot_t prot, unsigned int cache);

#endif
