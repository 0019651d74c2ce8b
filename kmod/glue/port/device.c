// SPDX-License-Identifier: GPL-2.0
/*
 * port.h: a device's own memory. x86 keeps one memory type for a physical range and silently gives the second mapping the
 * type of the first (arch/x86/mm/pat/memtype.c: reserve_pfn_range), so the kernel's own mapping always has the type that user
 * space asked for, and only one type is in use at a time.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "../../../uapi/ptelab.h"
#include "device.h"

struct port_device {
	phys_addr_t start;
	unsigned long pages;
	struct resource claim;		/* of a hole; else all zero */
	struct mutex lock;		/* guards what follows; taken inside mmap_lock, the session's mutex and the gate */
	bool unplugged;
	void __iomem *memory;		/* NULL: unplugged, or there was no room for it when its type was last changed */
	unsigned int cache;		/* enum ptelab_cache of memory */
	unsigned int holders;
};

static void __iomem *map_device(const struct port_device *device, unsigned int cache)
{
	unsigned long bytes = device->pages << PAGE_SHIFT;

	return cache == PTELAB_CACHE_WRITE_COMBINING ? ioremap_wc(device->start, bytes) : ioremap(device->start, bytes);
}

struct port_device *ptelab_device_new(phys_addr_t start, unsigned long bytes)
{
	struct port_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return ERR_PTR(-ENOMEM);
	device->start = start;
	device->pages = bytes >> PAGE_SHIFT;
	device->cache = PTELAB_CACHE_UNCACHED;
	device->memory = map_device(device, device->cache);
	if (!device->memory) {
		kfree(device);
		return ERR_PTR(-ENOMEM);
	}
	mutex_init(&device->lock);
	return device;
}

void ptelab_device_unplug(struct port_device *device)
{
	mutex_lock(&device->lock);
	if (device->memory)
		iounmap(device->memory);
	device->memory = NULL;
	device->unplugged = true;
	mutex_unlock(&device->lock);
}

void ptelab_device_free(struct port_device *device)
{
	ptelab_device_unplug(device);
	mutex_destroy(&device->lock);
	kfree(device);
}

/*
 * From the upper half of what the processor can address, and what no resource names. What is read there is all ones or zeros, and
 * what is written is lost. That nothing answers there is certain of an emulated machine alone: a real one may have devices that no
 * table names. So there are none on a real one (port_features()).
 */
struct port_device *port_hole_new(void)
{
	struct port_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	unsigned long bytes = port_pud_pages() << PAGE_SHIFT;

	if (!device)
		return NULL;
	device->claim.name = "ptelab hole";
	device->claim.flags = IORESOURCE_MEM;
	if (allocate_resource(&iomem_resource, &device->claim, bytes, iomem_resource.end / 2, iomem_resource.end, bytes, NULL,
			      NULL)) {
		kfree(device);
		return NULL;
	}
	device->start = device->claim.start;
	device->pages = port_pud_pages();
	device->cache = PTELAB_CACHE_UNCACHED;
	mutex_init(&device->lock);
	return device;
}

void port_hole_free(struct port_device *device)
{
	release_resource(&device->claim);
	ptelab_device_free(device);
}

static bool is_hole(const struct port_device *device)
{
	return device->claim.flags;
}

phys_addr_t port_device_phys(const struct port_device *device)
{
	return device->start;
}

unsigned long port_device_pages(const struct port_device *device)
{
	return device->pages;
}

unsigned long port_device_pfn(const struct port_device *device)
{
	return device->start >> PAGE_SHIFT;
}

/*
 * Nobody holds it, so no user mapping exists: the kernel's is the only one and can be replaced. Not by one beside it: x86 would give
 * the new one the type of the old. If there is no room even for what was there before, whoever comes next tries again.
 */
static int change_cache(struct port_device *device, unsigned int cache)
{
	if (device->memory)
		iounmap(device->memory);
	device->memory = map_device(device, cache);
	if (device->memory) {
		device->cache = cache;
		return 0;
	}
	device->memory = map_device(device, device->cache);
	return -ENOMEM;
}

int port_device_hold(struct port_device *device, unsigned int cache)
{
	int error = 0;

	if (mutex_lock_killable(&device->lock))
		return -EINTR;
	if (is_hole(device))
		error = cache == device->cache ? 0 : -EINVAL;
	else if (device->unplugged)
		error = -ENODEV;
	else if (cache != device->cache || !device->memory)
		error = device->holders ? -EBUSY : change_cache(device, cache);
	if (!error)
		device->holders++;
	mutex_unlock(&device->lock);
	return error;
}

void port_device_drop(struct port_device *device)
{
	mutex_lock(&device->lock);
	device->holders--;
	mutex_unlock(&device->lock);
}

int port_device_copy(struct port_device *device, unsigned long long offset, void *buffer, unsigned long bytes, bool write)
{
	int error = 0;

	if (mutex_lock_killable(&device->lock))
		return -EINTR;
	if (!device->memory)
		error = -ENODEV;
	else if (write)
		memcpy_toio(device->memory + offset, buffer, bytes);
	else
		memcpy_fromio(buffer, device->memory + offset, bytes);
	mutex_unlock(&device->lock);
	return error;
}
