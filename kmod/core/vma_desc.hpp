// SPDX-License-Identifier: GPL-2.0
// A VMA before there is one, inside ->mmap_prepare: flags, protection and one action may be asked for. Nothing is inserted and
// nothing may be taken, since the kernel may give up afterwards and tells nobody (mm/vma.c: __mmap_region).
#pragma once

#include "vma.hpp"

namespace ptelab {
namespace {

template <typename Kind>
class VmaDesc;

class NewDesc {
public:
	NewDesc(cxxrt::Badge<EntryPoints>, port_vma_desc &desc) : desc_{&desc} {}
	NewDesc(const NewDesc &) = delete;
	NewDesc &operator=(const NewDesc &) = delete;

	port_span span() const { return mine().span; }
	bool wants_exec() const { return mine().wants_exec; }
	void forbid_exec() { mine().forbid_exec = true; }
	void set_cache(unsigned cache) { mine().cache = cache; }

	// Makes it a desc of this kind, once: nothing can be asked of the token after that.
	template <typename Kind, typename F>
	Result<void> as(F &&ask) &&
	{
		VmaDesc<Kind> desc{{}, mine()};
		desc_ = nullptr;
		return ask(cxxrt::move(desc));
	}

private:
	port_vma_desc &mine() const
	{
		CXXRT_ASSERT(desc_);
		return *desc_;
	}

	port_vma_desc *desc_;	// nullptr: it has become a desc of some kind
};

class DescBase {
public:
	DescBase(cxxrt::Badge<NewDesc>, port_vma_desc &desc) : desc_{&desc} {}
	DescBase(const DescBase &) = delete;
	DescBase &operator=(const DescBase &) = delete;

protected:
	// The one action, asked for once. The kernel fills the VMA after the gate is left: REVOKE waits until this mmap is over.
	template <typename F>
	Result<void> ask(const Region &region, port_action action, F &&describe) &&
	{
		CXXRT_ASSERT(desc_);
		port_vma_desc &desc = *cxxrt::exchange(desc_, nullptr);
		describe(desc);
		return region.pass(
			[&](const Gate &) -> Result<void> {
				CXXRT_TRY(cxxrt::from_kernel(port_await_mmap(desc.awaited, region.space())));
				desc.action = action;
				return {};
			},
			Errno::kNoDev);
	}

private:
	port_vma_desc *desc_;	// nullptr: an action was asked for
};

template <>
class VmaDesc<Plain> : public DescBase {
public:
	using DescBase::DescBase;
};

// The action sets the flags. Of a copy-on-write VMA the whole is remapped or nothing, and it gets its pfn as vm_pgoff.
template <>
class VmaDesc<Remapped> : public DescBase {
public:
	using DescBase::DescBase;

	// The region's pages are in a row, so that one action is enough.
	Result<void> remap(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_REMAP,
					      [&](port_vma_desc &desc) { desc.pfn = region.pfn(0) + desc.span.pgoff; });
	}

	Result<void> ioremap(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_IOREMAP,
					      [&](port_vma_desc &desc) { desc.pfn = region.pfn(0) + desc.span.pgoff; });
	}

	// Finds its place in the region by vm_pgoff.
	Result<void> simple_ioremap(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_SIMPLE_IOREMAP, [&](port_vma_desc &desc) {
			desc.pfn = region.pfn(0);
			desc.bytes = region.count() << port_page_shift();
		});
	}
};

template <>
class VmaDesc<Inserted> : public DescBase {
public:
	using DescBase::DescBase;

	Result<void> map_pages(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_MAP_PAGES, [&](port_vma_desc &desc) {
			desc.pages = region.singles() + desc.span.pgoff;
		});
	}
};

} // namespace
} // namespace ptelab
