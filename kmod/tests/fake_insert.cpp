// SPDX-License-Identifier: GPL-2.0-or-later
// port.h: what fills page tables, inside ->mmap and inside ->fault.
#include <algorithm>
#include <cerrno>

#include "fake_kernel.hpp"

using fake::Kernel;
using fake::bug;

// ---- inside ->mmap ----

// mm/memory.c: vm_insert_page
static int insert_page(vm_area_struct *vma, unsigned long addr, page *page)
{
	Kernel &kernel = Kernel::get();
	const std::lock_guard guard{kernel.data};
	if (!fake::inside(vma, addr))
		return -EFAULT;
	if (page->head->refs <= 0)
		return -EINVAL;
	if (kernel.fails())
		return -ENOMEM;
	if (fake::is_huge(vma->mm, addr))
		bug("a page table is looked for where a huge leaf is");
	if (fake::present(vma, addr))
		return -EBUSY;
	fake::set_pte(vma, addr, page->pfn, page);
	return 0;
}

int port_insert_page(vm_area_struct *vma, unsigned long addr, page *page)
{
	fake::must_be_in_mmap(vma);
	if (vma->pfnmap)
		bug("vm_insert_page() into VM_PFNMAP");
	vma->mixedmap = true;
	return insert_page(vma, addr, page);
}

int port_insert_each(vm_area_struct *vma, unsigned long addr, page **pages, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		if (const int error = port_insert_page(vma, addr + i * Kernel::get().page_bytes(), pages[i]))
			return error;
	return 0;
}

// What was inserted before an error stays.
static int insert_pages(vm_area_struct *vma, unsigned long addr, page **pages, unsigned long &left)
{
	const unsigned long page_bytes = Kernel::get().page_bytes();
	if (!fake::inside(vma, addr) || left > (vma->end - addr) / page_bytes)
		return -EFAULT;
	for (; left; left--, addr += page_bytes)
		if (const int error = insert_page(vma, addr, *pages++))
			return error;
	return 0;
}

int port_insert_pages(vm_area_struct *vma, unsigned long addr, page **pages, unsigned long count)
{
	fake::must_be_in_mmap(vma);
	if (vma->pfnmap)
		bug("vm_insert_pages() into VM_PFNMAP");
	vma->mixedmap = true;
	return insert_pages(vma, addr, pages, count);
}

// mm/memory.c: __vm_map_pages
static int map_pages(vm_area_struct *vma, page **pages, unsigned long count, unsigned long offset)
{
	const unsigned long wanted = (vma->end - vma->start) >> Kernel::get().shift();
	if (offset >= count || wanted > count - offset)
		return -ENXIO;
	return port_insert_pages(vma, vma->start, pages + offset, wanted);
}

int port_map_pages(vm_area_struct *vma, page **pages, unsigned long count)
{
	return map_pages(vma, pages, count, vma->pgoff);
}

int port_map_pages_zero(vm_area_struct *vma, page **pages, unsigned long count)
{
	return map_pages(vma, pages, count, 0);
}

int port_remap(vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long bytes)
{
	fake::must_be_in_mmap(vma);
	Kernel &kernel = Kernel::get();
	const unsigned long page_bytes = kernel.page_bytes();
	if (bytes == 0 || bytes % page_bytes || addr % page_bytes)
		bug("remap_pfn_range() of no whole pages");
	if (addr < vma->start || addr + bytes > vma->end)
		bug("remap_pfn_range() leaves the VMA");
	if (fake::is_cow(vma)) {
		if (addr != vma->start || addr + bytes != vma->end)
			return -EINVAL;
		vma->pgoff = pfn;
	}
	vma->pfnmap = vma->dont_expand = true;
	// What fails is the allocation of a page table, somewhere on the way.
	const bool fails = kernel.fails();
	const unsigned long count = bytes / page_bytes;
	const std::lock_guard guard{kernel.data};
	for (unsigned long i = 0; i < (fails ? count / 2 : count); i++) {
		if (fake::present(vma, addr + i * page_bytes))
			bug("remap_pfn_range() over a page table entry");
		fake::set_pte(vma, addr + i * page_bytes, pfn + i, nullptr);
	}
	if (fails && !kernel.personality().remap_leaves_ptes)
		fake::zap(vma, addr, addr + bytes, true);
	return fails ? -ENOMEM : 0;
}

int port_iomap(vm_area_struct *vma, port_device *device)
{
	const unsigned long pages = (vma->end - vma->start) >> Kernel::get().shift();
	if (vma->pgoff > device->pages || pages > device->pages - vma->pgoff)
		return -EINVAL;
	return port_remap(vma, vma->start, fake::kDevicePfn + vma->pgoff, vma->end - vma->start);
}

// ---- inside ->fault ----

port_span port_fault_span(const vm_fault *vmf)
{
	return port_vma_span(vmf->vma);
}

unsigned long port_fault_address(const vm_fault *vmf)
{
	return vmf->address;
}

unsigned long port_pmd_pages()
{
	return Kernel::get().personality().pmd_pages;
}

bool port_pmd_fits()
{
	return Kernel::get().personality().pmd_fits;
}

unsigned int port_fault_insert_pfn(vm_fault *vmf, unsigned long pfn)
{
	fake::must_be_in_fault(vmf);
	Kernel &kernel = Kernel::get();
	vm_area_struct *const vma = vmf->vma;
	if (vma->pfnmap == vma->mixedmap)
		bug("vmf_insert_pfn() without VM_PFNMAP or VM_MIXEDMAP, or with both");
	if (vma->pfnmap && fake::is_cow(vma))
		bug("vmf_insert_pfn() into a copy-on-write VM_PFNMAP");
	if (vma->mixedmap && kernel.find_page(pfn))
		bug("vmf_insert_pfn() of RAM into VM_MIXEDMAP");
	if (!fake::inside(vma, vmf->address))
		return PORT_FAULT_SIGBUS;
	if (kernel.fails())
		return PORT_FAULT_OOM;
	const std::lock_guard guard{kernel.data};
	if (fake::is_huge(vma->mm, vmf->address))
		bug("a page table is looked for where a huge leaf is");
	if (!fake::present(vma, vmf->address))
		fake::set_pte(vma, vmf->address, pfn, nullptr);
	return PORT_FAULT_NOPAGE;
}

unsigned int port_fault_insert_pfn_of(vm_fault *vmf, page *page)
{
	return port_fault_insert_pfn(vmf, page->pfn);
}

// include/linux/mm.h: vmf_insert_page
static unsigned int fault_code(int error)
{
	return error == 0 || error == -EBUSY ? PORT_FAULT_NOPAGE : error == -ENOMEM ? PORT_FAULT_OOM : PORT_FAULT_SIGBUS;
}

unsigned int port_fault_insert_page(vm_fault *vmf, page *page)
{
	fake::must_be_in_fault(vmf);
	if (!vmf->vma->mixedmap)
		bug("vm_insert_page() at a fault without VM_MIXEDMAP");
	return fault_code(insert_page(vmf->vma, vmf->address, page));
}

unsigned int port_fault_insert_pages(vm_fault *vmf, page **pages, unsigned long count)
{
	fake::must_be_in_fault(vmf);
	if (!vmf->vma->mixedmap)
		bug("vm_insert_pages() at a fault without VM_MIXEDMAP");
	const unsigned long most = std::min(count, (vmf->vma->end - vmf->address) / Kernel::get().page_bytes());
	unsigned long left = most;
	const int error = insert_pages(vmf->vma, vmf->address, pages, left);
	return fault_code(left < most ? 0 : error);
}

// As x86, whose entries have a special bit: no reference, RAM or not.
unsigned int port_fault_insert_mixed(vm_fault *vmf, page *page)
{
	fake::must_be_in_fault(vmf);
	Kernel &kernel = Kernel::get();
	if (!vmf->vma->mixedmap)
		bug("vmf_insert_mixed() without VM_MIXEDMAP");
	if (!fake::inside(vmf->vma, vmf->address))
		return PORT_FAULT_SIGBUS;
	if (kernel.fails())
		return PORT_FAULT_OOM;
	const std::lock_guard guard{kernel.data};
	if (!fake::present(vmf->vma, vmf->address))
		fake::set_pte(vmf->vma, vmf->address, page->pfn, nullptr);
	return PORT_FAULT_NOPAGE;
}

// What the kernel does not look at, and a driver has to.
static void must_fit(const vm_area_struct *vma, unsigned long start)
{
	if (start < vma->start || Kernel::get().pmd_bytes() > vma->end - start)
		bug("a huge leaf is not all inside the VMA");
}

// Where a page table came first, nothing is inserted.
static unsigned int insert_leaf(vm_area_struct *vma, unsigned long start, unsigned long pfn, page *head)
{
	Kernel &kernel = Kernel::get();
	if (kernel.fails())
		return PORT_FAULT_OOM;
	const std::lock_guard guard{kernel.data};
	if (!fake::pmd_is_none(vma->mm, start)) {
		if (!fake::is_huge(vma->mm, start))
			bug("a huge leaf is inserted where a page table is");
		return PORT_FAULT_NOPAGE;
	}
	for (unsigned long i = 0; i < kernel.personality().pmd_pages; i++) {
		const unsigned long addr = start + (i << kernel.shift());
		fake::set_pte(vma, addr, pfn + i, head ? head + i : nullptr);
		vma->mm->ptes[addr].huge = true;
	}
	return PORT_FAULT_NOPAGE;
}

unsigned int port_fault_insert_pfn_pmd(vm_fault *vmf, unsigned long pfn)
{
	fake::must_be_in_fault(vmf);
	const fake::Personality &personality = Kernel::get().personality();
	vm_area_struct *const vma = vmf->vma;
	if (!(personality.features & PTELAB_HAS_INSERT_PFN_PMD))
		return PORT_FAULT_FALLBACK;
	if (vma->pfnmap == vma->mixedmap)
		bug("vmf_insert_pfn_pmd() without VM_PFNMAP or VM_MIXEDMAP, or with both");
	if (vma->pfnmap && fake::is_cow(vma))
		bug("vmf_insert_pfn_pmd() into a copy-on-write VM_PFNMAP");
	if (pfn & (personality.pmd_pages - 1))
		bug("a huge leaf of a pfn that is not aligned");
	const unsigned long start = fake::pmd_start(vmf->address);
	must_fit(vma, start);
	return insert_leaf(vma, start, pfn, nullptr);
}

unsigned long port_pud_pages()
{
	return Kernel::get().personality().pud_pages;
}

bool port_fault_takes_pfns(const vm_fault *vmf)
{
	return vmf->vma->pfnmap != vmf->vma->mixedmap && !fake::is_cow(vmf->vma);
}

unsigned int port_fault_insert_pfn_pud(vm_fault *vmf, unsigned long pfn)
{
	fake::must_be_in_fault(vmf);
	Kernel &kernel = Kernel::get();
	const unsigned long pages = port_pud_pages(), bytes = kernel.pud_bytes();
	const unsigned long start = fake::pud_start(vmf->address);
	if (!(kernel.personality().features & PTELAB_HAS_INSERT_PFN_PUD))
		return PORT_FAULT_FALLBACK;
	if (!port_fault_takes_pfns(vmf) || pfn & (pages - 1) || start < vmf->vma->start || bytes > vmf->vma->end - start)
		bug("a PUD of what does not fit");
	const std::lock_guard guard{kernel.data};
	if (vmf->vma->mm->pmd_tables.contains(start))
		bug("a PUD is inserted where a page table is");
	for (unsigned long i = 0; i < pages && fake::is_empty(vmf->vma->mm, start + (i << kernel.shift()), 1); i++) {
		fake::set_pte(vmf->vma, start + (i << kernel.shift()), pfn + i, nullptr);
		fake::Pte &pte = vmf->vma->mm->ptes[start + (i << kernel.shift())];
		pte.huge = pte.pud = true;
	}
	return PORT_FAULT_NOPAGE;
}

unsigned int port_fault_insert_folio_pmd(vm_fault *vmf, page *head)
{
	fake::must_be_in_fault(vmf);
	const fake::Personality &personality = Kernel::get().personality();
	if (!(personality.features & PTELAB_HAS_INSERT_FOLIO_PMD))
		return PORT_FAULT_FALLBACK;
	if (vmf->vma->pfnmap)
		bug("a folio is inserted into VM_PFNMAP");
	if (head->head != head)
		bug("vmf_insert_folio_pmd() of a tail");
	if (1UL << head->order != personality.pmd_pages)
		return PORT_FAULT_SIGBUS;
	if (vmf->write && fake::is_cow(vmf->vma))
		bug("a folio is mapped writable into a private mapping");
	const unsigned long start = fake::pmd_start(vmf->address);
	must_fit(vmf->vma, start);
	return insert_leaf(vmf->vma, start, head->pfn, head);
}

bool port_fault_is_cow(const vm_fault *vmf)
{
	return fake::is_cow(vmf->vma);
}

unsigned long long port_fault_restores(const vm_fault *vmf)
{
	if (!vmf->vma->pending)
		bug("asked when a VMA was filled that was not filled at mmap");
	return vmf->vma->pending->restores;
}

unsigned long port_fault_origin(const vm_fault *vmf)
{
	return port_vma_origin(vmf->vma);
}

port_pmd port_fault_pmd(const vm_fault *vmf)
{
	const std::lock_guard guard{Kernel::get().data};
	if (fake::pmd_is_none(vmf->vma->mm, vmf->address))
		return PORT_PMD_NONE;
	return fake::is_huge(vmf->vma->mm, vmf->address) ? PORT_PMD_LEAF : PORT_PMD_TABLE;
}

bool port_fault_make_table(vm_fault *vmf)
{
	if (port_fault_pmd(vmf) != PORT_PMD_NONE)
		return true;
	if (Kernel::get().fails())
		return false;
	const std::lock_guard guard{Kernel::get().data};
	vmf->vma->mm->early_tables.insert(fake::pmd_start(vmf->address));
	return true;
}

unsigned int port_fault_give(vm_fault *vmf, page *page)
{
	fake::must_be_in_fault(vmf);
	if (vmf->vma->pfnmap)
		bug("a page is given to VM_PFNMAP");
	{
		const std::lock_guard guard{Kernel::get().data};
		if (page->head->refs <= 0)
			bug("a free page is given");
	}
	if (!page->head->lock.try_lock()) {
		if (vmf->no_wait || Kernel::get().killed()) {
			Kernel::get().put(page);
			return vmf->no_wait ? PORT_FAULT_RETRY : PORT_FAULT_SIGBUS;
		}
		Kernel::get().page_lock_waits++;
		page->head->lock.lock();
	}
	vmf->given = page;
	return 0;
}

unsigned int port_fault_give_at_once(vm_fault *vmf, page *page)
{
	fake::must_be_in_fault(vmf);
	if (vmf->vma->pfnmap)
		bug("a page is given to VM_PFNMAP");
	if (!page->head->lock.try_lock())
		return 0;
	port_page_get(page);
	vmf->given = page;
	return PORT_FAULT_LOCKED;
}

void port_fault_take_back(vm_fault *vmf)
{
	vmf->given->head->lock.unlock();
	Kernel::get().put(vmf->given);
	vmf->given = nullptr;
}

unsigned int port_fault_retry(vm_fault *vmf)
{
	if (!vmf->may_retry || vmf->under_vma_lock)
		return 0;
	vmf->vma->mm->mmap_lock.unlock_shared();
	Kernel::get().meanwhile(Kernel::get().on_retry);
	return PORT_FAULT_RETRY;
}

bool port_fault_delay(unsigned int milliseconds)
{
	Kernel::get().delayed_ms += milliseconds;
	Kernel::get().meanwhile(Kernel::get().on_delay);
	return !Kernel::get().killed();
}
