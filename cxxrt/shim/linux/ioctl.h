/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets a uapi header that includes <linux/ioctl.h> compile without the kernel's headers. On purpose without _IO() and
 * its kin: request numbers are decoded in C, and C++ that uses one should not compile.
 */
#ifndef CXXRT_SHIM_LINUX_IOCTL_H
#define CXXRT_SHIM_LINUX_IOCTL_H
#endif
