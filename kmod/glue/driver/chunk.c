// SPDX-License-Identifier: GPL-2.0
/* Copying to and from the bytes of a region. Process context; sleeps. */
#include <linux/slab.h>
#include <linux/uio.h>

#include "../compat.h"
#include "../port/device.h"
#include "chunk.h"

int ptelab_chunk_copy(const struct ptelab_chunk *chunk, void *buffer, bool write)
{
	void *memory;

	if (chunk->device)
		return ptelab_device_copy(chunk->device, chunk->device_offset, buffer, chunk->bytes, write);
	memory = compat_map_page(chunk->page) + chunk->offset;
	if (write)
		memcpy(memory, buffer, chunk->bytes);
	else
		memcpy(buffer, memory, chunk->bytes);
	compat_unmap_page(chunk->page, memory);
	put_page(chunk->page);
	return 0;
}

/* Device memory goes by way of a buffer: the copy to user space may fault, perhaps on a mapping of this very device. */
static ssize_t copy_device(const struct ptelab_chunk *chunk, struct iov_iter *iter, bool write)
{
	void *buffer = kmalloc(chunk->bytes, GFP_KERNEL);
	struct ptelab_chunk part = *chunk;
	ssize_t copied;
	int error;

	if (!buffer)
		return -ENOMEM;
	if (write) {
		copied = part.bytes = copy_from_iter(buffer, chunk->bytes, iter);
		error = ptelab_chunk_copy(&part, buffer, true);
	} else {
		error = ptelab_chunk_copy(&part, buffer, false);
		copied = error ? 0 : copy_to_iter(buffer, chunk->bytes, iter);
	}
	kfree(buffer);
	return error ? error : copied;
}

ssize_t ptelab_chunk_copy_iter(const struct ptelab_chunk *chunk, struct iov_iter *iter, bool write)
{
	ssize_t copied;

	if (chunk->device)
		return copy_device(chunk, iter, write);
	copied = write ? copy_page_from_iter(chunk->page, chunk->offset, chunk->bytes, iter) :
			 copy_page_to_iter(chunk->page, chunk->offset, chunk->bytes, iter);
	put_page(chunk->page);
	return copied;
}
