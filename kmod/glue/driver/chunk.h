/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_CHUNK_H
#define PTELAB_CHUNK_H

#include "../../core.h"

struct iov_iter;

/*
 * Kernel memory or a user's iterator to and from where the core says the bytes are. Consumes the chunk's reference of its page.
 * -ENODEV: unplugged.
 */
int ptelab_chunk_copy(const struct ptelab_chunk *chunk, void *buffer, bool write);
ssize_t ptelab_chunk_copy_iter(const struct ptelab_chunk *chunk, struct iov_iter *iter, bool write);

#endif
