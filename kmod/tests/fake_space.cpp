// SPDX-License-Identifier: GPL-2.0-or-later
// port.h: spaces, where a region's mappings are found, with their gate.
#include <algorithm>
#include <thread>

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
	if (!space->pending_mmaps.empty())
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

bool port_space_gate_wait(port_space *space, const unsigned int *word, unsigned int bits, bool killable)
{
	if (!space->gate.mine())
		bug("who waits at a gate has not said that he takes it");
	Kernel &kernel = Kernel::get();
	for (;;) {
		const unsigned seen = space->gate_wakes;
		if (!(__atomic_load_n(word, __ATOMIC_ACQUIRE) & bits))
			return true;
		space->gate_waits++;
		// A wake-up that is forgotten is never made good.
		while (space->gate_wakes == seen) {
			if (killable && kernel.killed())
				return false;
			std::this_thread::yield();
		}
	}
}

void port_space_gate_wake(port_space *space)
{
	space->gate_wakes++;
}

void port_space_gate_acquire(port_space *space, bool exclusively)
{
	if (exclusively && fake::holds(fake::Rank::kMmap))
		bug("the gate is closed with mmap_lock held");
	if (exclusively && !space->revoke.mine())
		bug("the gate is closed without the revoke mutex");
	space->gate.note(exclusively);
}

void port_space_gate_release(port_space *space)
{
	space->gate.forget();
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
	if (killable && Kernel::get().killed())
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
	if (killable && Kernel::get().killed())
		return false;
	page->head->lock.lock();
	page->head->lock.unlock();
	return true;
}

int port_misuse_hold(port_misuser *misuser)
{
	if (!misuser->there)
		return -EPERM;
	misuser->held = true;
	return 0;
}

// What it does is in C, and not modelled: who asks for it, and with what, is.
unsigned int port_misuse_fault(const port_misuser *misuser, vm_fault *vmf, unsigned int action, unsigned int delay_ms)
{
	fake::must_be_in_fault(vmf);
	port_misuser &mine = vmf->vma->file->misuser;
	if (&mine != misuser || !misuser->held)
		bug("a misuse by a file that does not hold the module");
	mine.faults++;
	mine.last = action;
	mine.delay_ms = delay_ms;
	return mine.code;
}

unsigned int port_misuse_huge_fault(const port_misuser *misuser, vm_fault *vmf, unsigned int answer)
{
	port_misuse_fault(misuser, vmf, answer, 0);
	vmf->vma->file->misuser.faults--;
	vmf->vma->file->misuser.huge_faults++;
	return misuser->code;
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

bool port_killed()
{
	return Kernel::get().killed();
}

bool port_pause()
{
	return !Kernel::get().killed();
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

bool port_space_wait_for_mmaps(port_space *space, bool killable)
{
	Kernel &kernel = Kernel::get();
	if (!space->revoke.mine())
		bug("settled without the revoke mutex");
	for (;;) {
		fake::Mm *mm = nullptr;
		{
			const std::lock_guard guard{kernel.data};
			const auto next = std::find_if(space->pending_mmaps.begin(), space->pending_mmaps.end(),
						       [](const fake::PendingMmap *pending) { return !pending->settled; });
			if (next == space->pending_mmaps.end())
				return true;
			if (killable && kernel.killed())
				return false;
			(*next)->settled = true;
			mm = (*next)->mm;
			mm->references++;
		}
		kernel.meanwhile(kernel.on_wait_for_mmaps);
		mm->mmap_lock.lock_shared();
		mm->mmap_lock.unlock_shared();
		fake::put_mm(mm);
	}
}
