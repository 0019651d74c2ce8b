/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_CALL_H
#define PTELAB_CALL_H

#include "../file.h"

int ptelab_call(struct ptelab_file *file, struct ptelab_call *arg);

#endif
