/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_DONORS_H
#define PTELAB_DONORS_H

#include "../file.h"

/* A page that is not the region's, with a reference for the caller, or ERR_PTR. file->lock is held. */
struct page *ptelab_donor_get(struct ptelab_file *file, unsigned int donor, unsigned long address);
void ptelab_donor_put(unsigned int donor, struct page *page);
void *ptelab_donor_vmalloc(struct ptelab_file *file, unsigned int donor, unsigned long pages);
void ptelab_donors_free(struct ptelab_donors *donors);

#endif
