/* SPDX-License-Identifier: GPL-2.0 */
/* What is done wrong, a file each kind; see ../misuse.h for when. */
#ifndef PTELAB_MISUSE_MISUSE_H
#define PTELAB_MISUSE_MISUSE_H

#include "../misuse.h"

vm_fault_t ptelab_misuse_fault(struct vm_fault *vmf, unsigned int action, unsigned int delay_ms);
vm_fault_t ptelab_misuse_huge_fault(struct vm_fault *vmf, unsigned int answer);

#endif
