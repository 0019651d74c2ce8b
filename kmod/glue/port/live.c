// SPDX-License-Identifier: GPL-2.0
/* port.h: the calling process' live mappings. */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "../compat.h"
#include "live.h"

/* Ours is what maps this very file: a stranger's VMA is never zapped, nor is anything in it looked at. */
int ptelab_live_begin(struct vm_area_struct **out, const struct file *file, unsigned long addr, bool write)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int error;

	if (write ? mmap_write_lock_killable(mm) : mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start <= addr) {
		if (vma->vm_file == file) {
			*out = vma;
			return 0;
		}
		error = -EINVAL;
	} else {
		error = -EFAULT;
	}
	if (write)
		mmap_write_unlock(mm);
	else
		mmap_read_unlock(mm);
	return error;
}

int port_live_begin(struct vm_area_struct **vma, const struct file *file, unsigned long addr)
{
	return ptelab_live_begin(vma, file, addr, false);
}

void port_live_end(struct vm_area_struct *vma)
{
	mmap_read_unlock(vma->vm_mm);
}

int port_live_zap(struct vm_area_struct *vma, unsigned long addr, unsigned long bytes, enum port_zap how)
{
	return how == PORT_ZAP_SPECIAL ? compat_zap_special(vma, addr, bytes) : compat_zap_vma(vma, addr, bytes);
}
