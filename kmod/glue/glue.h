/* SPDX-License-Identifier: GPL-2.0 */
/* What the C files of the glue share. */
#ifndef PTELAB_GLUE_H
#define PTELAB_GLUE_H

#include <linux/types.h>

#include "../core.h"
#include "compat.h"

struct iov_iter;
struct pci_dev;

/* vm_ops.c */
bool ptelab_is_our_vma(const struct vm_area_struct *vma);

/* port_space.c */
int ptelab_space_init(void);
void ptelab_space_exit(void);
struct address_space;
struct address_space *ptelab_space_mapping(const struct port_space *space);
void ptelab_space_borrow(struct port_space *space, struct file *file);
void ptelab_vma_copied(struct vm_area_struct *vma);
bool ptelab_vma_gone(struct vm_area_struct *vma);	/* false: port_vma_track() has not been called for it */

/* port_vma.c: for RAM or a device; cache 0: as it is */
pgprot_t ptelab_prot_with_cache(pgprot_t prot, unsigned int cache);

/*
 * chunk.c: kernel memory or a user's iterator to and from where the core says the bytes are. Consumes the chunk's reference of
 * its page. -ENODEV: unplugged.
 */
int ptelab_chunk_copy(const struct ptelab_chunk *chunk, void *buffer, bool write);
ssize_t ptelab_chunk_copy_iter(const struct ptelab_chunk *chunk, struct iov_iter *iter, bool write);

/* port_device.c */
struct port_device *ptelab_device_new(phys_addr_t start, unsigned long bytes);	/* or ERR_PTR */
void ptelab_device_unplug(struct port_device *device);	/* after this nothing touches the BAR */
void ptelab_device_free(struct port_device *device);
phys_addr_t port_device_phys(const struct port_device *device);
int ptelab_device_copy(struct port_device *device, unsigned long offset, void *buffer, unsigned int bytes, bool write);

/* nodes.c: a /dev node. It lives until it was removed and its last file is closed. */
struct ptelab_cdev;
struct ptelab_cdev *ptelab_cdev_add(unsigned int method, unsigned long pages, struct port_device *device); /* or ERR_PTR */
void ptelab_cdev_remove(struct ptelab_cdev *cdev);	/* the device, if any, is free when the last file is closed */

bool ptelab_is_our_file(const struct file *filp);
void ptelab_give_both_mmaps(struct file *filp);	/* a node that prepares; shape_lock held */

/* features.c */
bool ptelab_method_exists(unsigned int method);

static inline bool ptelab_prepares(unsigned int method)
{
	return method >= PTELAB_PREPARE_REMAP && method <= PTELAB_PREPARE_FAULT_PAGE;
}

/* ioctl.c */
long ptelab_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* pci.c */
int ptelab_pci_init(void);
void ptelab_pci_exit(void);
unsigned int ptelab_iomap_absence(void);	/* enum ptelab_absence */

#endif
