// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: copy the argument in, let the core decide, copy the answer out. No lock is held while user memory is touched,
 * so an argument may itself lie in a mapping of ours.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "glue.h"

union ioctl_arg {
	struct ptelab_query query;
	struct ptelab_setup setup;
	struct ptelab_zap zap;
	struct ptelab_unmap unmap;
	struct ptelab_revoke revoke;
	struct ptelab_lookup lookup;
	struct ptelab_stats stats;
};

static int run_query(struct ptelab_session *session, union ioctl_arg *arg)
{
	int error = ptelab_ioctl_query(session, &arg->query);
	unsigned int method;

	if (error)
		return error;
	for (method = 1; method < PTELAB_METHODS; method++)
		arg->query.absence[method] = method == PTELAB_IOMAP ? ptelab_iomap_absence() : PTELAB_PRESENT;
	return 0;
}

static int run_setup(struct ptelab_session *session, union ioctl_arg *arg)
{
	return ptelab_ioctl_setup(session, &arg->setup);
}

static int run_zap(struct ptelab_session *session, union ioctl_arg *arg)
{
	return ptelab_ioctl_zap(session, &arg->zap);
}

static int run_unmap(struct ptelab_session *session, union ioctl_arg *arg)
{
	return ptelab_ioctl_unmap(session, &arg->unmap);
}

static int run_revoke(struct ptelab_session *session, union ioctl_arg *arg)
{
	return ptelab_ioctl_revoke(session, &arg->revoke);
}

static int run_restore(struct ptelab_session *session, union ioctl_arg *arg)
{
	return ptelab_ioctl_restore(session, &arg->revoke);
}

static int run_lookup(struct ptelab_session *session, union ioctl_arg *arg)
{
	long count = ptelab_ioctl_lookup_entries(&arg->lookup);
	struct ptelab_pte *entries;
	int error;

	if (count < 0)
		return count;
	entries = kvcalloc(count, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	error = ptelab_ioctl_lookup(session, &arg->lookup, entries, capable(CAP_SYS_ADMIN));
	if (!error && copy_to_user(u64_to_user_ptr(arg->lookup.buffer), entries, count * sizeof(*entries)))
		error = -EFAULT;
	kvfree(entries);
	return error;
}

static int run_stats(struct ptelab_session *session, union ioctl_arg *arg)
{
	return ptelab_ioctl_stats(session, &arg->stats);
}

/* The number carries the argument's size and direction, so a caller built for another layout gets ENOTTY. */
static const struct {
	unsigned int cmd;
	int (*run)(struct ptelab_session *session, union ioctl_arg *arg);
} ioctls[] = {
	{ PTELAB_IOC_QUERY, run_query },
	{ PTELAB_IOC_SETUP, run_setup },
	{ PTELAB_IOC_ZAP, run_zap },
	{ PTELAB_IOC_UNMAP, run_unmap },
	{ PTELAB_IOC_REVOKE, run_revoke },
	{ PTELAB_IOC_RESTORE, run_restore },
	{ PTELAB_IOC_LOOKUP, run_lookup },
	{ PTELAB_IOC_STATS, run_stats },
};

long ptelab_ioctl(struct file *file, unsigned int cmd, unsigned long argument)
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
	error = ioctls[i].run(file->private_data, &arg);
	if (!error && (_IOC_DIR(cmd) & _IOC_READ) && copy_to_user(user, &arg, _IOC_SIZE(cmd)))
		error = -EFAULT;
	return error;
}
