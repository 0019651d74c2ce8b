/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/mm.h>
int probe(struct vm_operations_struct *ops);
int probe(struct vm_operations_struct *ops)
{
	return ops->mapped ? 1 : 0;
}
