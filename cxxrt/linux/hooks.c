// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's answer to cxxrt/hooks.h: each module that uses cxxrt lists cxxrt_hooks.o.
 *
 * The allocator is GFP_KERNEL through kvzalloc(): it may sleep and may start reclaim, so process context only, with no
 * spinlock held, and not below a lock that reclaim takes. kvfree() may sleep as well when the block was vmalloc'ed.
 * cxxrt_bug() is legal in any context.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "../include/cxxrt/errno.h"
#include "../include/cxxrt/hooks.h"

void *cxxrt_alloc(size_t size)
{
	return kvzalloc(size, GFP_KERNEL);
}

void cxxrt_free(void *block)
{
	kvfree(block);
}

void cxxrt_bug(const char *file, int line, const char *what)
{
	pr_emerg("%s:%d: %s\n", file, line, what);
	BUG();
}

static_assert(ARCH_KMALLOC_MINALIGN >= CXXRT_ALLOC_ALIGN);

static_assert(CXXRT_EPERM == EPERM);
static_assert(CXXRT_ENOENT == ENOENT);
static_assert(CXXRT_ESRCH == ESRCH);
static_assert(CXXRT_EINTR == EINTR);
static_assert(CXXRT_EIO == EIO);
static_assert(CXXRT_ENXIO == ENXIO);
static_assert(CXXRT_E2BIG == E2BIG);
static_assert(CXXRT_EBADF == EBADF);
static_assert(CXXRT_EAGAIN == EAGAIN);
static_assert(CXXRT_ENOMEM == ENOMEM);
static_assert(CXXRT_EACCES == EACCES);
static_assert(CXXRT_EFAULT == EFAULT);
static_assert(CXXRT_EBUSY == EBUSY);
static_assert(CXXRT_EEXIST == EEXIST);
static_assert(CXXRT_ENODEV == ENODEV);
static_assert(CXXRT_EINVAL == EINVAL);
static_assert(CXXRT_ENOTTY == ENOTTY);
static_assert(CXXRT_ENOSPC == ENOSPC);
static_assert(CXXRT_ERANGE == ERANGE);
static_assert(CXXRT_ENOSYS == ENOSYS);
static_assert(CXXRT_EOVERFLOW == EOVERFLOW);
static_assert(CXXRT_EOPNOTSUPP == EOPNOTSUPP);
static_assert(CXXRT_ETIMEDOUT == ETIMEDOUT);
static_assert(CXXRT_ECANCELED == ECANCELED);
static_assert(CXXRT_EHWPOISON == EHWPOISON);
