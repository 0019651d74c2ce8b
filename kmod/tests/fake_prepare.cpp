// SPDX-License-Identifier: GPL-2.0-or-later
// What mm does with what ->mmap_prepare has asked for.
#include <cerrno>

#include "fake_process.hpp"

namespace fake {

namespace {

// mm/memory.c: remap_pfn_range_complete. Half way, what was set is taken away again.
int remap(vm_area_struct *vma, unsigned long pfn)
{
	Kernel &kernel = Kernel::get();
	const bool fails = kernel.fails();
	const std::lock_guard guard{kernel.data};
	vma->pfnmap = vma->dont_expand = true;
	if (is_cow(vma))
		vma->pgoff = pfn;
	for (unsigned long addr = vma->start; addr < vma->end && !fails; addr += kernel.page_bytes())
		set_pte(vma, addr, pfn++, nullptr);
	return fails ? -ENOMEM : 0;
}

// mm/memory.c: map_kernel_pages_complete. What was inserted before an error stays, until the VMA goes.
int map_pages(vm_area_struct *vma, page **pages)
{
	Kernel &kernel = Kernel::get();
	const std::lock_guard guard{kernel.data};
	vma->mixedmap = true;
	for (unsigned long addr = vma->start; addr < vma->end; addr += kernel.page_bytes(), pages++) {
		if ((*pages)->head->refs <= 0)
			bug("a page is mapped that was freed since ->mmap_prepare");
		if (kernel.fails())
			return -ENOMEM;
		set_pte(vma, addr, (*pages)->pfn, *pages);
	}
	return 0;
}

int act(vm_area_struct *vma, const port_vma_desc &desc)
{
	Kernel &kernel = Kernel::get();
	const unsigned long pages = (vma->end - vma->start) >> kernel.shift();
	switch (desc.action) {
	case PORT_ACTION_NONE:
		return 0;
	case PORT_ACTION_REMAP:
	case PORT_ACTION_IOREMAP:
		return remap(vma, desc.pfn);
	case PORT_ACTION_SIMPLE_IOREMAP:
		if (vma->pgoff + pages > desc.bytes >> kernel.shift())
			bug("mmap_action_simple_ioremap() of less than the VMA");
		return remap(vma, desc.pfn + vma->pgoff);
	case PORT_ACTION_MAP_PAGES:
		return map_pages(vma, desc.pages);
	}
	bug("an action that does not exist");
}

} // namespace

// mm/vma.c: __mmap_region, mm/util.c: mmap_action_complete. The VMA is linked first and filled then; it may come to nothing before
// there is one, and the driver is not told.
int Process::prepare(std::unique_ptr<vm_area_struct> owned, std::vector<file *> &released)
{
	Kernel &kernel = Kernel::get();
	vm_area_struct *const vma = owned.get();
	port_vma_desc desc{};
	desc.span = port_vma_span(vma);
	desc.awaited = &vma->file->awaited;
	desc.wants_exec = vma->exec;
	if (const int error = ptelab_mmap_prepare(vma->file->session, &desc))
		return error;
	if (kernel.fails())
		return -ENOMEM;
	vma->may_exec = !desc.forbid_exec;
	vma->cache = desc.cache;
	link_new(owned.release());
	kernel.meanwhile(kernel.before_action);
	int error = act(vma, desc);
	if (!error) {
		vma->in_mmap = true;
		error = ptelab_mapped(vma->file->session, vma);	// ->mapped
		vma->in_mmap = false;
	}
	if (!error)
		return 0;
	if (!vma->pending)
		port_count(ptelab_session_counts(vma->file->session), PORT_MAPS, 1);	// as the glue's ->close
	remove(vma, released);
	return error;
}

} // namespace fake
