// SPDX-License-Identifier: GPL-2.0
// A live mapping of the calling process, proved to be this file's, with mmap_lock held for reading.
#pragma once

#include "region.hpp"

namespace ptelab {
namespace {

class Live {
public:
	// The bytes must lie in one VMA of this file.
	static Result<Live> find(const file *file, unsigned long addr, unsigned long bytes)
	{
		vm_area_struct *vma = nullptr;
		CXXRT_TRY(cxxrt::from_kernel(port_live_begin(&vma, file, addr)));
		Live live{vma};
		if (bytes > live.span().end - addr)
			return Errno::kRange;
		return live;
	}

	Live(Live &&other) : vma_{cxxrt::exchange(other.vma_, nullptr)} {}
	Live &operator=(Live &&) = delete;
	~Live()
	{
		if (vma_)
			port_live_end(vma_);
	}

	Result<void> zap(unsigned long addr, unsigned long bytes, port_zap how)
	{
		return cxxrt::from_kernel(port_live_zap(vma_, addr, bytes, how));
	}

	// from_origin: the region's page 0 is where the mapping began, whatever its vm_pgoff was.
	ptelab_pte lookup(const Region &region, unsigned long addr, bool from_origin) const
	{
		ptelab_pte pte{};
		port_live_lookup(vma_, addr, &pte);
		if (pte.state & PTELAB_PTE_PRESENT) {
			const port_span where = span();
			const unsigned long pgoff = where.pgoff + ((addr - where.start) >> port_page_shift());
			const unsigned long expected = from_origin ? pgoff - port_vma_origin(vma_) : pgoff;
			pte.page = region.find(pte.pfn, expected);
			// A private remap has its pfn as vm_pgoff (mm/memory.c: vm_normal_page).
			pte.state |= pte.page && (pte.page == expected + 1 || pte.pfn == pgoff) ? PTELAB_PTE_OURS : 0;
		}
		return pte;
	}

	Result<unsigned long> present(unsigned long addr, unsigned long bytes) const
	{
		unsigned long count = 0;
		for (unsigned long done = 0; done < bytes; done += 1UL << port_page_shift()) {
			ptelab_pte pte{};
			if (!port_pause())
				return Errno::kIntr;
			port_live_lookup(vma_, addr + done, &pte);
			count += (pte.state & PTELAB_PTE_PRESENT) != 0;
		}
		return count;
	}

private:
	explicit Live(vm_area_struct *vma) : vma_{vma} {}
	port_span span() const { return port_vma_span(vma_); }

	vm_area_struct *vma_;
};

} // namespace
} // namespace ptelab
