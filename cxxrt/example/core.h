/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef __cplusplus
extern "C"
#endif
int hello_sum(int last);
