// SPDX-License-Identifier: GPL-2.0
/* port.h: what breaks a driver's contract, if ptelab_misuse.ko is there to do it. */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "misuse.h"

/* Guards registered, and the first assignment to each file's misuse. Nests in a file's locks. */
static DEFINE_MUTEX(registry);
static const struct ptelab_misuse *registered;

int ptelab_misuse_register(const struct ptelab_misuse *misuse)
{
	int error = 0;

	mutex_lock(&registry);
	if (registered)
		error = -EBUSY;
	else
		registered = misuse;
	mutex_unlock(&registry);
	return error;
}
EXPORT_SYMBOL_GPL(ptelab_misuse_register);

/* No file has it any more: each holds a reference on the module that is going. */
void ptelab_misuse_unregister(const struct ptelab_misuse *misuse)
{
	mutex_lock(&registry);
	if (registered == misuse)
		registered = NULL;
	mutex_unlock(&registry);
}
EXPORT_SYMBOL_GPL(ptelab_misuse_unregister);

int port_misuse_hold(struct port_misuser *misuser)
{
	int error = 0;

	if (!misuser->allowed)
		return -EPERM;
	if (mutex_lock_killable(&registry))
		return -EINTR;
	if (!misuser->misuse) {
		if (registered && try_module_get(registered->owner))
			/* Hooks read it without a lock, after they have read the injection that is made behind this. */
			smp_store_release(&misuser->misuse, registered);
		else
			error = -EPERM;
	}
	mutex_unlock(&registry);
	return error;
}

void ptelab_misuser_free(struct port_misuser *misuser)
{
	if (misuser->misuse)
		module_put(misuser->misuse->owner);
}

unsigned int port_misuse_fault(const struct port_misuser *misuser, struct vm_fault *vmf, unsigned int action, unsigned int delay_ms)
{
	return (__force unsigned int)misuser->misuse->fault(vmf, action, delay_ms);
}

unsigned int port_misuse_huge_fault(const struct port_misuser *misuser, struct vm_fault *vmf, unsigned int answer)
{
	return (__force unsigned int)misuser->misuse->huge_fault(vmf, answer);
}
