// SPDX-License-Identifier: GPL-2.0
/* The vm_operations_structs, written out, as which members are there changes what the kernel does. */
#include <linux/mm.h>

#include "../compat.h"
#include "hooks.h"
#include "vm_ops.h"

#define VM_OPS(name, ...)                                         \
	static const struct vm_operations_struct name##_vm_ops = { \
		.open = ptelab_vma_open,                           \
		.close = ptelab_vma_close,                         \
		__VA_ARGS__                                        \
	}
#define FAULTS .fault = ptelab_vma_fault

VM_OPS(plain, FAULTS);
VM_OPS(access, FAULTS, .access = ptelab_vma_access);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
VM_OPS(huge, FAULTS, .huge_fault = ptelab_vma_huge_fault);
VM_OPS(whole, FAULTS, .huge_fault = ptelab_vma_huge_fault, .COMPAT_MAY_SPLIT = ptelab_huge_may_split);
#else
#define huge_vm_ops plain_vm_ops
#define whole_vm_ops plain_vm_ops
#endif
#ifdef HAVE_MMAP_ACTIONS
VM_OPS(mapped, FAULTS, .mapped = ptelab_vma_mapped);
#else
#define mapped_vm_ops plain_vm_ops
#endif
VM_OPS(bare);

static const struct vm_operations_struct *const tables[PTELAB_OPS_KINDS] = {
	[PTELAB_OPS_PLAIN] = &plain_vm_ops,
	[PTELAB_OPS_ACCESS] = &access_vm_ops,
	[PTELAB_OPS_HUGE] = &huge_vm_ops,
	[PTELAB_OPS_WHOLE] = &whole_vm_ops,
	[PTELAB_OPS_MAPPED] = &mapped_vm_ops,
	[PTELAB_OPS_BARE] = &bare_vm_ops,
};

static const struct vm_operations_struct *table_of(unsigned int method)
{
	return tables[ptelab_traits_of(method)->ops];
}

const struct vm_operations_struct *ptelab_vm_ops_of(const struct ptelab_file *file)
{
	return file->vma_setup.flags & PTELAB_VMA_SETUP_HOOKS ? &file->vm_ops : table_of(file->method);
}

static int fill(struct vm_operations_struct *ops, unsigned int method, unsigned int hook)
{
	switch (hook) {
	case PTELAB_HOOK_OPEN:
		ops->open = ptelab_vma_open;
		return 0;
	case PTELAB_HOOK_CLOSE:
		ops->close = ptelab_vma_close;
		return 0;
	case PTELAB_HOOK_MAY_SPLIT:
		ops->COMPAT_MAY_SPLIT = ptelab_vma_may_split;
		return 0;
	case PTELAB_HOOK_MREMAP:
		ops->mremap = ptelab_vma_mremap;
		return 0;
#ifdef HAVE_MPROTECT_HOOK
	case PTELAB_HOOK_MPROTECT:
		ops->mprotect = ptelab_vma_mprotect;
		return 0;
#endif
	case PTELAB_HOOK_FAULT:
		ops->fault = ptelab_vma_fault;
		return 0;
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	case PTELAB_HOOK_HUGE_FAULT:
		if (method != PTELAB_BARE && !table_of(method)->huge_fault)
			return -EOPNOTSUPP;
		ops->huge_fault = ptelab_vma_huge_fault;
		return 0;
#endif
	case PTELAB_HOOK_MAP_PAGES:
		ops->map_pages = ptelab_vma_map_pages;
		return 0;
	case PTELAB_HOOK_PAGE_MKWRITE:
		ops->page_mkwrite = ptelab_vma_page_mkwrite;
		return 0;
	case PTELAB_HOOK_PFN_MKWRITE:
		ops->pfn_mkwrite = ptelab_vma_pfn_mkwrite;
		return 0;
	case PTELAB_HOOK_ACCESS:
		ops->access = ptelab_vma_access;
		return 0;
#ifdef CONFIG_HAVE_IOREMAP_PROT
	case PTELAB_HOOK_GENERIC_ACCESS:
		ops->access = ptelab_vma_generic_access;
		return 0;
#endif
	case PTELAB_HOOK_NAME:
		ops->name = ptelab_vma_name;
		return 0;
#ifdef HAVE_MMAP_ACTIONS
	case PTELAB_HOOK_MAPPED:
		ops->mapped = ptelab_vma_mapped;
		return 0;
#endif
	}
	return -EOPNOTSUPP;
}

int ptelab_vm_ops_fill(struct vm_operations_struct *ops, unsigned int method, u64 hooks)
{
	unsigned int hook;
	int error = 0;

	*ops = (struct vm_operations_struct){};
	for (hook = 1; hook < PTELAB_HOOKS && !error; hook++)
		if (hooks & (1ULL << hook))
			error = fill(ops, method, hook);
	return error;
}
