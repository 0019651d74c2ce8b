/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a uapi header wants of <linux/types.h>, for C++ that is compiled without the kernel's headers. The types are
 * those of the kernel's int-ll64.h, on every 64-bit architecture.
 */
#ifndef CXXRT_SHIM_LINUX_TYPES_H
#define CXXRT_SHIM_LINUX_TYPES_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;

#endif
