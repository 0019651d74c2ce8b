// SPDX-License-Identifier: GPL-2.0
/* The device behind PTELAB_IOMAP: BAR 2 of QEMU's ivshmem-plain, memory that is not RAM to the kernel. */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "../port/device.h"
#include "cdev.h"
#include "file_ops.h"
#include "methods.h"
#include "pci.h"

#define IVSHMEM_BAR 2

static DEFINE_MUTEX(one_at_a_time);	/* probes and removes of several devices may run side by side */

static int refuse(struct pci_dev *pdev, unsigned int reason, int error, const char *why)
{
	ptelab_iomap_set_absence(reason);
	dev_warn(&pdev->dev, "no iomap node: %s\n", why);
	return error;
}

static int probe_locked(struct pci_dev *pdev)
{
	struct port_device *device;
	struct ptelab_cdev *cdev;
	int error;

	if (ptelab_method_absence(PTELAB_IOMAP) == PTELAB_PRESENT) {
		dev_info(&pdev->dev, "left alone: another one is the iomap node already\n");
		return -EBUSY;
	}
	if (!(pci_resource_flags(pdev, IVSHMEM_BAR) & IORESOURCE_MEM) || pci_resource_len(pdev, IVSHMEM_BAR) < SZ_4M)
		return refuse(pdev, PTELAB_ABSENT_BAD_BAR, -ENODEV, "BAR 2 is not memory of 4 MiB or more");
	error = pci_enable_device_mem(pdev);
	if (error)
		return refuse(pdev, PTELAB_ABSENT_BAD_BAR, error, "the device cannot be enabled");
	error = pci_request_region(pdev, IVSHMEM_BAR, KBUILD_MODNAME);
	if (error) {
		pci_disable_device(pdev);
		return refuse(pdev, PTELAB_ABSENT_BUSY, error, "another driver has BAR 2");
	}
	device = ptelab_device_new(pci_resource_start(pdev, IVSHMEM_BAR), pci_resource_len(pdev, IVSHMEM_BAR));
	cdev = IS_ERR(device) ? ERR_CAST(device) : ptelab_cdev_add(PTELAB_IOMAP, 0, device, ptelab_file_ops(PTELAB_IOMAP));
	if (IS_ERR(cdev)) {
		if (!IS_ERR(device))
			ptelab_device_free(device);
		pci_release_region(pdev, IVSHMEM_BAR);
		pci_disable_device(pdev);
		return refuse(pdev, PTELAB_ABSENT_NO_MEMORY, PTR_ERR(cdev), "out of memory");
	}
	pci_set_drvdata(pdev, cdev);
	ptelab_iomap_set_absence(PTELAB_PRESENT);
	return 0;
}

/* Context: sleeps. */
static int ivshmem_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int error;

	mutex_lock(&one_at_a_time);
	error = probe_locked(pdev);
	mutex_unlock(&one_at_a_time);
	return error;
}

/* Files and mappings may still be there: they lose the memory before the BAR is given back. */
static void ivshmem_remove(struct pci_dev *pdev)
{
	mutex_lock(&one_at_a_time);
	ptelab_cdev_remove(pci_get_drvdata(pdev));
	pci_release_region(pdev, IVSHMEM_BAR);
	pci_disable_device(pdev);
	ptelab_iomap_set_absence(PTELAB_ABSENT_REMOVED);
	mutex_unlock(&one_at_a_time);
}

static const struct pci_device_id ivshmem_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ivshmem_ids);

static struct pci_driver ivshmem_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ivshmem_ids,
	.probe = ivshmem_probe,
	.remove = ivshmem_remove,
};

int ptelab_pci_init(void)
{
	return pci_register_driver(&ivshmem_driver);
}

void ptelab_pci_exit(void)
{
	pci_unregister_driver(&ivshmem_driver);
}
