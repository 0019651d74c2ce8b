// SPDX-License-Identifier: GPL-2.0
/* PIN: get_user_pages() and pin_user_pages() in every form, on any address of the calling process or of another. */
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../file.h"
#include "pin.h"

/* What pages[] holds before the call: told apart from whatever the kernel stores. */
#define POISON ((struct page *)(unsigned long)0x7074656cUL)

/* What one PIN got. */
struct ptelab_kept {
	bool pinned;		/* by pin_user_pages*: given back by unpin_user_page() */
	long count;
	struct page *pages[];
};

#ifdef HAVE_GUP_HAS_VMAS
#define NO_VMAS , NULL
#else
#define NO_VMAS
#endif
#ifdef HAVE_GUP_REMOTE_HAS_VMAS
#define NO_REMOTE_VMAS , NULL
#else
#define NO_REMOTE_VMAS
#endif

static bool is_pin(unsigned int how)
{
	return how >= PTELAB_PIN_PIN;
}

/* Context: no lock held; those calls that need mmap_lock for reading take it here. */
static long call(unsigned int how, struct mm_struct *mm, unsigned long addr, unsigned long count, unsigned int flags,
		 struct page **pages)
{
	long got;

	switch (how) {
	case PTELAB_PIN_GET_FAST:
		return get_user_pages_fast(addr, count, flags, pages);
	case PTELAB_PIN_GET_FAST_ONLY:
		return get_user_pages_fast_only(addr, count, flags, pages);
	case PTELAB_PIN_GET_UNLOCKED:
		return get_user_pages_unlocked(addr, count, pages, flags);
	case PTELAB_PIN_PIN_FAST:
		return pin_user_pages_fast(addr, count, flags, pages);
	case PTELAB_PIN_PIN_UNLOCKED:
		return pin_user_pages_unlocked(addr, count, pages, flags);
#ifdef HAVE_PIN_USER_PAGES_FAST_ONLY
	case PTELAB_PIN_PIN_FAST_ONLY:
		return pin_user_pages_fast_only(addr, count, flags, pages);
#endif
	}
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	switch (how) {
	case PTELAB_PIN_GET:
		got = get_user_pages(addr, count, flags, pages NO_VMAS);
		break;
	case PTELAB_PIN_PIN:
		got = pin_user_pages(addr, count, flags, pages NO_VMAS);
		break;
	case PTELAB_PIN_GET_REMOTE:
		got = get_user_pages_remote(mm, addr, count, flags, pages NO_REMOTE_VMAS, NULL);
		break;
	default:
		got = pin_user_pages_remote(mm, addr, count, flags, pages NO_REMOTE_VMAS, NULL);
	}
	mmap_read_unlock(mm);
	return got;
}

static void give_back(struct ptelab_kept *kept)
{
	long i;

	for (i = 0; i < kept->count; i++) {
		if (kept->pages[i] == POISON || !kept->pages[i])
			continue;
		if (kept->pinned)
			unpin_user_page(kept->pages[i]);
		else
			put_page(kept->pages[i]);
	}
	kfree(kept);
}

/* Device memory has no struct page, and so is never here. */
static u64 first_bytes(struct page *page)
{
	u64 *memory = compat_map_page(page);
	u64 bytes = READ_ONCE(*memory);

	compat_unmap_page(page, memory);
	return bytes;
}

static void describe(struct ptelab_file *file, struct ptelab_pin *arg, const struct ptelab_kept *kept)
{
	struct page *page = kept->pages[0];

	arg->page = arg->bytes = arg->pfn = arg->untouched = arg->anon = 0;
	if (kept->count < 1)
		return;
	arg->untouched = page == POISON;
	if (arg->untouched || !page)
		return;
	arg->page = ptelab_find(file->session, page_to_pfn(page));
	arg->bytes = first_bytes(page);
	arg->pfn = file->opened_by_admin ? page_to_pfn(page) : 0;
	arg->anon = PageAnon(page);
}

/* Context: lock held. */
static struct ptelab_pin_facts facts_of(const struct ptelab_file *file, const struct ptelab_pin *arg)
{
	return (struct ptelab_pin_facts){
		.lent = file->lent && pid_vnr(file->lender) == arg->pid,
		.keeps = file->kept,
		.may_warn = file->opened_by_admin,
		.has_fast_only = IS_ENABLED(HAVE_PIN_USER_PAGES_FAST_ONLY),
	};
}

static void take_back(struct ptelab_file *file)
{
	if (file->lent)
		mmdrop(file->lent);
	put_pid(file->lender);
	file->lent = NULL;
	file->lender = NULL;
}

int ptelab_lend(struct ptelab_file *file)
{
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	take_back(file);
	file->lent = current->mm;
	mmgrab(file->lent);
	file->lender = get_pid(task_tgid(current));
	mutex_unlock(&file->lock);
	return 0;
}

static int pin_in(struct ptelab_file *file, struct ptelab_pin *arg, struct mm_struct *mm)
{
	unsigned int flags = (arg->flags & PTELAB_PIN_WRITE ? FOLL_WRITE : 0) | (arg->flags & PTELAB_PIN_FORCE ? FOLL_FORCE : 0) |
			     (arg->flags & PTELAB_PIN_LONGTERM ? FOLL_LONGTERM : 0);
	bool no_pages = arg->flags & PTELAB_PIN_NO_PAGES;
	struct ptelab_kept *kept = kzalloc(struct_size(kept, pages, arg->pages), GFP_KERNEL);
	long i;

	if (!kept)
		return -ENOMEM;
	kept->pinned = is_pin(arg->how);
	for (i = 0; i < arg->pages; i++)
		kept->pages[i] = POISON;
	arg->result = call(arg->how, mm, arg->address, arg->pages, flags, no_pages ? NULL : kept->pages);
	kept->count = no_pages ? 0 : max_t(long, arg->result, 0);
	describe(file, arg, kept);
	if (arg->flags & PTELAB_PIN_KEEP && kept->count) {
		int error = port_charge(&file->account, kept->count);

		if (!error) {
			file->kept = kept;
			return 0;
		}
		give_back(kept);
		return error;
	}
	give_back(kept);
	return 0;
}

/* The mm to look into is the caller's, or the one that was lent; its user may be gone. */
static int pin_locked(struct ptelab_file *file, struct ptelab_pin *arg)
{
	struct ptelab_pin_facts facts = facts_of(file, arg);
	struct mm_struct *mm = arg->pid ? file->lent : current->mm;
	int error = ptelab_pin_verdict(&facts, arg);

	if (error)
		return error;
	if (!mmget_not_zero(mm))
		return -ESRCH;
	error = pin_in(file, arg, mm);
	mmput(mm);
	return error;
}

int ptelab_pin(struct ptelab_file *file, struct ptelab_pin *arg)
{
	int error;

	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	error = pin_locked(file, arg);
	mutex_unlock(&file->lock);
	return error;
}

static int unpin_locked(struct ptelab_file *file, struct ptelab_pin *arg)
{
	struct ptelab_pin_facts facts = facts_of(file, arg);
	int error = ptelab_unpin_verdict(&facts, arg);

	if (error)
		return error;
	arg->result = file->kept->count;
	describe(file, arg, file->kept);
	port_uncharge(&file->account, file->kept->count);
	give_back(file->kept);
	file->kept = NULL;
	return 0;
}

int ptelab_unpin(struct ptelab_file *file, struct ptelab_pin *arg)
{
	int error;

	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	error = unpin_locked(file, arg);
	mutex_unlock(&file->lock);
	return error;
}

/* Context: ->release, nobody else has the file. */
void ptelab_kept_free(struct ptelab_file *file)
{
	if (file->kept)
		give_back(file->kept);
	take_back(file);
}
