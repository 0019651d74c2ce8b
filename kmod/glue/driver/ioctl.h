/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_IOCTL_H
#define PTELAB_IOCTL_H

struct file;

long ptelab_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif
