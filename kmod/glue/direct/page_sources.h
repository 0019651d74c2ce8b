/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PAGE_SOURCES_H
#define PTELAB_PAGE_SOURCES_H

#include "../file.h"

/* A page that is not the region's, with a reference for the caller, or ERR_PTR. file->lock is held. */
struct page *ptelab_page_source_get(struct ptelab_file *file, unsigned int source, unsigned long address);
void ptelab_page_source_put(unsigned int source, struct page *page);
void *ptelab_page_source_vmalloc(struct ptelab_file *file, unsigned int source, unsigned long pages);
void ptelab_page_sources_free(struct ptelab_page_sources *sources);

#endif
