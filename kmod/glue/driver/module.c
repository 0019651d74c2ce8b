// SPDX-License-Identifier: GPL-2.0
/* The module: its parameter, and what loading makes and unloading takes away again. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "../port/space.h"
#include "cdev.h"
#include "events.h"
#include "file_ops.h"
#include "methods.h"
#include "pci.h"

#define MIN_PAGES 16	/* enough for most of what there is to see */
#define MAX_PAGES (SZ_256M >> PAGE_SHIFT)

static unsigned long pages = SZ_4M >> PAGE_SHIFT;
module_param(pages, ulong, 0444);
MODULE_PARM_DESC(pages, "size of each node's own region in pages, taken when it is first opened: 16 to 256 MiB, default 4 MiB; where it must be one block, at most the largest that the kernel gives");

static struct ptelab_cdev *nodes[PTELAB_METHODS];

static void remove_nodes(void)
{
	unsigned int method;

	for (method = 1; method < PTELAB_METHODS; method++)
		if (nodes[method])
			ptelab_cdev_remove(nodes[method]);
}

/* The nodes that need no device, and that this kernel has the call for. */
static int add_nodes(void)
{
	unsigned int method;

	for (method = 1; method < PTELAB_METHODS; method++) {
		struct ptelab_cdev *cdev;

		if (method == PTELAB_IOMAP || !ptelab_method_exists(method))
			continue;
		cdev = ptelab_cdev_add(method, pages, NULL, ptelab_file_ops(method));
		if (IS_ERR(cdev)) {
			remove_nodes();
			return PTR_ERR(cdev);
		}
		nodes[method] = cdev;
	}
	return 0;
}

static int __init ptelab_init(void)
{
	int error;

	if (pages < MIN_PAGES || pages > MAX_PAGES) {
		pr_err("pages=%lu is out of range: give %d to %lu (256 MiB)\n", pages, MIN_PAGES, (unsigned long)MAX_PAGES);
		return -EINVAL;
	}
	error = ptelab_events_init();
	if (error)
		return error;
	error = ptelab_space_init();
	if (error)
		goto out_events;
	error = add_nodes();
	if (error)
		goto out_space;
	error = ptelab_pci_init();
	if (error)
		goto out_nodes;
	ptelab_cdevs_open();
	return 0;

out_nodes:
	remove_nodes();
out_space:
	ptelab_space_exit();
out_events:
	ptelab_events_exit();
	pr_err("not loaded: error %d\n", error);
	return error;
}

static void __exit ptelab_exit(void)
{
	unsigned long long allocated, freed;

	ptelab_pci_exit();
	remove_nodes();
	ptelab_space_exit();
	ptelab_events_exit();
	allocated = port_count_read(NULL, PORT_PAGES_ALLOCATED);
	freed = port_count_read(NULL, PORT_PAGES_FREED);
	if (allocated != freed)
		pr_err("leak: %llu pages allocated, %llu freed\n", allocated, freed);
}

module_init(ptelab_init);
module_exit(ptelab_exit);

MODULE_DESCRIPTION("Every kind of mapping that a driver can hand to user space, to look at and to test");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
