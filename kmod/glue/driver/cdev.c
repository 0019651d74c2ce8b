// SPDX-License-Identifier: GPL-2.0
/* The /dev nodes: one lives until it was removed and its last file is closed. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>

#include "../port/device.h"
#include "cdev.h"

struct ptelab_cdev {
	struct miscdevice misc;
	struct kref users;		/* the registration, and each open file */
	struct ptelab_node *node;
	struct port_device *device;
};

static void cdev_free(struct ptelab_cdev *cdev)
{
	if (cdev->node)
		ptelab_node_free(cdev->node);
	if (cdev->device)
		ptelab_device_free(cdev->device);
	kfree(cdev->misc.nodename);
	kfree(cdev->misc.name);
	kfree(cdev);
}

static void cdev_release(struct kref *users)
{
	cdev_free(container_of(users, struct ptelab_cdev, users));
}

/*
 * A node is there before all that can fail has been done, and when it fails nobody waits for open files (kernel/module/main.c:
 * do_init_module): so there is none until then.
 */
static bool may_open;

void ptelab_cdevs_open(void)
{
	WRITE_ONCE(may_open, true);
}

/* misc_open() has put the miscdevice into private_data and holds its mutex, so the node is still registered. */
struct ptelab_cdev *ptelab_cdev_get(struct file *filp)
{
	struct ptelab_cdev *cdev = container_of(filp->private_data, struct ptelab_cdev, misc);

	if (!READ_ONCE(may_open))
		return NULL;
	kref_get(&cdev->users);
	return cdev;
}

void ptelab_cdev_put(struct ptelab_cdev *cdev)
{
	kref_put(&cdev->users, cdev_release);
}

struct ptelab_node *ptelab_cdev_node(const struct ptelab_cdev *cdev)
{
	return cdev->node;
}

struct ptelab_cdev *ptelab_cdev_add(unsigned int method, unsigned long pages, struct port_device *device,
				    const struct file_operations *fops)
{
	struct ptelab_cdev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);
	int error;

	if (!cdev)
		return ERR_PTR(-ENOMEM);
	kref_init(&cdev->users);
	cdev->misc.minor = MISC_DYNAMIC_MINOR;
	cdev->misc.fops = fops;
	cdev->misc.mode = 0600;
	cdev->misc.name = kasprintf(GFP_KERNEL, "ptelab_%s", ptelab_traits_of(method)->name);
	cdev->misc.nodename = kasprintf(GFP_KERNEL, "ptelab/%s", ptelab_traits_of(method)->name);
	error = cdev->misc.name && cdev->misc.nodename ? 0 : -ENOMEM;
	if (!error)
		error = ptelab_node_new(&cdev->node, method, pages, device);
	if (!error)
		error = misc_register(&cdev->misc);
	if (error) {
		cdev_free(cdev);
		return ERR_PTR(error);
	}
	/* Only now ours to free: until here the caller has it, and keeps it if we fail. */
	cdev->device = device;
	return cdev;
}

void ptelab_cdev_remove(struct ptelab_cdev *cdev)
{
	misc_deregister(&cdev->misc);	/* from here on no new file */
	if (cdev->device) {
		ptelab_node_kill(cdev->node);
		ptelab_device_unplug(cdev->device);
	}
	ptelab_cdev_put(cdev);
}
