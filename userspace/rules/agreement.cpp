// SPDX-License-Identifier: GPL-2.0-or-later
// Three who know what a page of a mapping is: the driver, the page table, and what the kernel tells user space. They agree.
#include <cerrno>

#include <fmt/core.h>

#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

// Documentation/admin-guide/mm/pagemap.rst
constexpr std::uint64_t kPagemapPfn = (1ULL << 55) - 1;
constexpr std::uint64_t kPagemapPresent = 1ULL << 63;

// The device exists once, and its first pages are for the talk between guest and host.
constexpr std::size_t kDevicePage = 8;

constexpr std::uint64_t kAgreed = 0x6167'7265'6500'0001;

// One page, as each of the three has it.
struct View {
	std::uint64_t driver_pfn = 0;	// 0: the driver has no struct page to tell of
	std::uint64_t driver_bytes = 0; // read(2)
	ptelab_pte entry{};		// LOOKUP
	std::uint64_t pagemap = 0;
	bool in_core = false; // mincore(2)
	std::int64_t kpagecount = -1; // -1: no struct page
	std::uint64_t bytes = 0;      // through the mapping

	bool present() const { return entry.state & PTELAB_PTE_PRESENT; }
	bool counted() const { return present() && !(entry.state & PTELAB_PTE_SPECIAL); }
};

class Onlooker {
public:
	Onlooker(Rule &rule, const Device &device, const Mapping &map, std::size_t first) : rule_(rule), device_(device), map_(map), first_(first) {}

	View look(std::size_t index) const
	{
		View view;
		if (rule_.node().method != PTELAB_IOMAP) // its memory has no struct page
			view.driver_pfn = page_info(device_, first_ + index).pfn;
		device_.read(pages(first_ + index), std::as_writable_bytes(std::span(&view.driver_bytes, 1)));
		view.entry = device_.lookup(map_.page(index)).front();
		view.pagemap = pagemap_entry(map_.page(index).data());
		unsigned char core = 0;
		if (::mincore(map_.page(index).data(), page_size(), &core) < 0)
			throw_errno("mincore");
		view.in_core = core & 1;
		if (view.driver_pfn)
			view.kpagecount = static_cast<std::int64_t>(kpage_count(view.driver_pfn));
		return view;
	}

	// A sentence for the first disagreement about the page, "" if there is none.
	std::string disagreement(std::size_t index, const View &view, bool walked) const
	{
		const auto differ = [index](const char *who, const char *other, std::uint64_t one, std::uint64_t two) {
			return fmt::format("page {}: {} {:#x}, {} {:#x}", index, who, one, other, two);
		};
		const std::uint64_t told = view.pagemap & kPagemapPfn;

		if (view.present() && view.entry.page != 1 + first_ + index)
			return differ("the page of the region should be", "LOOKUP says", 1 + first_ + index, view.entry.page);
		if (view.present() && view.driver_pfn && view.entry.pfn != view.driver_pfn)
			return differ("the driver mapped", "the page table has", view.driver_pfn, view.entry.pfn);
		// The walk behind pagemap skips VM_PFNMAP (mm/pagewalk.c:walk_page_test): it must then say nothing at all.
		if (((view.pagemap & kPagemapPresent) != 0) != (view.present() && walked))
			return differ("present in the page table", "in pagemap", view.present(), view.pagemap >> 63);
		if (view.pagemap & kPagemapPresent && told != view.entry.pfn)
			return differ("the page table has", "pagemap says", view.entry.pfn, told);
		if (!view.present() && view.in_core)
			return fmt::format("page {}: mincore tells of a page, the page table has none", index);
		if (walked && view.present() != view.in_core)
			return differ("present in the page table", "by mincore", view.present(), view.in_core);
		if (view.kpagecount >= 0 && view.kpagecount != (view.counted() ? 1 : 0))
			return differ("entries that count", "kpagecount says", view.counted(), static_cast<std::uint64_t>(view.kpagecount));
		return "";
	}

private:
	Rule &rule_;
	const Device &device_;
	const Mapping &map_;
	std::size_t first_;
};

// Judges every page, and what is told of all of them together.
void agree(Rule &rule, const std::string &when, const Device &device, const Mapping &map, std::size_t first)
{
	const Onlooker onlooker(rule, device, map, first);
	const bool walked = !rule.node().pfn;
	std::size_t present = 0, counted = 0, in_core = 0;
	std::string found;

	for (std::size_t index = 0; index < map.pages(); ++index) {
		const View view = onlooker.look(index);
		if (found.empty())
			found = onlooker.disagreement(index, view, walked);
		present += view.present();
		counted += view.counted();
		in_core += view.in_core;
	}
	rule.expect(when + ": disagreement", found, "");
	rule.observe(when + ": present", present);
	if (walked)
		rule.expect(when + ": told by mincore", in_core, present);
	else
		rule.expect(when + ": told by mincore", in_core, in_core_of_pfns(present));
	const std::optional<Smaps> smaps = smaps_at(map.data());
	rule.expect(when + ": listed in smaps", smaps.has_value(), true);
	if (smaps)
		rule.expect(when + ": Rss in kB", smaps->kb("Rss"), counted * page_size() / 1024);
}

RULE_PER_NODE("three_agree", kAllNodes,
	      .says = "What the driver mapped, what the page table holds and what user space is told are the same, page by page",
	      .source = "fs/proc/task_mmu.c:pte_to_pagemap_entry",
	      .needs = {root(), kconfig("CONFIG_PROC_PAGE_MONITOR", "/proc/kpagecount")})
{
	const bool shared = rule.node().method == PTELAB_IOMAP;
	const std::size_t first = shared ? kDevicePage : 0;
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages), {.offset = pages(first)});
	std::vector<std::byte> before(pages(kPages));
	device.read(pages(first), before);

	agree(rule, "untouched", device, map, first);
	for (std::size_t index = 0; index < kPages; index += 3)
		map.touch(index);
	agree(rule, "some touched", device, map, first);

	// The bytes: written by the one, read by the other, both ways.
	std::size_t same = 0;
	for (std::size_t index = 0; index < kPages; ++index) {
		std::uint64_t value = kAgreed + index;
		device.write(pages(first + index), std::as_bytes(std::span(&value, 1)));
		const bool down = map.get<std::uint64_t>(pages(index)) == value;
		map.put(pages(index), ~value);
		device.read(pages(first + index), std::as_writable_bytes(std::span(&value, 1)));
		same += down && value == ~(kAgreed + index);
	}
	rule.expect("pages with the same bytes on both sides", same, kPages);
	agree(rule, "all written", device, map, first);

	device.zap(map.bytes(pages(4), pages(5)), effective_zap(rule.node()));
	agree(rule, "five zapped", device, map, first);
	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	agree(rule, "all unmapped", device, map, first);
	device.write(pages(first), before);
}

} // namespace
} // namespace ptelab
