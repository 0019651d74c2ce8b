/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_CDEV_H
#define PTELAB_CDEV_H

#include "../../core.h"

struct file;
struct file_operations;
struct ptelab_cdev;

/* Or ERR_PTR. The device, if any, is the cdev's from then on, and free when the last file is closed. */
struct ptelab_cdev *ptelab_cdev_add(unsigned int method, unsigned long pages, struct port_device *device,
				    const struct file_operations *fops);
void ptelab_cdev_remove(struct ptelab_cdev *cdev);
void ptelab_cdevs_open(void);	/* the module is loaded: from now on files may be opened */

/* ->open: the node's, with a reference for the file; ->release puts it. NULL: the module is not loaded yet. */
struct ptelab_cdev *ptelab_cdev_get(struct file *filp);
void ptelab_cdev_put(struct ptelab_cdev *cdev);
struct ptelab_node *ptelab_cdev_node(const struct ptelab_cdev *cdev);

#endif
