// SPDX-License-Identifier: GPL-2.0
/* A ring of the hook calls that files with PTELAB_VMA_SETUP_EVENTS saw. */
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "events.h"

static DEFINE_SPINLOCK(lock);		/* guards ring and next; hooks are process context */
static struct ptelab_event *ring;
static struct pid **pids;		/* of the events in ring, which a pid namespace shows each in its own way */
static u64 next = 1;			/* sequence of the next event */
static siphash_key_t vma_key;		/* so that no address of the kernel's is shown, nor the difference of two */

int ptelab_events_init(void)
{
	ring = vzalloc(array_size(PTELAB_EVENTS_KEPT, sizeof(*ring)));
	pids = vzalloc(array_size(PTELAB_EVENTS_KEPT, sizeof(*pids)));
	get_random_bytes(&vma_key, sizeof(vma_key));
	if (ring && pids)
		return 0;
	ptelab_events_exit();
	return -ENOMEM;
}

void ptelab_events_exit(void)
{
	unsigned int i;

	for (i = 0; pids && i < PTELAB_EVENTS_KEPT; i++)
		put_pid(pids[i]);
	vfree(pids);
	vfree(ring);
}

/* Told by trying: a lock that we hold ourselves refuses us as another's would. Both tries are undone at once. */
static u32 mmap_lock_state(struct mm_struct *mm)
{
	/* Bare: mmap_write_trylock() is not in every kernel, and nothing is changed under it. */
	if (down_write_trylock(&mm->mmap_lock)) {
		up_write(&mm->mmap_lock);
		return PTELAB_LOCK_NONE;
	}
	if (mmap_read_trylock(mm)) {
		mmap_read_unlock(mm);
		return PTELAB_LOCK_READ;
	}
	return PTELAB_LOCK_WRITE;
}

static u32 count_present(const struct vm_area_struct *vma)
{
	unsigned long end = min(vma->vm_end, vma->vm_start + ((unsigned long)PTELAB_LOOKUP_MAX << PAGE_SHIFT));
	unsigned long addr;
	struct ptelab_pte pte;
	u32 present = 0;

	/* At most PTELAB_LOOKUP_MAX of them, and a task that is being killed is to be told right too. */
	for (addr = vma->vm_start; addr < end; addr += PAGE_SIZE) {
		cond_resched();
		port_live_lookup(vma, addr, &pte);
		present += !!(pte.state & PTELAB_PTE_PRESENT);
	}
	return present;
}

struct ptelab_event ptelab_event_of(const struct ptelab_file *file, unsigned int hook, const struct vm_area_struct *vma)
{
	struct ptelab_event event = { .hook = hook };

	if (!ptelab_is_listened_to(file))
		return event;
	event.file = file->number;
	if (!vma)
		return event;
	event.vma = siphash_1u64((unsigned long)vma, &vma_key);
	event.start = vma->vm_start;
	event.end = vma->vm_end;
	event.pgoff = vma->vm_pgoff;
	if (hook == PTELAB_HOOK_OPEN || hook == PTELAB_HOOK_CLOSE || hook == PTELAB_HOOK_MAPPED) {
		event.lock = mmap_lock_state(vma->vm_mm);
		event.present = count_present(vma);
	}
	return event;
}

u32 ptelab_event_lock(const struct ptelab_file *file, struct mm_struct *mm)
{
	return ptelab_is_listened_to(file) ? mmap_lock_state(mm) : 0;
}

void ptelab_event_record(const struct ptelab_file *file, struct ptelab_event *event)
{
	struct pid *pid;

	/* VMA_SETUP may have come since the event was begun, and then it says nothing. */
	if (!ptelab_is_listened_to(file) || !event->file)
		return;
	pid = get_pid(task_pid(current));
	spin_lock(&lock);
	event->sequence = next++;
	ring[event->sequence % PTELAB_EVENTS_KEPT] = *event;
	swap(pid, pids[event->sequence % PTELAB_EVENTS_KEPT]);
	spin_unlock(&lock);
	put_pid(pid);
}

/* One by one, as nothing may be copied to user space under the spinlock. */
static bool take(u64 *sequence, struct ptelab_event *event)
{
	bool found;

	spin_lock(&lock);
	if (next > PTELAB_EVENTS_KEPT)
		*sequence = max(*sequence, next - PTELAB_EVENTS_KEPT);
	*sequence = clamp(*sequence, 1ULL, next);
	found = *sequence < next;
	if (found) {
		*event = ring[*sequence % PTELAB_EVENTS_KEPT];
		event->pid = pid_vnr(pids[*sequence % PTELAB_EVENTS_KEPT]);
	}
	spin_unlock(&lock);
	return found;
}

int ptelab_events_read(struct ptelab_events *arg)
{
	struct ptelab_event __user *user = u64_to_user_ptr(arg->buffer);
	u64 sequence = arg->sequence;
	struct ptelab_event event;
	u32 room = arg->count;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	arg->count = 0;
	while (arg->count < room && take(&sequence, &event)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (copy_to_user(user + arg->count, &event, sizeof(event)))
			return -EFAULT;
		if (!arg->count++)
			arg->sequence = sequence;
		sequence++;
		cond_resched();
	}
	if (!arg->count) {
		take(&sequence, &event);
		arg->sequence = sequence;
	}
	return 0;
}
