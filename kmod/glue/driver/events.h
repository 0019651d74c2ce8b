/* SPDX-License-Identifier: GPL-2.0 */
/* What a hook saw and answered; nothing unless the file wants events. */
#ifndef PTELAB_EVENTS_H
#define PTELAB_EVENTS_H

#include "../file.h"

/* What a hook asks first: one load, one test, one branch. */
static inline bool ptelab_is_listened_to(const struct ptelab_file *file)
{
	return unlikely(file->vma_setup.flags & PTELAB_VMA_SETUP_EVENTS);
}

int ptelab_events_init(void);
void ptelab_events_exit(void);
struct ptelab_event ptelab_event_of(const struct ptelab_file *file, unsigned int hook, const struct vm_area_struct *vma);
u32 ptelab_event_lock(const struct ptelab_file *file, struct mm_struct *mm);	/* for a hook that has no VMA */
void ptelab_event_record(const struct ptelab_file *file, struct ptelab_event *event);
int ptelab_events_read(struct ptelab_events *arg);

#endif
