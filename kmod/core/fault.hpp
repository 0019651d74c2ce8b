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

class FaultBase {
public:
	// KERNEL: mmap_lock is held for reading, or the VMA's own lock, and the VMA is ours (mm/memory.c: __do_fault).
	FaultBase(cxxrt::Badge<EntryPoints>, vm_fault *vmf) : vmf_{vmf} {}
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
	// takes the first page's reference and gives back another's (mm/gup.c: gup_huge_pmd), which are the same only then.
	FaultCode insert_pfn_pmd(const Gate &, const Region &region, unsigned long index)
	{
		const unsigned long pages = port_pmd_pages();
		const auto first = leaf_start(region, index, pages);
		if (!first.ok() || region.backing() != PTELAB_BACKING_COMPOUND)
			return FaultCode::kFallback;
		const unsigned long start = first.value();
		if (region.run(start, pages) < pages || region.pfn(start) & (pages - 1))
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

	FaultCode insert_pmd(const Gate &gate, const Region &region, unsigned long index)
	{
		return insert_pfn_pmd(gate, region, index);
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

	FaultCode insert(const Gate &, page *page) { return static_cast<FaultCode>(port_fault_insert_page(vmf_, page)); }

	// The first of these and up to 15 after it, as far as the VMA goes: one fault for all of them.
	FaultCode insert_listed(const Gate &, page **pages, unsigned long left)
	{
		return static_cast<FaultCode>(port_fault_insert_pages(vmf_, pages, left < kMost ? left : kMost));
	}

	// The same of a region that has no list of its pages.
	FaultCode insert_around(const Gate &gate, const Region &region, unsigned long index)
	{
		const unsigned long left = region.count() - index;
		if (page **const all = region.singles())
			return insert_listed(gate, all + index, left);
		page *pages[kMost];
		unsigned long count = 0;
		for (; count < kMost && count < left; count++)
			pages[count] = region.at(index + count);
		return insert_listed(gate, pages, count);
	}

private:
	static constexpr unsigned long kMost = 16;
};

// Pages as bare pfns in a VMA that may hold both: on most architectures a special PTE, without a reference.
template <>
class Fault<MixedPfn> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_mixed(const Gate &, page *page) { return static_cast<FaultCode>(port_fault_insert_mixed(vmf_, page)); }
};

template <>
class Fault<Custom> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_pmd(const Gate &gate, const Region &region, unsigned long index)
	{
		if (!port_fault_takes_pfns(vmf_))
			return FaultCode::kFallback;
		return insert_pfn_pmd(gate, region, index);
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
	FaultCode give(const Region &region, unsigned long index)
	{
		page *const page = region.get(index);
		if (!page)
			return FaultCode::kSigbus;
		if (const unsigned answer = port_fault_give(vmf_, page))
			return static_cast<FaultCode>(answer);
		if (!region.revoked())
			return FaultCode::kLocked;
		port_fault_take_back(vmf_);
		return FaultCode::kSigbus;
	}

	// Inside the gate, a page that nobody has locked: REVOKE, which waits for us there, finds it locked until the PTE is set. kDone: it is
	// locked, and nothing is done. Who waits for the page lock does so outside.
	FaultCode give_at_once(const Gate &, page *page) { return static_cast<FaultCode>(port_fault_give_at_once(vmf_, page)); }

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

	// A huge folio, refcounted; its order must be that of a PMD (mm/huge_memory.c: vmf_insert_folio_pmd). The call does not
	// look whether the VMA is private: a write would get the folio itself, writable, in place of a copy.
	FaultCode insert_folio(const Gate &, const Region &region, unsigned long index)
	{
		if (port_fault_is_cow(vmf_))
			return FaultCode::kFallback;
		const auto first = leaf_start(region, index, port_pmd_pages());
		if (!first.ok() || first.value() != 0 || region.backing() != PTELAB_BACKING_COMPOUND ||
		    region.count() != port_pmd_pages())
			return FaultCode::kFallback;
		return region.leaf([&] {
			if (port_fault_pmd(vmf_) == PORT_PMD_TABLE)
				return FaultCode::kFallback;
			return static_cast<FaultCode>(port_fault_insert_folio_pmd(vmf_, region.at(0)));
		});
	}
};

} // namespace
} // namespace ptelab
