/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three functions cxxrt needs from its host, read by C and by C++. linux/hooks.c is the kernel's answer,
 * hosted/hooks.cpp the one of a test program. There is nothing else to port.
 */
#ifndef CXXRT_HOOKS_H
#define CXXRT_HOOKS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Every block of cxxrt_alloc() is aligned to this. */
#define CXXRT_ALLOC_ALIGN 8

/*
 * Zeroed memory, or NULL. Never ask for 0 bytes. In the kernel this may sleep: process context, no spinlock held,
 * interrupts and preemption enabled.
 */
void *cxxrt_alloc(__SIZE_TYPE__ size);

/* Takes back what cxxrt_alloc() gave; NULL is ignored. In the kernel this may sleep, as the block may be vmalloc'ed. */
void cxxrt_free(void *block);

/*
 * An invariant is broken: say where and stop this thread. Any context. It does not return, and is deliberately not
 * declared so: objtool keeps its own list of functions that do not, and this one can't be on it (see assert.hpp).
 */
void cxxrt_bug(const char *file, int line, const char *what);

#ifdef __cplusplus
}
#endif

#endif
