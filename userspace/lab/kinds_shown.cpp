// SPDX-License-Identifier: GPL-2.0-or-later
// What /proc and mincore(2) show of a mapping.
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include <ptelab/procfs.hpp>

#include "kinds_table.hpp"

namespace ptelab::tables {
namespace {

constexpr std::size_t kLookedAt = 3; // the page that is looked at

// Documentation/admin-guide/mm/pagemap.rst
constexpr std::uint64_t kPagemapPfn = (1ULL << 55) - 1;
constexpr std::uint64_t kPagemapExclusive = 1ULL << 56;
constexpr std::uint64_t kPagemapFile = 1ULL << 61;
constexpr std::uint64_t kPagemapPresent = 1ULL << 63;

// include/uapi/linux/kernel-page-flags.h, by bit number; "" for a number without a name.
constexpr std::array<std::string_view, 27> kPageFlags{
	"locked", "error", "referenced", "uptodate", "dirty", "lru", "active", "slab", "writeback",
	"reclaim", "buddy", "mmap", "anon", "swapcache", "swapbacked", "head", "tail", "huge",
	"unevictable", "hwpoison", "nopage", "ksm", "thp", "offline", "zero", "idle", "pgtable"};
constexpr unsigned kFirstKernelOnly = 32; // from here on the bits are for the kernel's developers

void append(std::string &list, std::string_view word)
{
	list += (list.empty() ? "" : ",") + std::string(word);
}

Cell rss(const Bench &, Mapping &map)
{
	const std::optional<Smaps> smaps = smaps_at(map.data());
	return smaps ? told(std::to_string(smaps->kb("Rss"))) : untried("/proc/self/smaps does not list it (CONFIG_PROC_PAGE_MONITOR)");
}

Cell flags(const Bench &, Mapping &map)
{
	const std::optional<Smaps> smaps = smaps_at(map.data());
	if (!smaps)
		return untried("/proc/self/smaps does not list it (CONFIG_PROC_PAGE_MONITOR)");
	std::string list;
	for (const char *flag : {"io", "pf", "mm", "de", "dd", "dc", "lo", "lf", "hg", "nh", "mg", "wf", "um", "uw"})
		if (smaps->has(flag))
			append(list, flag);
	return told(list.empty() ? "none" : list);
}

Cell maps(const Bench &bench, Mapping &map)
{
	const std::optional<Vma> vma = vma_at(map.data());
	if (!vma)
		return partly("missing", "/proc/self/maps does not list it");
	if (vma->path != bench.device().path())
		return partly("renamed", fmt::format("/proc/self/maps names it {}", vma->path));
	return told(fmt::format("{} +{:x}", vma->perms, vma->offset));
}

Cell pagemap(const Bench &bench, Mapping &map)
{
	std::uint64_t entry = 0;
	if (const Errno error = errno_of([&] { entry = pagemap_entry(map.page(kLookedAt).data()); }); error.value)
		return untried(fmt::format("/proc/self/pagemap gives {} (CONFIG_PROC_PAGE_MONITOR)", errno_name(error.value)));
	if (!(entry & kPagemapPresent))
		return told("0");
	const __u64 pfn = bench.device().lookup(map.page(kLookedAt)).front().pfn;
	std::string text;
	if ((entry & kPagemapPfn) == 0)
		append(text, "hidden"); // no CAP_SYS_ADMIN
	else
		append(text, (entry & kPagemapPfn) == pfn ? "pfn" : "wrong");
	if (entry & kPagemapFile)
		append(text, "file");
	if (entry & kPagemapExclusive)
		append(text, "excl");
	return text.starts_with("wrong") ? partly(text, "the page table holds another page frame number") : told(text);
}

// What a file of one word for each page frame says of the page; the reason if it says nothing.
template <class Read, class Say>
Cell of_frame(const Bench &bench, Mapping &map, const char *file, Read &&read, Say &&say)
{
	const ptelab_pte entry = bench.device().lookup(map.page(kLookedAt)).front();
	if (!(entry.state & PTELAB_PTE_PRESENT))
		return told("none"); // no page, so nothing to look up
	if (entry.pfn == 0)
		return untried("page frame numbers are for CAP_SYS_ADMIN only: run as root");
	std::uint64_t value = 0;
	const Errno error = errno_of([&] { value = read(entry.pfn); });
	if (error == EIO)
		return told("none"); // beyond the last page that the kernel has a struct for
	return error.value ? untried(fmt::format("{} gives {}", file, errno_name(error.value))) : told(say(value));
}

std::string flags_text(std::uint64_t bits)
{
	std::string text;
	for (unsigned bit = 0; bit < kFirstKernelOnly; ++bit)
		if (bits & (1ULL << bit))
			append(text, bit < kPageFlags.size() ? kPageFlags[bit] : fmt::format("bit{}", bit));
	return text.empty() ? "0" : text;
}

Cell page_flags(const Bench &bench, Mapping &map)
{
	return of_frame(bench, map, "/proc/kpageflags", kpage_flags, flags_text);
}

Cell page_count(const Bench &bench, Mapping &map)
{
	return of_frame(bench, map, "/proc/kpagecount", kpage_count, [](std::uint64_t count) { return std::to_string(count); });
}

Cell in_core(const Bench &, Mapping &map)
{
	std::array<unsigned char, kBenchPages> pages{};
	if (::mincore(map.data(), map.size(), pages.data()) < 0)
		return no(errno);
	std::size_t count = 0;
	for (const unsigned char page : pages)
		count += page & 1;
	return told(fmt::format("{}", count));
}

} // namespace

void add_shown(std::vector<Kind> &kinds)
{
	kinds.push_back({{"smaps.rss", "smaps", "Rss", "resident memory of the mapping in kB"}, rss});
	kinds.push_back({{"smaps.flags", "smaps", "VmFlags", "io VM_IO, pf VM_PFNMAP, mm VM_MIXEDMAP, de VM_DONTEXPAND, dd VM_DONTDUMP"},
			 flags});
	kinds.push_back({{"maps", "maps", "line", "/proc/PID/maps: permissions and offset (hexadecimal)"}, maps});
	kinds.push_back({{"pagemap", "pagemap", "entry", "/proc/PID/pagemap: 0, nothing there; pfn, present with the right page frame number; "
							"file, or shared anonymous; excl, mapped once"},
			 pagemap});
	kinds.push_back({{"kpageflags", "kpage", "flags", "/proc/kpageflags of the page; none: there is no struct page to tell of"}, page_flags});
	kinds.push_back({{"kpagecount", "kpage", "count", "/proc/kpagecount: how often the page is mapped, as far as it is counted"}, page_count});
	kinds.push_back({{"mincore", "mincore", "pages", "mincore(2): how many of the pages it says are in memory"}, in_core});
}

} // namespace ptelab::tables
