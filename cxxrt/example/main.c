// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include "core.h"

static int __init hello_init(void)
{
	int sum = hello_sum(100);

	pr_info("cxxrt_hello: 1 + ... + 100 = %d\n", sum);
	return sum < 0 ? sum : 0;
}
module_init(hello_init);
static void __exit hello_exit(void) { }
module_exit(hello_exit);
MODULE_DESCRIPTION("The smallest kernel module in C and C++");
MODULE_LICENSE("GPL");
