// SPDX-License-Identifier: GPL-2.0
// A VMA before there is one, inside ->mmap_prepare: flags, protection and one action may be asked for. Nothing is inserted and
// nothing may be taken, since the kernel may give up afterwards and tells nobody (mm/vma.c: __mmap_region).
#pragma once

#include "vma.hpp"

namespace ptelab {
namespace {

template <typename Kind>
class Draft;

class NewDraft {
public:
	NewDraft(cxxrt::Badge<Entry>, port_draft &draft) : draft_{&draft} {}
	NewDraft(const NewDraft &) = delete;
	NewDraft &operator=(const NewDraft &) = delete;

	port_span span() const { return mine().span; }
	bool wants_exec() const { return mine().wants_exec; }
	void forbid_exec() { mine().forbid_exec = true; }
	void set_cache(unsigned cache) { mine().cache = cache; }

	// Makes it a draft of this kind, once: nothing can be asked of the token after that.
	template <typename Kind, typename F>
	Result<void> as(F &&ask) &&
	{
		Draft<Kind> draft{{}, mine()};
		draft_ = nullptr;
		return ask(cxxrt::move(draft));
	}

private:
	port_draft &mine() const
	{
		CXXRT_ASSERT(draft_);
		return *draft_;
	}

	port_draft *draft_;	// nullptr: it has become a draft of some kind
};

class DraftBase {
public:
	DraftBase(cxxrt::Badge<NewDraft>, port_draft &draft) : draft_{&draft} {}
	DraftBase(const DraftBase &) = delete;
	DraftBase &operator=(const DraftBase &) = delete;

protected:
	// The one action, asked for once. The kernel fills the VMA after the gate is left: REVOKE waits until this mmap is over.
	template <typename F>
	Result<void> ask(const Region &region, port_action action, F &&describe) &&
	{
		CXXRT_ASSERT(draft_);
		port_draft &draft = *cxxrt::exchange(draft_, nullptr);
		describe(draft);
		return region.pass(
			[&](const Gate &) -> Result<void> {
				CXXRT_TRY(cxxrt::from_kernel(port_await_mmap(draft.awaited, region.space())));
				draft.action = action;
				return {};
			},
			Errno::kNoDev);
	}

private:
	port_draft *draft_;	// nullptr: an action was asked for
};

template <>
class Draft<Plain> : public DraftBase {
public:
	using DraftBase::DraftBase;
};

// The action sets the flags. Of a copy-on-write VMA the whole is remapped or nothing, and it gets its pfn as vm_pgoff.
template <>
class Draft<Remapped> : public DraftBase {
public:
	using DraftBase::DraftBase;

	// The region's pages are in a row, so that one action is enough.
	Result<void> remap(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_REMAP,
					      [&](port_draft &draft) { draft.pfn = region.pfn(0) + draft.span.pgoff; });
	}

	Result<void> ioremap(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_IOREMAP,
					      [&](port_draft &draft) { draft.pfn = region.pfn(0) + draft.span.pgoff; });
	}

	// Finds its place in the region by vm_pgoff.
	Result<void> simple_ioremap(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_SIMPLE_IOREMAP, [&](port_draft &draft) {
			draft.pfn = region.pfn(0);
			draft.bytes = region.count() << port_page_shift();
		});
	}
};

template <>
class Draft<Inserted> : public DraftBase {
public:
	using DraftBase::DraftBase;

	Result<void> map_pages(const Region &region) &&
	{
		return cxxrt::move(*this).ask(region, PORT_ACTION_MAP_PAGES, [&](port_draft &draft) {
			draft.pages = region.singles() + draft.span.pgoff;
		});
	}
};

} // namespace
} // namespace ptelab
