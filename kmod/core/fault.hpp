// SPDX-License-Identifier: GPL-2.0
// A fault as a type: the kind of the VMA decides how it may be answered. For the duration of one ->fault call only.
#pragma once

#include "vma.hpp"

namespace ptelab {
namespace {

enum class [[nodiscard]] FaultCode : unsigned {
	kDone = 0,	// the page was handed over, unlocked
	kOom = PORT_FAULT_OOM,
	kSigbus = PORT_FAULT_SIGBUS,
	kHwPoison = PORT_FAULT_HWPOISON,
	kSigsegv = PORT_FAULT_SIGSEGV,
	kNoPage = PORT_FAULT_NOPAGE,
	kLocked = PORT_FAULT_LOCKED,
	kRetry = PORT_FAULT_RETRY,
	kFallback = PORT_FAULT_FALLBACK,
};

// The kernel's own convention (include/linux/mm.h: vmf_error, vmf_insert_page): busy means that another thread was first.
constexpr FaultCode fault_code(Result<void> inserted)
{
	if (inserted.ok() || inserted.error() == Errno::kBusy)
		return FaultCode::kNoPage;
	return inserted.error() == Errno::kNoMem ? FaultCode::kOom : FaultCode::kSigbus;
}

class FaultBase {
public:
	// KERNEL: mmap_lock is held for reading, or the VMA's own lock, and the VMA is ours (mm/memory.c: __do_fault).
	FaultBase(cxxrt::Badge<Entry>, vm_fault *vmf) : vmf_{vmf} {}
	FaultBase(const FaultBase &) = delete;
	FaultBase &operator=(const FaultBase &) = delete;

	unsigned long address() const { return port_fault_address(vmf_); }
	port_span span() const { return port_fault_span(vmf_); }
	// How often the region had been restored when this VMA was filled at mmap.
	unsigned long long restores() const { return port_fault_restores(vmf_); }
	// vm_pgoff of that mmap.
	unsigned long origin() const { return port_fault_origin(vmf_); }

protected:
	// The page of the region at which the PMD, or another entry of so many pages, of this fault starts; an error if it is not
	// all VMA and region.
	Result<unsigned long> leaf_start(const Region &region, unsigned long index, unsigned long pages) const
	{
		const unsigned shift = port_page_shift();
		if (!pages)
			return Errno::kOpNotSupp;
		const unsigned long inside = (address() >> shift) & (pages - 1);
		const unsigned long start = ((address() >> shift) - inside) << shift;
		const port_span vma = span();
		if (start < vma.start || vma.end - start < pages << shift || index < inside || index - inside > region.count() ||
		    pages > region.count() - (index - inside))
			return Errno::kRange;
		return index - inside;
	}

	// A whole PMD of bare pfns. The kernel looks neither at the VMA's end nor at the pfn's alignment, nor whether a page table
	// is there (mm/huge_memory.c: vmf_insert_pfn_pmd). Of one compound page: where huge entries have no special bit, GUP-fast
	// takes the first page's reference and gives back another's (mm/gup.c: gup_huge_pmd), which are the same only then. other:
	// those after the due ones, which the kernel refuses over an entry.
	FaultCode insert_pfn_pmd(const Gate &, const Region &region, unsigned long index, bool other)
	{
		const unsigned long pages = port_pmd_pages();
		const auto first = leaf_start(region, index, pages);
		if (!first.ok() || region.backing() != PTELAB_BACKING_COMPOUND)
			return FaultCode::kFallback;
		const unsigned long start = first.value() + (other ? pages : 0);
		if (pages > region.count() - start || region.run(start, pages) < pages || region.pfn(start) & (pages - 1))
			return FaultCode::kFallback;
		return region.leaf([&] {
			if (port_fault_pmd(vmf_) == PORT_PMD_TABLE)
				return FaultCode::kFallback;
			return static_cast<FaultCode>(port_fault_insert_pfn_pmd(vmf_, region.pfn(start)));
		});
	}

	vm_fault *vmf_;
};

template <typename Kind>
class Fault;

template <>
class Fault<PfnMap> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_pfn(const Gate &, unsigned long pfn) { return static_cast<FaultCode>(port_fault_insert_pfn(vmf_, pfn)); }

	FaultCode insert_pfn_of(const Gate &, page *page) { return static_cast<FaultCode>(port_fault_insert_pfn_of(vmf_, page)); }

	// Where another thread has mapped the whole PMD by now, the page is there.
	FaultCode insert_pfn_beside_pmds(const Gate &gate, const Region &region, unsigned long index)
	{
		return region.leaf([&] {
			return port_fault_pmd(vmf_) == PORT_PMD_LEAF ? FaultCode::kNoPage : insert_pfn(gate, region.pfn(index));
		});
	}

	FaultCode insert_pmd(const Gate &gate, const Region &region, unsigned long index, bool other)
	{
		return insert_pfn_pmd(gate, region, index, other);
	}

	// Of a hole, which is mapped in no other way: no page table is ever in its place.
	FaultCode insert_pud(const Gate &, const Region &region, unsigned long index)
	{
		const auto first = leaf_start(region, index, port_pud_pages());
		if (!first.ok())
			return FaultCode::kSigbus;
		return static_cast<FaultCode>(port_fault_insert_pfn_pud(vmf_, region.pfn(first.value())));
	}
};

// May be a private remap, where vmf_insert_pfn() would be a BUG: that one can only be mapped anew.
template <>
class Fault<Remapped> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_pfn(const Gate &, unsigned long pfn)
	{
		if (port_fault_is_cow(vmf_))
			return FaultCode::kSigbus;
		return static_cast<FaultCode>(port_fault_insert_pfn(vmf_, pfn));
	}
};

template <>
class Fault<MixedMap> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert(const Gate &, page *page)
	{
		return static_cast<FaultCode>(port_fault_insert_page(vmf_, page));
	}

	// This page and up to 15 after it, as far as VMA and region go: one fault for all of them.
	FaultCode insert_around(const Gate &, const Region &region, unsigned long index)
	{
		const unsigned long left = region.count() - index;
		const unsigned long count = left < kMost ? left : kMost;
		if (page **const all = region.singles())
			return static_cast<FaultCode>(port_fault_insert_pages(vmf_, all + index, count));
		return insert_collected(vmf_, region, index, count);
	}

private:
	static constexpr unsigned long kMost = 16;

	// By itself, as the list needs a stack frame.
	[[gnu::noinline]] static FaultCode insert_collected(vm_fault *vmf, const Region &region, unsigned long index,
							    unsigned long count)
	{
		page *pages[kMost];
		for (unsigned long i = 0; i < count; i++)
			pages[i] = region.at(index + i);
		return static_cast<FaultCode>(port_fault_insert_pages(vmf, pages, count));
	}
};

// Pages as bare pfns in a VMA that may hold both: on most architectures a special PTE, without a reference.
template <>
class Fault<MixedPfn> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_mixed(const Gate &, page *page)
	{
		return static_cast<FaultCode>(port_fault_insert_mixed(vmf_, page));
	}
};

template <>
class Fault<Shaped> : public FaultBase {
public:
	using FaultBase::FaultBase;

	// What a driver must not do: the flags of the VMA change under the read lock. In a private VMA of one page vm_pgoff
	// would too, by which the rmap has it sorted (mm/memory.c: remap_pfn_range): that is not done. The VMA's own lock, which
	// the call takes, does not nest in the gate, so that what is mapped here a REVOKE at that moment misses.
	FaultCode remap_outside_the_gate(unsigned long pfn)
	{
		if (port_fault_is_cow(vmf_))
			return FaultCode::kSigbus;
		return fault_code(cxxrt::from_kernel(port_fault_remap(vmf_, pfn)));
	}

	FaultCode insert_pmd(const Gate &gate, const Region &region, unsigned long index, bool other)
	{
		if (!port_fault_takes_pfns(vmf_))
			return FaultCode::kFallback;
		return insert_pfn_pmd(gate, region, index, other);
	}
};

// A VMA that vm_insert_page() filled at mmap has had VM_MIXEDMAP since then.
template <>
class Fault<Inserted> : public Fault<MixedMap> {
public:
	using Fault<MixedMap>::Fault;
};

template <>
class Fault<Plain> : public FaultBase {
public:
	using FaultBase::FaultBase;

	// The PTE is set after we return, outside the gate. So the page is handed over locked: REVOKE closes the gate and
	// then takes each page's lock, and either sees the PTE or is seen here. The reference comes first, from inside the
	// gate: without it the page may be dropped, and another's, before it is locked.
	// offer() and what the glue does after it are the same, in two steps.
	FaultCode give(const Region &region, unsigned long index)
	{
		page *const page = region.get(index);
		if (!page)
			return FaultCode::kSigbus;
		port_fault_give(vmf_, page);
		if (!region.revoked())
			return FaultCode::kLocked;
		port_fault_take_back(vmf_);
		return FaultCode::kSigbus;
	}

	FaultCode offer(const Gate &, const Region &region, unsigned long index)
	{
		return static_cast<FaultCode>(port_fault_offer(vmf_, region.at(index)));
	}

	// The core makes a missing page table after we return, when another thread may have looked and found none: so it is made
	// before, for whoever looks to see it.
	FaultCode give_beside_pmds(const Region &region, unsigned long index)
	{
		const FaultCode given = give(region, index);
		if (given != FaultCode::kLocked || region.leaf([&] { return port_fault_make_table(vmf_); }))
			return given;
		port_fault_take_back(vmf_);
		return FaultCode::kOom;
	}

	// The mistake that give() does not make: look, take one's time, and hand the page over unlocked. The page is not
	// freed meanwhile, so what goes wrong is only that a revoked page is mapped.
	FaultCode give_stale(const Region &region, unsigned long index, unsigned delay_ms)
	{
		page *const page = region.get(index);
		if (!page)
			return FaultCode::kSigbus;
		const bool alive = port_fault_delay(delay_ms);
		port_fault_give(vmf_, page);
		if (!alive) {
			port_fault_take_back(vmf_);
			return FaultCode::kSigbus;
		}
		port_fault_unlock(vmf_);
		return FaultCode::kDone;
	}

	// A huge folio, refcounted; its order must be that of a PMD (mm/huge_memory.c: vmf_insert_folio_pmd). The call does not
	// look whether the VMA is private: a write would get the folio itself, writable, in place of a copy.
	// other: one that is not of that order, which the kernel refuses.
	FaultCode insert_folio(const Gate &, const Region &region, unsigned long index, bool other)
	{
		if (port_fault_is_cow(vmf_))
			return FaultCode::kFallback;
		const auto first = leaf_start(region, index, port_pmd_pages());
		if (!first.ok() || first.value() != 0 || region.backing() != PTELAB_BACKING_COMPOUND ||
		    (region.count() != port_pmd_pages()) != other)
			return FaultCode::kFallback;
		return region.leaf([&] {
			if (port_fault_pmd(vmf_) == PORT_PMD_TABLE)
				return FaultCode::kFallback;
			return static_cast<FaultCode>(port_fault_insert_folio_pmd(vmf_, region.at(0)));
		});
	}

	// No folio is as large as a PUD: always refused.
	FaultCode insert_folio_pud(const Gate &, const Region &region)
	{
		if (port_fault_is_cow(vmf_) || region.backing() != PTELAB_BACKING_COMPOUND)
			return FaultCode::kFallback;
		return static_cast<FaultCode>(port_fault_insert_folio_pud(vmf_, region.at(0)));
	}
};

} // namespace
} // namespace ptelab
