// SPDX-License-Identifier: GPL-2.0
// One struct for each way to map. Kind ties ->mmap to ->fault: nothing can set VM_PFNMAP and then insert pages.
#pragma once

#include "vma_desc.hpp"
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
	static constexpr unsigned long long kNeeds = 0;	// PTELAB_HAS_* without which this kernel has no such node
	static constexpr ptelab_ops kOps = PTELAB_OPS_PLAIN;
	static constexpr bool kGivesPages = false;	// ->fault returns the page, and needs nothing else
	static constexpr bool kOnePmd = false;		// its folio must be just as large as what a PMD maps
	static constexpr bool kCountsPages = false;	// each mapping of a page holds a reference
	static constexpr bool kIgnoresOffset = false;	// vm_pgoff of the mmap means nothing: it begins at page 0; kEager only
};

// FaultsAs: the method with the same ->fault, so that it is compiled once. brief: the same, inside the gate, of a page that is listed.
struct InsertPage : Ordinary {
	static constexpr unsigned kMethod = PTELAB_INSERT_PAGE;
	static constexpr const char *kName = "insert_page";
	using FaultsAs = InsertPage;
	using Kind = Inserted;
	static constexpr bool kEager = true;
	static constexpr bool kCountsPages = true;

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.insert_all(gate, region);
	}
	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert(gate, region.at(index));
	}
};

struct FaultInsertPage : Ordinary {
	static constexpr unsigned kMethod = PTELAB_FAULT_INSERT_PAGE;
	static constexpr const char *kName = "fault_insert_page";
	using FaultsAs = FaultInsertPage;
	using Kind = MixedMap;
	static constexpr bool kCountsPages = true;

	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert(gate, region.at(index));
	}
	static FaultCode brief(Fault<Kind> &fault, const Gate &gate, page **listed, unsigned long)
	{
		return fault.insert(gate, *listed);
	}
};

struct FaultPage : Ordinary {
	static constexpr unsigned kMethod = PTELAB_FAULT_PAGE;
	static constexpr const char *kName = "fault_page";
	using FaultsAs = FaultPage;
	using Kind = Plain;
	static constexpr bool kGivesPages = true;
	static constexpr bool kCountsPages = true;

	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.give(region, index);
	}
	static FaultCode brief(Fault<Kind> &fault, const Gate &gate, page **listed, unsigned long)
	{
		return fault.give_at_once(gate, *listed);
	}
};

struct FaultInsertPfn : Ordinary {
	static constexpr unsigned kMethod = PTELAB_FAULT_INSERT_PFN;
	static constexpr const char *kName = "fault_insert_pfn";
	using FaultsAs = FaultInsertPfn;
	using Kind = PfnMap;
	static constexpr ptelab_ops kOps = PTELAB_OPS_ACCESS;

	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(gate, region.pfn(index));
	}
	static FaultCode brief(Fault<Kind> &fault, const Gate &gate, page **listed, unsigned long)
	{
		return fault.insert_pfn_of(gate, *listed);
	}
};

struct RemapPfn : Ordinary {
	static constexpr unsigned kMethod = PTELAB_REMAP_PFN;
	static constexpr const char *kName = "remap_pfn";
	using FaultsAs = RemapPfn;
	using Kind = Remapped;
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SINGLE) | bit(PTELAB_BACKING_SPLIT);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SPLIT;
	static constexpr bool kEager = true;

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.remap_all(gate, region);
	}
	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_pfn(gate, region.pfn(index));
	}
};

struct IoMap : RemapPfn {
	static constexpr unsigned kMethod = PTELAB_IOMAP;
	static constexpr const char *kName = "iomap";
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_DEVICE);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_DEVICE;

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.iomap(gate, region);
	}
};

// vm_insert_page()'s kin at mmap: what differs is the call alone.
struct InsertPages : InsertPage {
	static constexpr unsigned kMethod = PTELAB_INSERT_PAGES;
	static constexpr const char *kName = "insert_pages";

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.insert_many(gate, region);
	}
};

struct MapPages : InsertPage {
	static constexpr unsigned kMethod = PTELAB_MAP_PAGES;
	static constexpr const char *kName = "map_pages";

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.map_all(gate, region, false);
	}
};

struct MapPagesZero : InsertPage {
	static constexpr unsigned kMethod = PTELAB_MAP_PAGES_ZERO;
	static constexpr const char *kName = "map_pages_zero";
	using FaultsAs = MapPagesZero;
	static constexpr bool kIgnoresOffset = true;

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.map_all(gate, region, true);
	}
};

struct RemapVmalloc : InsertPage {
	static constexpr unsigned kMethod = PTELAB_REMAP_VMALLOC;
	static constexpr const char *kName = "remap_vmalloc";
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_VMALLOC);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_VMALLOC;

	static Result<void> map(Mapping<Kind> &mapping, const Gate &gate, const Region &region)
	{
		return mapping.remap_vmalloc(gate, region);
	}
};

struct FaultInsertPages : FaultInsertPage {
	static constexpr unsigned kMethod = PTELAB_FAULT_INSERT_PAGES;
	static constexpr const char *kName = "fault_insert_pages";
	using FaultsAs = FaultInsertPages;

	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_around(gate, region, index);
	}
	static FaultCode brief(Fault<Kind> &fault, const Gate &gate, page **listed, unsigned long left)
	{
		return fault.insert_listed(gate, listed, left);
	}
};

struct FaultInsertMixed : FaultInsertPage {
	static constexpr unsigned kMethod = PTELAB_FAULT_INSERT_MIXED;
	static constexpr const char *kName = "fault_insert_mixed";
	using FaultsAs = FaultInsertMixed;
	using Kind = MixedPfn;
	static constexpr bool kCountsPages = false;

	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_mixed(gate, region.at(index));
	}
	static FaultCode brief(Fault<Kind> &fault, const Gate &gate, page **listed, unsigned long)
	{
		return fault.insert_mixed(gate, *listed);
	}
};

struct HugePfn : FaultInsertPfn {
	static constexpr unsigned kMethod = PTELAB_HUGE_PFN;
	static constexpr const char *kName = "huge_pfn";
	static constexpr unsigned long long kNeeds = PTELAB_HAS_INSERT_PFN_PMD;
	static constexpr ptelab_ops kOps = PTELAB_OPS_WHOLE;
	using FaultsAs = HugePfn;
	static constexpr unsigned kBackings = kAnyRam | bit(PTELAB_BACKING_HOLE);
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_COMPOUND;

	static FaultCode fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return region.device() ? FaultCode::kSigbus : fault.insert_pfn_beside_pmds(gate, region, index);
	}
	static FaultCode huge_fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_pmd(gate, region, index);
	}
};

struct HugeFolio : FaultPage {
	static constexpr unsigned kMethod = PTELAB_HUGE_FOLIO;
	static constexpr const char *kName = "huge_folio";
	static constexpr unsigned long long kNeeds = PTELAB_HAS_INSERT_FOLIO_PMD;
	static constexpr ptelab_ops kOps = PTELAB_OPS_HUGE;
	using FaultsAs = HugeFolio;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_COMPOUND;
	static constexpr bool kGivesPages = false;
	static constexpr bool kOnePmd = true;

	static FaultCode fault(Fault<Kind> &fault, const Region &region, unsigned long index)
	{
		return fault.give_beside_pmds(region, index);
	}
	static FaultCode huge_fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_folio(gate, region, index);
	}
};

// Its pages get into page tables by CALL alone, as pages or as pfns.
struct Bare : Ordinary {
	static constexpr unsigned kMethod = PTELAB_BARE;
	static constexpr const char *kName = "bare";
	static constexpr ptelab_ops kOps = PTELAB_OPS_BARE;
	using FaultsAs = Bare;
	using Kind = Custom;
	static constexpr unsigned kDefaultBacking = PTELAB_BACKING_SPLIT;

	static FaultCode fault(Fault<Kind> &, const Gate &, const Region &, unsigned long) { return FaultCode::kSigbus; }
	static FaultCode huge_fault(Fault<Kind> &fault, const Gate &gate, const Region &region, unsigned long index)
	{
		return fault.insert_pmd(gate, region, index);
	}
};

// ->mmap_prepare: what is filled when the VMA is there, and what ->fault does, is as with ->mmap.
struct PrepareRemap : RemapPfn {
	static constexpr unsigned kMethod = PTELAB_PREPARE_REMAP;
	static constexpr const char *kName = "prepare_remap";
	static constexpr unsigned long long kNeeds = PTELAB_HAS_MMAP_ACTIONS;
	static constexpr ptelab_ops kOps = PTELAB_OPS_MAPPED;
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SPLIT);

	static Result<void> prepare(VmaDesc<Kind> &&desc, const Region &region) { return cxxrt::move(desc).remap(region); }
};

struct PrepareIoremap : PrepareRemap {
	static constexpr unsigned kMethod = PTELAB_PREPARE_IOREMAP;
	static constexpr const char *kName = "prepare_ioremap";

	static Result<void> prepare(VmaDesc<Kind> &&desc, const Region &region) { return cxxrt::move(desc).ioremap(region); }
};

struct PrepareSimpleIoremap : PrepareRemap {
	static constexpr unsigned kMethod = PTELAB_PREPARE_SIMPLE_IOREMAP;
	static constexpr const char *kName = "prepare_simple_ioremap";

	static Result<void> prepare(VmaDesc<Kind> &&desc, const Region &region)
	{
		return cxxrt::move(desc).simple_ioremap(region);
	}
};

struct PrepareMapPages : InsertPage {
	static constexpr unsigned kMethod = PTELAB_PREPARE_MAP_PAGES;
	static constexpr const char *kName = "prepare_map_pages";
	static constexpr unsigned long long kNeeds = PTELAB_HAS_MMAP_ACTIONS;
	static constexpr ptelab_ops kOps = PTELAB_OPS_MAPPED;
	static constexpr unsigned kBackings = bit(PTELAB_BACKING_SINGLE);

	static Result<void> prepare(VmaDesc<Kind> &&desc, const Region &region) { return cxxrt::move(desc).map_pages(region); }
};

struct PrepareFaultPage : FaultPage {
	static constexpr unsigned kMethod = PTELAB_PREPARE_FAULT_PAGE;
	static constexpr const char *kName = "prepare_fault_page";
	static constexpr unsigned long long kNeeds = PTELAB_HAS_MMAP_ACTIONS;
	static constexpr ptelab_ops kOps = PTELAB_OPS_MAPPED;

	static Result<void> prepare(VmaDesc<Kind> &&, const Region &) { return {}; }
};

// Has ->mmap_prepare in place of ->mmap.
template <typename M>
concept Prepared = requires(VmaDesc<typename M::Kind> &&desc, const Region &region)
{
	{ M::prepare(cxxrt::move(desc), region) } -> cxxrt::SameAs<Result<void>>;
};

// Has ->huge_fault.
template <typename M>
concept Huge = requires(Fault<typename M::Kind> &fault, const Gate &gate, const Region &region)
{
	{ M::huge_fault(fault, gate, region, 0UL) } -> cxxrt::SameAs<FaultCode>;
};

// Filled at mmap, inside the gate.
template <typename M>
concept Fills = requires(Mapping<typename M::Kind> &mapping, const Gate &gate, const Region &region)
{
	{ M::map(mapping, gate, region) } -> cxxrt::SameAs<Result<void>>;
};

// Its VMA may hold pages that ->mmap inserts.
template <typename M>
concept HoldsPages = requires(Mapping<typename M::Kind> &mapping, const Gate &gate, const Region &region, port_awaited *awaited)
{
	mapping.insert_part(gate, region, awaited, 0UL);
};

// Answers a fault inside the gate.
template <typename M>
concept Inserts = requires(Fault<typename M::Kind> &fault, const Gate &gate, const Region &region)
{
	{ M::fault(fault, gate, region, 0UL) } -> cxxrt::SameAs<FaultCode>;
};

// Answers a fault with a page, which passes the gate by itself.
template <typename M>
concept Gives = cxxrt::SameAs<typename M::Kind, Plain> && requires(Fault<typename M::Kind> &fault, const Region &region)
{
	{ M::fault(fault, region, 0UL) } -> cxxrt::SameAs<FaultCode>;
};

// A fault is answered by one call of the kernel's, which needs no lock but the gate, and no look at what was before.
template <typename M>
concept Brief = !M::kEager && (M::kOps == PTELAB_OPS_PLAIN || M::kOps == PTELAB_OPS_ACCESS || M::kOps == PTELAB_OPS_MAPPED) &&
		requires(Fault<typename M::Kind> &fault, const Gate &gate, page **listed)
{
	{ M::brief(fault, gate, listed, 1UL) } -> cxxrt::SameAs<FaultCode>;
};

// The same ->fault, and what decides whether it is reached.
template <typename M, typename Other>
concept SameFault = cxxrt::SameAs<typename M::Kind, typename Other::Kind> && M::kEager == Other::kEager &&
		    M::kIgnoresOffset == Other::kIgnoresOffset && &M::fault == &Other::fault;

template <typename M>
concept Method = (Fills<M> || !M::kEager) && (Inserts<M> || Gives<M>) && requires
{
	{ M::kBackings & bit(M::kDefaultBacking) } -> cxxrt::SameAs<unsigned>;
	M::kName[0];
} && SameFault<M, typename M::FaultsAs> && SameFault<M, typename M::FaultsAs::FaultsAs>;

template <typename... M>
struct MethodList {};

// Every method, in the order of enum ptelab_method.
using Methods =
	MethodList<InsertPage, FaultInsertPage, FaultPage, FaultInsertPfn, RemapPfn, IoMap, InsertPages, MapPages, MapPagesZero,
		   RemapVmalloc, FaultInsertPages, FaultInsertMixed, HugePfn, HugeFolio, Bare, PrepareRemap, PrepareIoremap,
		   PrepareSimpleIoremap, PrepareMapPages, PrepareFaultPage>;

// What is known of a method without calling it; row 0 is none's.
struct MethodTable {
	ptelab_traits row[PTELAB_METHODS];
};

template <Method... M>
constexpr MethodTable table_of(MethodList<M...>)
{
	static_assert(sizeof...(M) + 1 == PTELAB_METHODS, "a method of the ABI has no struct here");
	MethodTable table{};
	unsigned number = 0;
	bool in_order = true;
	((table.row[++number] =
		  {
			  .name = M::kName,
			  .needs = M::kNeeds,
			  .ops = M::kOps,
			  .backings = M::kBackings,
			  .default_backing = M::kDefaultBacking,
			  .prepares = Prepared<M>,
			  .eager = M::kEager,
			  .counts_pages = M::kCountsPages,
			  .ignores_offset = M::kIgnoresOffset,
			  .gives_pages = M::kGivesPages,
			  .one_pmd = M::kOnePmd,
			  .custom = cxxrt::SameAs<typename M::Kind, Custom>,
		  },
	  in_order &= M::kMethod == number),
	 ...);
	// Not constant, so that it does not compile.
	if (!in_order)
		cxxrt::bug(__FILE__, __LINE__, "the methods are not in the order of their numbers");
	return table;
}

constexpr MethodTable kMethods = table_of(Methods{});
static_assert(PTELAB_METHODS <= sizeof(ptelab_query::absence) / sizeof(ptelab_query::absence[0]), "QUERY has no room for a method");

// Those that answer faults the short way, each with its own ->fault; what is looked for first costs least.
using BriefMethods = MethodList<FaultInsertPage, FaultInsertPfn, FaultPage, FaultInsertPages, FaultInsertMixed>;

template <typename... M>
constexpr unsigned brief_bits(MethodList<M...>)
{
	return (0U | ... | (Brief<M> ? bit(M::FaultsAs::kMethod) : 0U));
}
static_assert(brief_bits(Methods{}) == brief_bits(BriefMethods{}), "a method that is Brief is not looked for, or one that is not");

template <unsigned index, typename First, typename... Rest>
struct TypeAt : TypeAt<index - 1, Rest...> {};

template <typename First, typename... Rest>
struct TypeAt<0, First, Rest...> {
	using Type = First;
};

// By halves, as the kernel has no jump tables where it has retpolines.
template <unsigned low, unsigned high, typename F, typename... M>
[[gnu::always_inline]] inline auto dispatch_between(MethodList<M...> methods, unsigned method, F &use)
{
	if constexpr (high - low == 1) {
		return use.template operator()<typename TypeAt<low - 1, M...>::Type>();
	} else {
		constexpr unsigned middle = (low + high) / 2;
		if (method < middle)
			return dispatch_between<low, middle>(methods, method, use);
		return dispatch_between<middle, high>(methods, method, use);
	}
}

// Calls use.operator()<M>() for the method with this number, which node_new() has found to be one.
template <typename F>
[[gnu::always_inline]] inline auto dispatch(unsigned method, F &&use)
{
	return dispatch_between<1, PTELAB_METHODS>(Methods{}, method, use);
}

} // namespace
} // namespace ptelab
