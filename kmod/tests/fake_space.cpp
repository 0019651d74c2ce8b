// SPDX-License-Identifier: GPL-2.0-or-later
// port.h: spaces, where a region's mappings are found, with their gate.
#include <algorithm>

#include "fake_kernel.hpp"

using fake::Kernel;
using fake::bug;

port_space *port_space_new()
{
	if (Kernel::get().fails())
		return nullptr;
	Kernel::get().spaces++;
	return new port_space;
}

void port_space_free(port_space *space)
{
	if (!space->mappings.empty())
		bug("a space is freed that is mapped");
	if (!space->fillers.empty())
		bug("a space is freed in which a VMA is being filled");
	if (space->gate.mine() || space->revoke.mine())
		bug("a space is freed that is locked");
	Kernel::get().spaces--;
	delete space;
}

void port_file_use_space(file *file, port_space *space)
{
	const std::lock_guard guard{Kernel::get().data};
	if (file->users > 1)
		bug("the mapping of a file that is mapped is changed");
	file->mapping = space;
}

void port_space_gate_enter(port_space *space)
{
	space->gate.lock_shared();
}

void port_space_gate_leave(port_space *space)
{
	space->gate.unlock_shared();
}

bool port_space_gate_close(port_space *space, bool killable)
{
	if (fake::holds(fake::Rank::kMmap))
		bug("the gate is closed with mmap_lock held");
	if (killable && Kernel::get().fatal_signal)
		return false;
	space->gate.lock();
	return true;
}

void port_space_gate_open(port_space *space)
{
	space->gate.unlock();
}

void port_space_show_open(port_space *space, bool open)
{
	if (!space->gate.mine_exclusively())
		bug("a gate is opened or shut while somebody may be inside");
	space->open = open;
}

void port_space_leaf_lock(port_space *space)
{
	space->leaf.lock();
}

void port_space_leaf_unlock(port_space *space)
{
	space->leaf.unlock();
}

bool port_space_revoke_lock(port_space *space, bool killable)
{
	if (killable && Kernel::get().fatal_signal)
		return false;
	space->revoke.lock();
	return true;
}

void port_space_revoke_unlock(port_space *space)
{
	space->revoke.unlock();
}

bool port_space_page_barrier(page *page, bool killable)
{
	if (killable && Kernel::get().fatal_signal)
		return false;
	page->head->lock.lock();
	page->head->lock.unlock();
	return true;
}

int port_charge(port_account *account, unsigned long pages)
{
	if (Kernel::get().fails())
		return -ENOMEM;
	account->pages += pages;
	return 0;
}

void port_uncharge(port_account *account, unsigned long pages)
{
	if (pages > account->pages)
		bug("more is given back than was charged");
	account->pages -= pages;
}

bool port_pause()
{
	return !Kernel::get().fatal_signal;
}

// mm/memory.c: unmap_mapping_range; by vm_pgoff, so a private remap is found at its pfn only.
void port_space_unmap(port_space *space, unsigned long long offset, unsigned long long bytes, bool even_cows)
{
	const unsigned shift = Kernel::get().shift();
	const unsigned long first = offset >> shift;
	const unsigned long count = (bytes + Kernel::get().page_bytes() - 1) >> shift;
	const unsigned long end = count ? first + count : ~0UL;
	space->rmap.lock_shared();
	for (vm_area_struct *const vma : space->mappings) {
		const unsigned long vma_end = vma->pgoff + ((vma->end - vma->start) >> shift);
		const unsigned long from = std::max(first, vma->pgoff);
		const unsigned long to = std::min(end, vma_end);
		if (from < to)
			fake::zap(vma, vma->start + ((from - vma->pgoff) << shift), vma->start + ((to - vma->pgoff) << shift),
				  even_cows);
	}
	space->rmap.unlock_shared();
}

bool port_space_settle(port_space *space, bool killable)
{
	Kernel &kernel = Kernel::get();
	if (!space->revoke.mine())
		bug("settled without the revoke mutex");
	for (;;) {
		fake::Mm *mm = nullptr;
		{
			const std::lock_guard guard{kernel.data};
			const auto next = std::find_if(space->fillers.begin(), space->fillers.end(),
						       [](const fake::Filler *filler) { return !filler->settled; });
			if (next == space->fillers.end())
				return true;
			if (killable && kernel.fatal_signal)
				return false;
			(*next)->settled = true;
			mm = (*next)->mm;
			mm->references++;
		}
		kernel.meanwhile(kernel.on_settle);
		mm->mmap_lock.lock_shared();
		mm->mmap_lock.unlock_shared();
		fake::put_mm(mm);
	}
}
