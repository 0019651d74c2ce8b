// SPDX-License-Identifier: GPL-2.0
// One struct for each way to map. Kind ties ->mmap to ->fault: nothing can set VM_PFNMAP and then insert pages.
#pragma once

#include "fault.hpp"

namespace ptelab {
namespace {

constexpr unsigned bit(unsigned value)
{
	return 1U << value;
}

constexpr unsigned kAnyRam = bit(PTELAB_BACKING_SINGLE) | bit(PTELAB_BACKING_COMPOUND) | bit(PTELAB_BACKING_SPLIT) |
			     bit(PTELAB_BACKING_VMALLOC);

struct InsertPage {
	using Kind = Inserted;
	static constexpr unsigned kBackings = kAnyRam;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SINGLE;
	static constexpr bool kEager = true;	// filled at mmap; ->fault serves only what RESTORE brought back
	static constexpr bool kHasAccess = false;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.insert_all(region); }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert(region.at(index));
	}
};

struct FaultInsertPage {
	using Kind = MixedMap;
	static constexpr unsigned kBackings = kAnyRam;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SINGLE;
	static constexpr bool kEager = false;
	static constexpr bool kHasAccess = false;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert(region.at(index));
	}
};

struct FaultPage {
	using Kind = Plain;
	static constexpr unsigned kBackings = kAnyRam;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SINGLE;
	static constexpr bool kEager = false;
	static constexpr bool kHasAccess = false;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.give(region, index);
	}
};

struct FaultInsertPfn {
	using Kind = PfnMap;
	static constexpr unsigned kBackings = kAnyRam;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SINGLE;
	static constexpr bool kEager = false;
	static constexpr bool kHasAccess = true;

	static Result<void> map(Mapping<Kind> &, const Region &) { return {}; }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(region.pfn(index));
	}
};

struct RemapPfn {
	using Kind = Remapped;
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SINGLE) | bit(PTELAB_BACKING_SPLIT);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SPLIT;
	static constexpr bool kEager = true;
	static constexpr bool kHasAccess = false;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.remap_all(region); }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(region.pfn(index));
	}
};

struct IoMap {
	using Kind = Remapped;
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_DEVICE);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_DEVICE;
	static constexpr bool kEager = true;
	static constexpr bool kHasAccess = false;

	static Result<void> map(Mapping<Kind> &mapping, const Region &region) { return mapping.iomap(region); }
	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(region.pfn(index));
	}
};

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
	}
	cxxrt::bug(__FILE__, __LINE__, "a method that no case names");
}

} // namespace
} // namespace ptelab
