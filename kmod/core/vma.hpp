// SPDX-License-Identifier: GPL-2.0
// A VMA inside ->mmap as a type: what it is decides what can be called on it, and what the kernel answers with a BUG does
// not compile. A token is made by the entry points, can't be copied, and is for the duration of that call only; C++ cannot
// prove that nobody keeps its address, so nobody does.
#pragma once

#include "region.hpp"

namespace ptelab {
namespace {

class EntryPoints;	// the entry points of core.h, which alone make tokens

// What a VMA is.
struct PfnMap {};	// VM_PFNMAP: bare pfns, no struct page, never copy-on-write
struct Remapped {};	// the API sets its flags: remap_pfn_range and what is built on it
struct MixedMap {};	// VM_MIXEDMAP: pages from ->fault
struct MixedPfn {};	// VM_MIXEDMAP: bare pfns from ->fault
struct Inserted {};	// vm_insert_page at mmap sets VM_MIXEDMAP itself
struct Plain {};	// no flag: ->fault returns pages
struct Custom {};	// what user space asked for (VMA_SETUP); the core puts nothing into it

template <typename Kind>
class Mapping;

class NewVma {
public:
	// KERNEL: ->mmap runs with mmap_lock held for write and the VMA not yet in the tree (mm/mmap.c: mmap_region).
	NewVma(cxxrt::Badge<EntryPoints>, vm_area_struct *vma) : vma_{vma} {}
	NewVma(const NewVma &) = delete;
	NewVma &operator=(const NewVma &) = delete;

	port_span span() const { return port_vma_span(mine()); }
	bool wants_exec() const { return port_vma_wants_exec(mine()); }
	void forbid_exec() { port_vma_forbid_exec(mine()); }
	void set_cache(unsigned cache) { port_vma_set_cache(mine(), cache); }

	// Makes it a mapping of this kind, once: nothing can be asked of the token after that.
	template <typename Kind, typename F>
	Result<void> as(F &&fill) &&
	{
		vm_area_struct *const vma = mine();
		vma_ = nullptr;
		CXXRT_TRY(Mapping<Kind>::prepare(vma));
		Mapping<Kind> mapping{{}, vma};
		return fill(mapping);
	}

private:
	vm_area_struct *mine() const
	{
		CXXRT_ASSERT(vma_);
		return vma_;
	}

	vm_area_struct *vma_;	// nullptr: it has become a mapping
};

// A VMA that the kernel has made and filled for us, inside ->mapped.
class MappedVma {
public:
	// KERNEL: ->mapped runs with mmap_lock held for write and the VMA in the tree (mm/util.c: call_vma_mapped).
	MappedVma(cxxrt::Badge<EntryPoints>, vm_area_struct *vma) : vma_{vma} {}
	MappedVma(const MappedVma &) = delete;
	MappedVma &operator=(const MappedVma &) = delete;

	// The mmap call is awaited, so that a REVOKE that has come meanwhile has waited for it: a closed gate is no reason to fail.
	Result<void> track(const Region &region)
	{
		return region.steady(
			[&](unsigned long long restores) {
				return cxxrt::from_kernel(port_vma_track(vma_, region.space(), restores));
			},
			Errno::kIntr);
	}

private:
	vm_area_struct *vma_;
};

class MappingBase {
public:
	MappingBase(cxxrt::Badge<NewVma>, vm_area_struct *vma) : vma_{vma} {}
	MappingBase(const MappingBase &) = delete;
	MappingBase &operator=(const MappingBase &) = delete;

	port_span span() const { return port_vma_span(vma_); }

	// Filling at mmap, undone as a whole if it fails: REVOKE must find all of it or nothing of it.
	template <typename F>
	Result<void> tracked(const Region &region, F &&fill)
	{
		// With the count of that moment: a REVOKE and RESTORE between the two would be taken for earlier ones.
		return region.pass(
			[&](const Gate &gate) -> Result<void> {
				CXXRT_TRY(cxxrt::from_kernel(port_vma_track(vma_, region.space(), gate.restores())));
				auto result = fill(gate);
				if (!result.ok())
					port_vma_abandon(vma_);
				return result;
			},
			Errno::kNoDev);
	}

protected:
	vm_area_struct *vma_;
};

// One that vm_insert_page() may be called on: it has VM_MIXEDMAP, or gets it from the call.
class InsertingMapping : public MappingBase {
public:
	using MappingBase::MappingBase;

	// The first pages, which the kernel takes out when ->mmap has failed: a REVOKE meanwhile waits for that.
	Result<void> insert_part(const Gate &, const Region &region, port_awaited *awaited, unsigned long pages)
	{
		CXXRT_TRY(cxxrt::from_kernel(port_await_mmap(awaited, region.space())));
		for (unsigned long i = 0; i < pages; i++) {
			if (!port_pause())
				return Errno::kIntr;
			CXXRT_TRY(cxxrt::from_kernel(
				port_insert_page(vma_, span().start + (i << port_page_shift()), region.at(i))));
		}
		return {};
	}
};

template <>
class Mapping<PfnMap> : public MappingBase {
public:
	using MappingBase::MappingBase;

	// vmf_insert_pfn() has a BUG_ON for a copy-on-write VMA (mm/memory.c: vmf_insert_pfn_prot).
	static Result<void> prepare(vm_area_struct *vma)
	{
		if (port_vma_is_cow(vma))
			return Errno::kInval;
		port_vma_make_pfnmap(vma);
		return {};
	}
};

template <>
class Mapping<MixedMap> : public InsertingMapping {
public:
	using InsertingMapping::InsertingMapping;

	static Result<void> prepare(vm_area_struct *vma)
	{
		port_vma_make_mixedmap(vma);
		return {};
	}
};

template <>
class Mapping<MixedPfn> : public Mapping<MixedMap> {
public:
	using Mapping<MixedMap>::Mapping;
};

template <>
class Mapping<Plain> : public MappingBase {
public:
	using MappingBase::MappingBase;

	static Result<void> prepare(vm_area_struct *) { return {}; }
};

template <>
class Mapping<Custom> : public MappingBase {
public:
	using MappingBase::MappingBase;

	static Result<void> prepare(vm_area_struct *) { return {}; }
};

// The pages that a call wants in an array, for as long as the call lasts: the region's own list, or one that is made of it.
class PageList {
public:
	static Result<PageList> make(const Region &region, unsigned long index, unsigned long count)
	{
		if (page **const all = region.singles())
			return PageList{all + index, nullptr};
		const auto bytes = CXXRT_TRY(cxxrt::checked_mul(count, sizeof(page *)));
		const auto made = static_cast<page **>(cxxrt_alloc(bytes));
		PageList list{made, made};
		if (!made)
			return Errno::kNoMem;
		for (unsigned long i = 0; i < count; i++) {
			if (!port_pause())
				return Errno::kIntr;
			made[i] = region.at(index + i);
		}
		return list;
	}

	PageList(PageList &&other) : pages_{other.pages_}, made_{cxxrt::exchange(other.made_, nullptr)} {}
	PageList &operator=(PageList &&) = delete;
	~PageList() { cxxrt_free(made_); }

	page **get() const { return pages_; }

private:
	PageList(page **pages, page **made) : pages_{pages}, made_{made} {}

	page **pages_;
	page **made_;	// nullptr: the region's
};

template <>
class Mapping<Inserted> : public InsertingMapping {
public:
	using InsertingMapping::InsertingMapping;

	static Result<void> prepare(vm_area_struct *) { return {}; }

	// Every page of the VMA. The caller has checked that the region has them.
	Result<void> insert_all(const Gate &, const Region &region)
	{
		const port_span where = span();
		const unsigned shift = port_page_shift();
		const unsigned long count = (where.end - where.start) >> shift;
		page **const listed = region.singles();
		for (unsigned long done = 0; done < count;) {
			if (!port_pause())
				return Errno::kIntr;
			const unsigned long left = count - done;
			const unsigned long some = !listed ? 1 : left < kBetweenPauses ? left : kBetweenPauses;
			page *one = listed ? nullptr : region.at(where.pgoff + done);
			CXXRT_TRY(cxxrt::from_kernel(port_insert_each(vma_, where.start + (done << shift),
								      listed ? listed + where.pgoff + done : &one, some)));
			done += some;
		}
		return {};
	}

	// The same as insert_all() in one call.
	Result<void> insert_many(const Gate &, const Region &region)
	{
		const port_span where = span();
		const unsigned long count = (where.end - where.start) >> port_page_shift();
		const auto list = CXXRT_TRY(PageList::make(region, where.pgoff, count));
		return cxxrt::from_kernel(port_insert_pages(vma_, where.start, list.get(), count));
	}

	// vm_map_pages() takes the whole region and finds its place in it by vm_pgoff; the other form starts at page 0.
	Result<void> map_all(const Gate &, const Region &region, bool from_zero)
	{
		const auto list = CXXRT_TRY(PageList::make(region, 0, region.count()));
		return cxxrt::from_kernel(from_zero ? port_map_pages_zero(vma_, list.get(), region.count()) :
						      port_map_pages(vma_, list.get(), region.count()));
	}

	Result<void> remap_vmalloc(const Gate &, const Region &region)
	{
		return cxxrt::from_kernel(port_remap_vmalloc(vma_, region.memory(), span().pgoff));
	}

private:
	static constexpr unsigned long kBetweenPauses = 64;	// pages
};

template <>
class Mapping<Remapped> : public MappingBase {
public:
	using MappingBase::MappingBase;

	static Result<void> prepare(vm_area_struct *) { return {}; }

	// One call for each physically contiguous run. A copy-on-write VMA is remapped as a whole or not at all: the kernel
	// refuses a part with EINVAL (mm/memory.c: remap_pfn_range).
	Result<void> remap_all(const Gate &, const Region &region)
	{
		const port_span where = span();
		const unsigned shift = port_page_shift();
		for (unsigned long addr = where.start; addr < where.end;) {
			if (!port_pause())
				return Errno::kIntr;
			const unsigned long index = where.pgoff + ((addr - where.start) >> shift);
			const unsigned long run = region.run(index, (where.end - addr) >> shift);
			CXXRT_TRY(cxxrt::from_kernel(port_remap(vma_, addr, region.pfn(index), run << shift)));
			addr += run << shift;
		}
		return {};
	}

	Result<void> iomap(const Gate &, const Region &region)
	{
		return cxxrt::from_kernel(port_iomap(vma_, region.device()));
	}
};

} // namespace
} // namespace ptelab
