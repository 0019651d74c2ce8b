/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/fs.h>
int probe(struct file_operations *fops);
int probe(struct file_operations *fops)
{
	return fops->mmap_prepare ? 1 : 0;
}
