// SPDX-License-Identifier: GPL-2.0-or-later
// port.h: VMAs, their page table entries, and what a driver may do to them inside ->mmap and from an ioctl.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "fake_kernel.hpp"

namespace fake {

thread_local Mm *current = nullptr;

namespace {

// The entry goes, and with it what it held.
void clear(const Pte &pte)
{
	Kernel &kernel = Kernel::get();
	if (pte.normal)
		kernel.put(pte.normal);
	else if (page *const ram = kernel.find_page(pte.pfn))
		ram->special--;
}

} // namespace

void must_be_in_mmap(const vm_area_struct *vma)
{
	if (!vma->in_mmap || !vma->mm->mmap_lock.mine_exclusively())
		bug("a VMA is changed outside ->mmap");
}

void must_be_in_fault(const vm_fault *vmf)
{
	if (!vmf->vma->mm->mmap_lock.mine())
		bug("a fault is answered without the lock");
}

bool inside(const vm_area_struct *vma, unsigned long addr)
{
	return vma->start <= addr && addr < vma->end;
}

bool present(const vm_area_struct *vma, unsigned long addr)
{
	return vma->mm->ptes.contains(addr);
}

unsigned long pmd_start(unsigned long addr)
{
	return addr & ~(Kernel::get().pmd_bytes() - 1);
}

unsigned long pud_start(unsigned long addr)
{
	return addr & ~(Kernel::get().pud_bytes() - 1);
}

bool is_huge(const Mm *mm, unsigned long addr)
{
	const auto pte = mm->ptes.find(addr);
	return pte != mm->ptes.end() && pte->second.huge;
}

bool is_empty(const Mm *mm, unsigned long start, unsigned long bytes)
{
	const std::lock_guard guard{Kernel::get().data};
	const auto first = mm->ptes.lower_bound(start);
	return first == mm->ptes.end() || first->first >= start + bytes;
}

bool pmd_is_none(const Mm *mm, unsigned long addr)
{
	const std::lock_guard guard{Kernel::get().data};
	return is_empty(mm, pmd_start(addr), Kernel::get().pmd_bytes()) && !mm->early_tables.contains(pmd_start(addr));
}

bool pud_is_none(const Mm *mm, unsigned long addr)
{
	const std::lock_guard guard{Kernel::get().data};
	return is_empty(mm, pud_start(addr), Kernel::get().pud_bytes()) && !mm->pmd_tables.contains(pud_start(addr));
}

// mm/memory.c: __handle_mm_fault, pmd_alloc
void alloc_pmd_table(Mm *mm, unsigned long addr)
{
	const std::lock_guard guard{Kernel::get().data};
	mm->pmd_tables.insert(pud_start(addr));
}

// mm/memory.c: free_pgtables
void free_pmd_tables(Mm *mm, unsigned long start, unsigned long end)
{
	const std::lock_guard guard{Kernel::get().data};
	for (unsigned long pud = pud_start(start); pud < end; pud += Kernel::get().pud_bytes()) {
		const auto after = mm->vmas.lower_bound(pud + Kernel::get().pud_bytes());
		if (after == mm->vmas.begin() || std::prev(after)->second->end <= pud)
			mm->pmd_tables.erase(pud);
	}
}

bool is_cow(const vm_area_struct *vma)
{
	return !vma->shared && vma->may_write;
}

// A shared mapping that may be written has a writable entry from the start: no node asks to be told of the first write.
void set_pte(vm_area_struct *vma, unsigned long addr, unsigned long pfn, page *normal)
{
	Kernel &kernel = Kernel::get();
	if (normal)
		kernel.get(normal);
	else if (page *const ram = kernel.find_page(pfn))
		ram->special++;
	vma->mm->ptes[addr] = {pfn, normal, false, vma->shared && vma->write, false, true, vma->cache};
}

static bool is_pud(const Mm *mm, unsigned long addr)
{
	const auto pte = mm->ptes.find(addr);
	return pte != mm->ptes.end() && pte->second.pud;
}

// A huge leaf that maps a file goes as a whole, even if a part is meant (mm/huge_memory.c: __split_huge_pmd_locked).
void zap(vm_area_struct *vma, unsigned long start, unsigned long end, bool even_cows)
{
	const std::lock_guard guard{Kernel::get().data};
	auto &ptes = vma->mm->ptes;
	if (start != pud_start(start) && is_pud(vma->mm, start))
		bug("what a PUD maps is cut in two");
	if (end != pud_start(end) && is_pud(vma->mm, end))
		bug("what a PUD maps is cut in two");
	if (is_huge(vma->mm, start))
		start = pmd_start(start);
	if (const unsigned long last = end - Kernel::get().page_bytes(); is_huge(vma->mm, last))
		end = pmd_start(last) + Kernel::get().pmd_bytes();
	for (auto it = ptes.lower_bound(start); it != ptes.end() && it->first < end;) {
		if (it->second.anonymous && !even_cows) {
			++it;
			continue;
		}
		clear(it->second);
		it = ptes.erase(it);
	}
}

void link(vm_area_struct *vma)
{
	vma->linked = vma->file->mapping;
	vma->linked->rmap.lock();
	vma->linked->mappings.push_back(vma);
	vma->linked->rmap.unlock();
	const std::lock_guard guard{Kernel::get().data};
	vma->mm->vmas[vma->start] = vma;
}

void unlink(vm_area_struct *vma)
{
	if (vma->file->mapping != vma->linked)
		bug("a file's mapping was changed while it was mapped");
	vma->linked->rmap.lock();
	vma->linked->mappings.remove(vma);
	vma->linked->rmap.unlock();
	const std::lock_guard guard{Kernel::get().data};
	vma->mm->vmas.erase(vma->start);
}

void copied(vm_area_struct *vma)
{
	const std::lock_guard guard{Kernel::get().data};
	if (vma->pending)
		vma->pending->vmas++;
}

void gone(vm_area_struct *vma)
{
	const std::lock_guard guard{Kernel::get().data};
	PendingMmap *const pending = vma->pending;
	vma->pending = nullptr;
	if (pending && --pending->vmas == 0)
		pending_free(pending);
}

PendingMmap *pending_new(port_space *space, Mm *mm)
{
	auto *const pending = new PendingMmap{space, mm, 1, false, 0, 0};
	mm->references++;
	space->pending_mmaps.push_back(pending);
	Kernel::get().pending_mmaps++;
	return pending;
}

void pending_free(PendingMmap *pending)
{
	pending->space->pending_mmaps.remove(pending);
	put_mm(pending->mm);
	Kernel::get().pending_mmaps--;
	delete pending;
}

vm_area_struct *find_vma(Mm *mm, unsigned long addr)
{
	const std::lock_guard guard{Kernel::get().data};
	auto after = mm->vmas.upper_bound(addr);
	if (after == mm->vmas.begin())
		return nullptr;
	vm_area_struct *const vma = (--after)->second;
	return addr < vma->end ? vma : nullptr;
}

void put_mm(Mm *mm)
{
	if (--mm->references)
		return;
	if (!mm->ptes.empty() || !mm->vmas.empty())
		bug("an address space is freed that still maps something");
	Kernel::get().mms--;
	delete mm;
}

} // namespace fake

using fake::Kernel;
using fake::bug;

// ---- inside ->mmap ----

port_span port_vma_span(const vm_area_struct *vma)
{
	return {vma->start, vma->end, vma->pgoff};
}

bool port_vma_is_cow(const vm_area_struct *vma)
{
	return fake::is_cow(vma);
}

bool port_vma_wants_exec(const vm_area_struct *vma)
{
	return vma->exec;
}

void port_vma_forbid_exec(vm_area_struct *vma)
{
	fake::must_be_in_mmap(vma);
	vma->may_exec = false;
}

void port_vma_make_pfnmap(vm_area_struct *vma)
{
	fake::must_be_in_mmap(vma);
	vma->pfnmap = vma->dont_expand = true;
}

void port_vma_make_mixedmap(vm_area_struct *vma)
{
	fake::must_be_in_mmap(vma);
	vma->mixedmap = true;
}

// As x86: RAM stays write-back whatever is asked.
void port_vma_set_cache(vm_area_struct *vma, unsigned int cache)
{
	fake::must_be_in_mmap(vma);
	vma->cache = cache;
}

int port_vma_track(vm_area_struct *vma, port_space *space, unsigned long long restores)
{
	fake::must_be_in_mmap(vma);
	Kernel &kernel = Kernel::get();
	if (kernel.fails())
		return -ENOMEM;
	if (vma->pending)
		bug("a VMA is tracked twice");
	if (!fake::holds(fake::Rank::kGate))
		bug("the count of RESTOREs may be another by now");
	const std::lock_guard guard{kernel.data};
	vma->pending = fake::pending_new(space, vma->mm);
	vma->pending->restores = restores;
	vma->pending->origin = vma->pgoff;
	return 0;
}

int port_await_mmap(port_awaited *awaited, port_space *space)
{
	Kernel &kernel = Kernel::get();
	if (kernel.fails())
		return -ENOMEM;
	const std::lock_guard guard{kernel.data};
	for (fake::PendingMmap *const pending : awaited->pending_mmaps)
		if (pending->mm == fake::current && pending->space == space) {
			pending->settled = false;
			return 0;
		}
	awaited->pending_mmaps.push_back(fake::pending_new(space, fake::current));
	return 0;
}

unsigned long port_vma_origin(const vm_area_struct *vma)
{
	if (!vma->pending)
		bug("asked where a VMA began that was not filled at mmap");
	return vma->pending->origin;
}

void port_vma_abandon(vm_area_struct *vma)
{
	fake::must_be_in_mmap(vma);
	if (!vma->pending)
		bug("a VMA is abandoned that was not tracked");
	fake::zap(vma, vma->start, vma->end, true);
	fake::gone(vma);
}

// ---- from an ioctl ----

int port_live_begin(vm_area_struct **out, const file *file, unsigned long addr)
{
	if (Kernel::get().fails())
		return -EINTR;
	fake::Mm *const mm = fake::current;
	mm->mmap_lock.lock_shared();
	vm_area_struct *const vma = fake::find_vma(mm, addr);
	if (vma && vma->file == file) {
		*out = vma;
		return 0;
	}
	mm->mmap_lock.unlock_shared();
	return vma ? -EINVAL : -EFAULT;
}

int port_live_zap(vm_area_struct *vma, unsigned long addr, unsigned long bytes, port_zap how)
{
	if (!vma->mm->mmap_lock.mine())
		bug("a zap without mmap_lock");
	if (addr < vma->start || bytes > vma->end - addr)
		bug("a zap leaves the VMA");
	const unsigned long long features = Kernel::get().personality().features;
	if (how == PORT_ZAP_VMA && !(features & (PTELAB_HAS_ZAP_VMA | PTELAB_HAS_ZAP_MANY)))
		return -EOPNOTSUPP;
	if (how == PORT_ZAP_SPECIAL) {
		if (!(features & PTELAB_HAS_ZAP_SPECIAL))
			return -EOPNOTSUPP;
		// Does nothing, and says nothing.
		if (!vma->pfnmap && !(vma->mixedmap && (features & PTELAB_HAS_ZAP_SPECIAL_MIXED)))
			return 0;
	}
	fake::zap(vma, addr, addr + bytes, true);
	return 0;
}

void port_live_lookup(const vm_area_struct *vma, unsigned long addr, ptelab_pte *out)
{
	if (!vma->mm->mmap_lock.mine())
		bug("a look-up without mmap_lock");
	const std::lock_guard guard{Kernel::get().data};
	*out = {};
	const auto found = vma->mm->ptes.find(addr);
	if (found == vma->mm->ptes.end())
		return;
	const fake::Pte &pte = found->second;
	const bool special = !pte.normal && !pte.huge;
	out->state = PTELAB_PTE_PRESENT | (pte.huge ? PTELAB_PTE_HUGE : 0U) | (pte.write ? PTELAB_PTE_WRITE : 0U) | (pte.dirty ? PTELAB_PTE_DIRTY : 0U) |
		     (pte.young ? PTELAB_PTE_YOUNG : 0U) | (special ? PTELAB_PTE_SPECIAL : 0U);
	out->cache = pte.cache;
	out->pfn = pte.pfn;
}

void port_live_end(vm_area_struct *vma)
{
	vma->mm->mmap_lock.unlock_shared();
}
