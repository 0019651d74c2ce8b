// SPDX-License-Identifier: GPL-2.0
/* What the driver has to know of a method by its number. */
#include <linux/kernel.h>

#include "../../port.h"
#include "methods.h"

static const char *const names[PTELAB_METHODS] = {
	[PTELAB_INSERT_PAGE] = "insert_page",
	[PTELAB_FAULT_INSERT_PAGE] = "fault_insert_page",
	[PTELAB_FAULT_PAGE] = "fault_page",
	[PTELAB_FAULT_INSERT_PFN] = "fault_insert_pfn",
	[PTELAB_REMAP_PFN] = "remap_pfn",
	[PTELAB_IOMAP] = "iomap",
	[PTELAB_INSERT_PAGES] = "insert_pages",
	[PTELAB_MAP_PAGES] = "map_pages",
	[PTELAB_MAP_PAGES_ZERO] = "map_pages_zero",
	[PTELAB_REMAP_VMALLOC] = "remap_vmalloc",
	[PTELAB_FAULT_INSERT_PAGES] = "fault_insert_pages",
	[PTELAB_FAULT_INSERT_MIXED] = "fault_insert_mixed",
	[PTELAB_HUGE_PFN] = "huge_pfn",
	[PTELAB_HUGE_FOLIO] = "huge_folio",
	[PTELAB_BARE] = "bare",
	[PTELAB_PREPARE_REMAP] = "prepare_remap",
	[PTELAB_PREPARE_IOREMAP] = "prepare_ioremap",
	[PTELAB_PREPARE_SIMPLE_IOREMAP] = "prepare_simple_ioremap",
	[PTELAB_PREPARE_MAP_PAGES] = "prepare_map_pages",
	[PTELAB_PREPARE_FAULT_PAGE] = "prepare_fault_page",
};

const char *ptelab_method_name(unsigned int method)
{
	return names[method];
}

bool ptelab_method_exists(unsigned int method)
{
	if (method == PTELAB_HUGE_PFN)
		return port_features() & PTELAB_HAS_INSERT_PFN_PMD;
	if (method == PTELAB_HUGE_FOLIO)
		return port_features() & PTELAB_HAS_INSERT_FOLIO_PMD;
	if (ptelab_prepares(method))
		return port_features() & PTELAB_HAS_MMAP_ACTIONS;
	return true;
}

/* Of the one node that needs a device. */
static unsigned int iomap_absence = PTELAB_ABSENT_NO_DEVICE;

void ptelab_iomap_set_absence(unsigned int absence)
{
	WRITE_ONCE(iomap_absence, absence);
}

unsigned int ptelab_method_absence(unsigned int method)
{
	if (method == PTELAB_IOMAP)
		return READ_ONCE(iomap_absence);
	return ptelab_method_exists(method) ? PTELAB_PRESENT : PTELAB_ABSENT_NO_CALL;
}
