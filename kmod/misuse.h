/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between ptelab.ko, which keeps a driver's contract, and ptelab_misuse.ko, which breaks it on purpose, so that what the
 * kernel does then can be seen. Without the second the first answers EPERM.
 */
#ifndef PTELAB_MISUSE_H
#define PTELAB_MISUSE_H

#include <linux/mm_types.h>

#include "facts.h"

struct module;
struct page;
struct vm_fault;

struct ptelab_misuse {
	struct module *owner;
	/*
	 * ->fault, as REGION_SETUP asked for by PTELAB_FAULT_STALE or _REMAP. Context: ->fault; sleeps; the region's gate is not entered.
	 * delay_ms: of _STALE.
	 */
	vm_fault_t (*fault)(struct vm_fault *vmf, unsigned int action, unsigned int delay_ms);
	/* ->huge_fault, as INJECT asked for by PTELAB_ANSWER_OTHER or _OTHER_PUD. Context: as above. */
	vm_fault_t (*huge_fault)(struct vm_fault *vmf, unsigned int answer);
	/*
	 * ->mmap_prepare, as INJECT asked for by PTELAB_ANSWER_BAD_PAGE: a copy of the array with a wrong page as number bad, for
	 * kvfree(); NULL: no memory. Context: mmap_lock held for write; sleeps.
	 */
	struct page **(*spoil)(struct page *const *pages, unsigned long count, unsigned long bad);
	/*
	 * A CALL with PTELAB_CALL_MISUSE that the core refuses with EPERM: is it refused because of nothing but what this module
	 * does on purpose? Context: mmap_lock held, the gate entered; does not sleep.
	 */
	bool (*dares)(const struct ptelab_call_facts *facts);
};

/* 0, or -EBUSY: another one is registered. Sleep; module init and exit. */
int ptelab_misuse_register(const struct ptelab_misuse *misuse);
void ptelab_misuse_unregister(const struct ptelab_misuse *misuse);

#endif
