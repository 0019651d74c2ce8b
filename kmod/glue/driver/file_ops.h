/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_FILE_OPS_H
#define PTELAB_FILE_OPS_H

struct file_operations;

const struct file_operations *ptelab_file_ops(unsigned int method);

#endif
