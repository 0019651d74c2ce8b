/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seam: C owns Linux, C++ owns decisions, and both read this. */
#ifdef __cplusplus
extern "C"
#endif
int hello_sum(int last);
