/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PAGE_INFO_H
#define PTELAB_PAGE_INFO_H

#include "../file.h"

int ptelab_page_info(struct ptelab_file *file, struct ptelab_page_info *arg);

#endif
