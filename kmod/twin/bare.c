// SPDX-License-Identifier: GPL-2.0
/* The bare twin: what a good driver does to map its pages, and no more. Nothing is counted, and nothing can be taken back. */
#include <linux/module.h>

#include "twin.h"

static struct page **pages;

static bool outside(const struct vm_fault *vmf)
{
	return vmf->pgoff >= TWIN_PAGES;
}

static vm_fault_t fault_insert_pfn(struct vm_fault *vmf)
{
	if (outside(vmf))
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(pages[vmf->pgoff]));
}

static vm_fault_t fault_insert_page(struct vm_fault *vmf)
{
	if (outside(vmf))
		return VM_FAULT_SIGBUS;
	return vmf_insert_page(vmf->vma, vmf->address, pages[vmf->pgoff]);
}

static vm_fault_t fault_page(struct vm_fault *vmf)
{
	if (outside(vmf))
		return VM_FAULT_SIGBUS;
	get_page(pages[vmf->pgoff]);
	vmf->page = pages[vmf->pgoff];
	return 0;
}

/* What was inserted before an error stays, and serves the fault. */
static vm_fault_t fault_insert_pages(struct vm_fault *vmf)
{
	unsigned long count, left;
	int error;

	if (outside(vmf))
		return VM_FAULT_SIGBUS;
	count = min3(TWIN_AROUND, TWIN_PAGES - vmf->pgoff, (vmf->vma->vm_end - vmf->address) >> PAGE_SHIFT);
	left = count;
	error = vm_insert_pages(vmf->vma, vmf->address, pages + vmf->pgoff, &left);
	if (!error || left < count || error == -EBUSY)
		return VM_FAULT_NOPAGE;
	return error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct vm_ops[WAYS] = {
	[FAULT_INSERT_PFN] = { .fault = fault_insert_pfn },
	[FAULT_INSERT_PAGE] = { .fault = fault_insert_page },
	[FAULT_PAGE] = { .fault = fault_page },
	[FAULT_INSERT_PAGES] = { .fault = fault_insert_pages },
};

static int insert_each(struct vm_area_struct *vma)
{
	unsigned long i;
	int error;

	for (i = 0; i < vma_pages(vma); i++) {
		error = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT), pages[vma->vm_pgoff + i]);
		if (error)
			return error;
	}
	return 0;
}

static struct miscdevice nodes[WAYS];

static int bare_mmap(struct file *filp, struct vm_area_struct *vma)
{
	unsigned long count = vma_pages(vma);
	enum twin_way way = twin_way_of(filp, nodes);

	if (vma->vm_pgoff > TWIN_PAGES || count > TWIN_PAGES - vma->vm_pgoff || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &vm_ops[way];
	switch (way) {
	case FAULT_INSERT_PFN:
		compat_vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
		return 0;
	case FAULT_INSERT_PAGE:
	case FAULT_INSERT_PAGES:
		compat_vm_flags_set(vma, VM_MIXEDMAP);
		return 0;
	case INSERT_PAGE:
		return insert_each(vma);
	case INSERT_PAGES:
		return vm_insert_pages(vma, vma->vm_start, pages + vma->vm_pgoff, &count);
	default:
		return 0;
	}
}

static const struct file_operations bare_fops = {
	.owner = THIS_MODULE,
	.mmap = bare_mmap,
};

static struct miscdevice nodes[WAYS] = TWIN_NODES("bare", &bare_fops);

static int __init bare_init(void)
{
	int error;

	pages = twin_alloc_pages();
	if (!pages)
		return -ENOMEM;
	error = twin_add_nodes(nodes);
	if (error)
		twin_free_pages(pages);
	return error;
}

static void __exit bare_exit(void)
{
	twin_remove_nodes(nodes, WAYS);
	twin_free_pages(pages);
}

module_init(bare_init);
module_exit(bare_exit);

MODULE_DESCRIPTION("A plain driver that maps its pages, to be measured beside ptelab");
MODULE_LICENSE("GPL");
