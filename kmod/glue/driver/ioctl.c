// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: copy the argument in, let the core decide, copy the answer out. No lock is held while user memory is touched,
 * so an argument may itself lie in a mapping of ours.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../direct/call.h"
#include "../direct/page_info.h"
#include "../direct/pin.h"
#include "../file.h"
#include "events.h"
#include "ioctl.h"
#include "methods.h"
#include "vma_setup.h"

union ioctl_arg {
	struct ptelab_query query;
	struct ptelab_region_setup setup;
	struct ptelab_zap zap;
	struct ptelab_unmap unmap;
	struct ptelab_revoke revoke;
	struct ptelab_lookup lookup;
	struct ptelab_stats stats;
	struct ptelab_vma_setup vma_setup;
	struct ptelab_injection injection;
	struct ptelab_events events;
	struct ptelab_call call;
	struct ptelab_page_info page_info;
	struct ptelab_pin pin;
};

static struct ptelab_session *session_of(struct file *filp)
{
	struct ptelab_file *file = filp->private_data;

	return file->session;
}

static int run_query(struct file *filp, union ioctl_arg *arg)
{
	int error = ptelab_ioctl_query(session_of(filp), &arg->query);
	unsigned int method;

	if (error)
		return error;
	for (method = 1; method < PTELAB_METHODS; method++)
		arg->query.absence[method] = ptelab_method_absence(method);
	arg->query.file = ((struct ptelab_file *)filp->private_data)->number;
	return 0;
}

static int run_region_setup(struct file *filp, union ioctl_arg *arg)
{
	struct ptelab_file *file = filp->private_data;
	int error;

	/* A vma_setup may hold on to the region that the file has. */
	if (mutex_lock_killable(&file->vma_setup_lock))
		return -EINTR;
	error = file->custom ? -EBUSY : ptelab_ioctl_region_setup(file->session, &arg->setup);
	mutex_unlock(&file->vma_setup_lock);
	return error ? error : ptelab_setup_ended(file->session);
}

static int run_zap(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_ioctl_zap(session_of(filp), &arg->zap);
}

static int run_unmap(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_ioctl_unmap(session_of(filp), &arg->unmap);
}

static int run_revoke(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_ioctl_revoke(session_of(filp), &arg->revoke);
}

static int run_restore(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_ioctl_restore(session_of(filp), &arg->revoke);
}

static int run_lookup(struct file *filp, union ioctl_arg *arg)
{
	long count = ptelab_ioctl_lookup_entries(&arg->lookup);
	struct ptelab_pte *entries;
	int error;

	if (count < 0)
		return count;
	entries = kvcalloc(count, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	error = ptelab_ioctl_lookup(session_of(filp), &arg->lookup, entries,
				    ((struct ptelab_file *)filp->private_data)->opened_by_admin);
	if (!error && copy_to_user(u64_to_user_ptr(arg->lookup.buffer), entries, count * sizeof(*entries)))
		error = -EFAULT;
	kvfree(entries);
	return error;
}

static int run_stats(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_ioctl_stats(session_of(filp), &arg->stats);
}

static int run_vma_setup(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_vma_setup_set(filp, &arg->vma_setup);
}

static int run_inject(struct file *filp, union ioctl_arg *arg)
{
	arg->injection.hook = array_index_nospec(arg->injection.hook, PTELAB_HOOKS);	/* 0, which is none, for what is out of range */
	return ptelab_ioctl_inject(session_of(filp), &arg->injection);
}

static int run_events(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_events_read(&arg->events);
}

static int run_call(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_call(filp->private_data, &arg->call);
}

static int run_page_info(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_page_info(filp->private_data, &arg->page_info);
}

static int run_pin(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_pin(filp->private_data, &arg->pin);
}

static int run_unpin(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_unpin(filp->private_data, &arg->pin);
}

static int run_lend(struct file *filp, union ioctl_arg *arg)
{
	return ptelab_lend(filp->private_data);
}

/* The number carries the argument's size and direction, so a caller built for another layout gets ENOTTY. */
static const struct {
	unsigned int cmd;
	int (*run)(struct file *filp, union ioctl_arg *arg);
} ioctls[] = {
	{ PTELAB_IOC_QUERY, run_query },
	{ PTELAB_IOC_REGION_SETUP, run_region_setup },
	{ PTELAB_IOC_ZAP, run_zap },
	{ PTELAB_IOC_UNMAP, run_unmap },
	{ PTELAB_IOC_REVOKE, run_revoke },
	{ PTELAB_IOC_RESTORE, run_restore },
	{ PTELAB_IOC_LOOKUP, run_lookup },
	{ PTELAB_IOC_STATS, run_stats },
	{ PTELAB_IOC_VMA_SETUP, run_vma_setup },
	{ PTELAB_IOC_INJECT, run_inject },
	{ PTELAB_IOC_EVENTS, run_events },
	{ PTELAB_IOC_CALL, run_call },
	{ PTELAB_IOC_PAGE_INFO, run_page_info },
	{ PTELAB_IOC_PIN, run_pin },
	{ PTELAB_IOC_UNPIN, run_unpin },
	{ PTELAB_IOC_LEND, run_lend },
};

long ptelab_ioctl(struct file *filp, unsigned int cmd, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	union ioctl_arg arg;
	unsigned int i;
	int error;

	for (i = 0; i < ARRAY_SIZE(ioctls) && ioctls[i].cmd != cmd; i++)
		;
	if (i == ARRAY_SIZE(ioctls))
		return -ENOTTY;
	if (copy_from_user(&arg, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	/* An answer that cannot be delivered is found out before anything happens. */
	if ((_IOC_DIR(cmd) & _IOC_READ) && copy_to_user(user, &arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	error = ioctls[i].run(filp, &arg);
	if (!error && (_IOC_DIR(cmd) & _IOC_READ) && copy_to_user(user, &arg, _IOC_SIZE(cmd)))
		error = -EFAULT;
	return error;
}
