/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The error numbers a driver returns, readable by C and C++, since <linux/errno.h> is out of reach of the C++ side.
 * linux/hooks.c asserts that each is what this kernel and architecture mean by it. Add what you need to both.
 */
#ifndef CXXRT_ERRNO_H
#define CXXRT_ERRNO_H

enum {
	CXXRT_EPERM = 1,
	CXXRT_ENOENT = 2,
	CXXRT_ESRCH = 3,
	CXXRT_EINTR = 4,
	CXXRT_EIO = 5,
	CXXRT_ENXIO = 6,
	CXXRT_E2BIG = 7,
	CXXRT_EBADF = 9,
	CXXRT_EAGAIN = 11,
	CXXRT_ENOMEM = 12,
	CXXRT_EACCES = 13,
	CXXRT_EFAULT = 14,
	CXXRT_EBUSY = 16,
	CXXRT_EEXIST = 17,
	CXXRT_ENODEV = 19,
	CXXRT_EINVAL = 22,
	CXXRT_ENOTTY = 25,
	CXXRT_ENOSPC = 28,
	CXXRT_ERANGE = 34,
	CXXRT_ENOSYS = 38,
	CXXRT_EOVERFLOW = 75,
	CXXRT_EOPNOTSUPP = 95,
	CXXRT_ETIMEDOUT = 110,
	CXXRT_ECANCELED = 125,
	CXXRT_EHWPOISON = 133,
};

#endif
