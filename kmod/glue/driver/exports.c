// SPDX-License-Identifier: GPL-2.0
/* What ptelab_misuse.ko may ask of this module beside its registration. Contexts: core.h, port.h. */
#include <linux/export.h>

#include "../../core.h"

EXPORT_SYMBOL_GPL(ptelab_call_verdict);
EXPORT_SYMBOL_GPL(ptelab_contiguous);
EXPORT_SYMBOL_GPL(ptelab_gate_enter);
EXPORT_SYMBOL_GPL(ptelab_gate_leave);
EXPORT_SYMBOL_GPL(ptelab_leaf_lock);
EXPORT_SYMBOL_GPL(ptelab_leaf_unlock);
EXPORT_SYMBOL_GPL(ptelab_page_get);
EXPORT_SYMBOL_GPL(ptelab_pages);
EXPORT_SYMBOL_GPL(port_fault_delay);
EXPORT_SYMBOL_GPL(port_fault_pmd);
EXPORT_SYMBOL_GPL(port_live_lookup);
