/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PIN_H
#define PTELAB_PIN_H

#include "../file.h"

int ptelab_pin(struct ptelab_file *file, struct ptelab_pin *arg);
int ptelab_unpin(struct ptelab_file *file, struct ptelab_pin *arg);
void ptelab_kept_free(struct ptelab_file *file);	/* ->release: what PIN and LEND left */
int ptelab_lend(struct ptelab_file *file);

#endif
