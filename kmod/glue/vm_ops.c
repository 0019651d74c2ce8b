// SPDX-License-Identifier: GPL-2.0
/*
 * One vm_operations_struct for each method, written out: which members are there changes what the kernel does.
 * Context of the hooks: open under mmap_lock for write; close under mmap_lock for read or write, or none at exit;
 * fault under mmap_lock for read; access under the target's mmap_lock for read.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "glue.h"

static struct ptelab_session *session_of(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static void vma_open(struct vm_area_struct *vma)
{
	ptelab_vma_copied(vma);
	port_count(ptelab_session_counts(session_of(vma)), PORT_OPENS, 1);
}

/* The VMA still pins its file here (mm/mmap.c: remove_vma calls ->close, then fput). */
static void vma_close(struct vm_area_struct *vma)
{
	ptelab_vma_gone(vma);
	port_count(ptelab_session_counts(session_of(vma)), PORT_CLOSES, 1);
}

/* The kernel answers ptrace and /proc/PID/mem with this where get_user_pages() refuses the VMA (mm/memory.c: __access_remote_vm). */
static int vma_access(struct vm_area_struct *vma, unsigned long addr, void *buffer, int bytes, int write)
{
	struct ptelab_session *session = session_of(vma);
	int done = 0;

	port_count(ptelab_session_counts(session), PORT_ACCESSES, 1);
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	/* The length is what the caller has left, and may run past the VMA's end. */
	bytes = min_t(unsigned long, bytes, vma->vm_end - addr);
	while (done < bytes) {
		loff_t offset = ((loff_t)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start) + done;
		struct ptelab_chunk chunk;
		int error = ptelab_chunk_at(session, offset, bytes - done, &chunk);

		if (error)
			return error;
		if (!chunk.bytes)
			break;
		ptelab_chunk_copy(&chunk, buffer + done, write);
		done += chunk.bytes;
	}
	return done;
}

static vm_fault_t insert_page_fault(struct vm_fault *vmf)
{
	return (__force vm_fault_t)ptelab_fault_insert_page(session_of(vmf->vma), vmf, vmf->pgoff);
}

static vm_fault_t fault_insert_page_fault(struct vm_fault *vmf)
{
	return (__force vm_fault_t)ptelab_fault_fault_insert_page(session_of(vmf->vma), vmf, vmf->pgoff);
}

static vm_fault_t fault_page_fault(struct vm_fault *vmf)
{
	return (__force vm_fault_t)ptelab_fault_fault_page(session_of(vmf->vma), vmf, vmf->pgoff);
}

static vm_fault_t fault_insert_pfn_fault(struct vm_fault *vmf)
{
	return (__force vm_fault_t)ptelab_fault_fault_insert_pfn(session_of(vmf->vma), vmf, vmf->pgoff);
}

static vm_fault_t remap_pfn_fault(struct vm_fault *vmf)
{
	return (__force vm_fault_t)ptelab_fault_remap_pfn(session_of(vmf->vma), vmf, vmf->pgoff);
}

static vm_fault_t iomap_fault(struct vm_fault *vmf)
{
	return (__force vm_fault_t)ptelab_fault_iomap(session_of(vmf->vma), vmf, vmf->pgoff);
}

static const struct vm_operations_struct insert_page_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = insert_page_fault,
};

static const struct vm_operations_struct fault_insert_page_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = fault_insert_page_fault,
};

static const struct vm_operations_struct fault_page_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = fault_page_fault,
};

static const struct vm_operations_struct fault_insert_pfn_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = fault_insert_pfn_fault,
	.access = vma_access,
};

static const struct vm_operations_struct remap_pfn_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = remap_pfn_fault,
};

static const struct vm_operations_struct iomap_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = iomap_fault,
};

const struct vm_operations_struct *const ptelab_vm_ops[PTELAB_METHODS] = {
	[PTELAB_INSERT_PAGE] = &insert_page_vm_ops,
	[PTELAB_FAULT_INSERT_PAGE] = &fault_insert_page_vm_ops,
	[PTELAB_FAULT_PAGE] = &fault_page_vm_ops,
	[PTELAB_FAULT_INSERT_PFN] = &fault_insert_pfn_vm_ops,
	[PTELAB_REMAP_PFN] = &remap_pfn_vm_ops,
	[PTELAB_IOMAP] = &iomap_vm_ops,
};

bool ptelab_is_our_vma(const struct vm_area_struct *vma)
{
	unsigned int method;

	for (method = 1; method < PTELAB_METHODS; method++)
		if (vma->vm_ops == ptelab_vm_ops[method])
			return true;
	return false;
}
