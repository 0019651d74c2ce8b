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
	NewDraft(cxxrt::Badge<Entry>, port_draft &draft) : draft_{draft} {}
	NewDraft(const NewDraft &) = delete;
	NewDraft &operator=(const NewDraft &) = delete;

	port_span span() const { return draft_.span; }
	bool wants_exec() const { return draft_.wants_exec; }
	void forbid_exec() { draft_.forbid_exec = true; }
	void set_cache(unsigned cache) { draft_.cache = cache; }

	// Makes it a draft of this kind, once.
	template <typename Kind, typename F>
	Result<void> as(F &&ask) &&
	{
		Draft<Kind> draft{{}, draft_};
		return ask(cxxrt::move(draft));
	}

private:
	port_draft &draft_;
};

class DraftBase {
public:
	DraftBase(cxxrt::Badge<NewDraft>, port_draft &draft) : draft_{draft} {}
	DraftBase(const DraftBase &) = delete;
	DraftBase &operator=(const DraftBase &) = delete;

protected:
	// The kernel fills the VMA after the gate is left: REVOKE waits until this mmap is over.
	Result<void> ask(const Region &region, port_action action)
	{
		return region.pass([&](const GateState &gate) -> Result<void> {
			if (!gate.open)
				return Errno::kNoDev;
			CXXRT_TRY(cxxrt::from_kernel(port_await_mmap(draft_.awaited, region.space())));
			draft_.action = action;
			return {};
		});
	}

	port_draft &draft_;
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
		draft_.pfn = region.pfn(0) + draft_.span.pgoff;
		return ask(region, PORT_ACTION_REMAP);
	}

	Result<void> ioremap(const Region &region) &&
	{
		draft_.pfn = region.pfn(0) + draft_.span.pgoff;
		return ask(region, PORT_ACTION_IOREMAP);
	}

	// Finds its place in the region by vm_pgoff.
	Result<void> simple_ioremap(const Region &region) &&
	{
		draft_.pfn = region.pfn(0);
		draft_.bytes = region.count() << port_page_shift();
		return ask(region, PORT_ACTION_SIMPLE_IOREMAP);
	}
};

template <>
class Draft<Inserted> : public DraftBase {
public:
	using DraftBase::DraftBase;

	Result<void> map_pages(const Region &region) &&
	{
		draft_.pages = region.singles() + draft_.span.pgoff;
		return ask(region, PORT_ACTION_MAP_PAGES);
	}
};

} // namespace
} // namespace ptelab
