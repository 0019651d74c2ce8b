// SPDX-License-Identifier: GPL-2.0
// One struct for each way to map. Kind ties ->mmap to ->fault: nothing can set VM_PFNMAP and then insert pages.
#pragma once

#include "draft.hpp"
#include "fault.hpp"

namespace ptelab {
namespace {

constexpr unsigned bit(unsigned value)
{
	return 1U << value;
}

constexpr unsigned kAnyRam = bit(PTELAB_BACKING_SINGLE) | bit(PTELAB_BACKING_COMPOUND) | bit(PTELAB_BACKING_SPLIT) |
			     bit(PTELAB_BACKING_VMALLOC);

// What a method is like unless it says otherwise.
struct Ordinary {
	static constexpr unsigned kBackings = kAnyRam;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SINGLE;
	static constexpr bool kEager = false;		// filled at mmap; ->fault serves only what RESTORE brought back
	static constexpr bool kHasAccess = false;
	static constexpr bool kCountsPages = false;	// each mapping of a page holds a reference
	static constexpr bool kIgnoresOffset = false;	// vm_pgoff of the mmap means nothing: it begins at page 0; kEager only
};

struct InsertPage : Ordinary {
	using Kind = Inserted;
	static constexpr bool kEager = true;
	static constexpr bool kCountsPages = true;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.insert_all(region); }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert(region.at(index));
	}
};

struct FaultInsertPage : Ordinary {
	using Kind = MixedMap;
	static constexpr bool kCountsPages = true;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert(region.at(index));
	}
};

struct FaultPage : Ordinary {
	using Kind = Plain;
	static constexpr bool kCountsPages = true;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.give(region, index);
	}
};

struct FaultInsertPfn : Ordinary {
	using Kind = PfnMap;
	static constexpr bool kHasAccess = true;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(region.pfn(index));
	}
};

struct RemapPfn : Ordinary {
	using Kind = Remapped;
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SINGLE) | bit(PTELAB_BACKING_SPLIT);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SPLIT;
	static constexpr bool kEager = true;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.remap_all(region); }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(region.pfn(index));
	}
};

struct IoMap : RemapPfn {
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_DEVICE);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_DEVICE;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.iomap(region); }
};

// vm_insert_page()'s kin at mmap: what differs is the call alone.
struct InsertPages : InsertPage {
	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.insert_many(region); }
};

struct MapPages : InsertPage {
	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.map_all(region, false); }
};

struct MapPagesZero : InsertPage {
	static constexpr bool kIgnoresOffset = true;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.map_all(region, true); }
};

struct RemapVmalloc : InsertPage {
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_VMALLOC);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_VMALLOC;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.remap_vmalloc(region); }
};

struct FaultInsertPages : FaultInsertPage {
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_around(region, index);
	}
};

struct FaultInsertMixed : FaultInsertPage {
	using Kind = MixedPfn;
	static constexpr bool kCountsPages = false;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_mixed(region.pfn(index));
	}
};

struct HugePfn : FaultInsertPfn {
	static constexpr unsigned kBackings = kAnyRam | bit(PTELAB_BACKING_HOLE);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_COMPOUND;
	static constexpr bool kHasAccess = false;

	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return region.device() ? FaultCode::kSigbus : fault.insert_pfn_beside_pmds(region, index);
	}
	static FaultCode huge_fault(Fault<Kind> &fault, const Region &region, unsigned long index, bool other)
	{
		return fault.insert_pmd(region, index, other);
	}
};

struct HugeFolio : FaultPage {
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_COMPOUND;

	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.give_beside_pmds(region, index);
	}
	static FaultCode huge_fault(Fault<Kind> &fault, const Region &region, unsigned long index, bool other)
	{
		return fault.insert_folio(region, index, other);
	}
};

// Its pages get into page tables by CALL alone, as pages or as pfns.
struct Bare : Ordinary {
	using Kind = Shaped;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SPLIT;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &, const Region &, unsigned long) { return FaultCode::kSigbus; }
	static FaultCode huge_fault(Fault<Kind> &fault, const Region &region, unsigned long index, bool other)
	{
		return fault.insert_pmd(region, index, other);
	}
};

// ->mmap_prepare: what is filled when the VMA is there, and what ->fault does, is as with ->mmap.
struct PrepareRemap : RemapPfn {
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SPLIT);

	static Result<void> prepare(Draft<Kind> &&draft, const Region &region) { return cxxrt::move(draft).remap(region); }
};

struct PrepareIoremap : PrepareRemap {
	static Result<void> prepare(Draft<Kind> &&draft, const Region &region) { return cxxrt::move(draft).ioremap(region); }
};

struct PrepareSimpleIoremap : PrepareRemap {
	static Result<void> prepare(Draft<Kind> &&draft, const Region &region)
	{
		return cxxrt::move(draft).simple_ioremap(region);
	}
};

struct PrepareMapPages : InsertPage {
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SINGLE);

	static Result<void> prepare(Draft<Kind> &&draft, const Region &region) { return cxxrt::move(draft).map_pages(region); }
};

struct PrepareFaultPage : FaultPage {
	static Result<void> prepare(Draft<Kind> &&, const Region &) { return {}; }
};

// Has ->mmap_prepare in place of ->mmap.
template <typename M>
concept Prepared = requires(Draft<typename M::Kind> &&draft, const Region &region)
{
	{ M::prepare(cxxrt::move(draft), region) } -> cxxrt::SameAs<Result<void>>;
};

// What SETUP has to know of a method.
struct MethodTraits {
	unsigned backings;
	unsigned default_backing;
	bool eager;
	bool gives_pages;	// its ->fault returns the page, and needs nothing else
	bool shaped;		// its VMA is what SHAPE made it
};

template <typename M>
constexpr MethodTraits traits_of()
{
	return {M::kBackings, M::kDefaultBacking, M::kEager,
		cxxrt::SameAs<typename M::Kind, Plain> && !cxxrt::SameAs<M, HugeFolio>,
		cxxrt::SameAs<typename M::Kind, Shaped>};
}

template <typename M>
concept Method = requires(Mapping<typename M::Kind> &mapping, Fault<typename M::Kind> &fault, const Region &region)
{
	{ M::map(mapping, region) } -> cxxrt::SameAs<Result<void>>;
	{ M::fault(fault, region, 0UL) } -> cxxrt::SameAs<FaultCode>;
	{ M::kBackings & bit(M::kDefaultBacking) } -> cxxrt::SameAs<unsigned>;
};

// Calls use.operator()<M>() for the method with this number, which the glue took from its own table.
template <typename F>
auto dispatch(unsigned method, F &&use)
{
	switch (method) {
	case PTELAB_INSERT_PAGE:
		return use.template operator()<InsertPage>();
	case PTELAB_FAULT_INSERT_PAGE:
		return use.template operator()<FaultInsertPage>();
	case PTELAB_FAULT_PAGE:
		return use.template operator()<FaultPage>();
	case PTELAB_FAULT_INSERT_PFN:
		return use.template operator()<FaultInsertPfn>();
	case PTELAB_REMAP_PFN:
		return use.template operator()<RemapPfn>();
	case PTELAB_IOMAP:
		return use.template operator()<IoMap>();
	case PTELAB_INSERT_PAGES:
		return use.template operator()<InsertPages>();
	case PTELAB_MAP_PAGES:
		return use.template operator()<MapPages>();
	case PTELAB_MAP_PAGES_ZERO:
		return use.template operator()<MapPagesZero>();
	case PTELAB_REMAP_VMALLOC:
		return use.template operator()<RemapVmalloc>();
	case PTELAB_FAULT_INSERT_PAGES:
		return use.template operator()<FaultInsertPages>();
	case PTELAB_FAULT_INSERT_MIXED:
		return use.template operator()<FaultInsertMixed>();
	case PTELAB_HUGE_PFN:
		return use.template operator()<HugePfn>();
	case PTELAB_HUGE_FOLIO:
		return use.template operator()<HugeFolio>();
	case PTELAB_BARE:
		return use.template operator()<Bare>();
	case PTELAB_PREPARE_REMAP:
		return use.template operator()<PrepareRemap>();
	case PTELAB_PREPARE_IOREMAP:
		return use.template operator()<PrepareIoremap>();
	case PTELAB_PREPARE_SIMPLE_IOREMAP:
		return use.template operator()<PrepareSimpleIoremap>();
	case PTELAB_PREPARE_MAP_PAGES:
		return use.template operator()<PrepareMapPages>();
	case PTELAB_PREPARE_FAULT_PAGE:
		return use.template operator()<PrepareFaultPage>();
	}
	cxxrt::bug(__FILE__, __LINE__, "a method that no case names");
}

} // namespace
} // namespace ptelab
