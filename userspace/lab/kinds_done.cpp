// SPDX-License-Identifier: GPL-2.0-or-later
// What a program may do to a mapping: madvise(2), mlock(2), mprotect(2), mremap(2), fork(2).
#include <algorithm>
#include <cerrno>
#include <csignal>

#include <sys/mman.h>

#include <fmt/core.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "kinds_table.hpp"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

namespace ptelab::tables {
namespace {

struct Advice {
	const char *heading;
	int number;
	const char *meaning;
};

// Those that poison or offline memory are left out: MADV_HWPOISON, MADV_SOFT_OFFLINE.
constexpr Advice kAdvice[] = {
	{"normal", MADV_NORMAL, "MADV_NORMAL"},
	{"random", MADV_RANDOM, "MADV_RANDOM"},
	{"seq", MADV_SEQUENTIAL, "MADV_SEQUENTIAL"},
	{"willneed", MADV_WILLNEED, "MADV_WILLNEED"},
	{"dontneed", MADV_DONTNEED, "MADV_DONTNEED"},
	{"free", MADV_FREE, "MADV_FREE"},
	{"cold", MADV_COLD, "MADV_COLD"},
	{"pageout", MADV_PAGEOUT, "MADV_PAGEOUT"},
	{"remove", MADV_REMOVE, "MADV_REMOVE"},
	{"dontfork", MADV_DONTFORK, "MADV_DONTFORK"},
	{"dofork", MADV_DOFORK, "MADV_DOFORK"},
	{"wipeonfork", MADV_WIPEONFORK, "MADV_WIPEONFORK"},
	{"dontdump", MADV_DONTDUMP, "MADV_DONTDUMP"},
	{"dodump", MADV_DODUMP, "MADV_DODUMP"},
	{"merge", MADV_MERGEABLE, "MADV_MERGEABLE"},
	{"hugepage", MADV_HUGEPAGE, "MADV_HUGEPAGE"},
	{"nohuge", MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE"},
	{"collapse", MADV_COLLAPSE, "MADV_COLLAPSE"},
	{"popread", MADV_POPULATE_READ, "MADV_POPULATE_READ"},
	{"popwrite", MADV_POPULATE_WRITE, "MADV_POPULATE_WRITE"},
	{"guard", MADV_GUARD_INSTALL, "MADV_GUARD_INSTALL"},
};

Cell result(const Errno &error)
{
	return error.value ? no(error.value) : yes("ok");
}

bool works(const Mapping &map, std::size_t page_index)
{
	return map.touch(page_index).done();
}

// A mapping that was reachable and is not any more, after a call that succeeded.
Cell still_there(const Bench &bench, const Mapping &map, std::size_t page_index, const char *what)
{
	if (bench.node().method == PTELAB_BARE || works(map, page_index))
		return yes("ok");
	return partly(map.touch(page_index).signal == SIGBUS ? "SIGBUS" : "SIGSEGV", what);
}

Cell lock(const Bench &, Mapping &map)
{
	if (::mlock(map.data(), map.size()) < 0)
		return no(errno);
	const std::optional<Smaps> smaps = smaps_at(map.data());
	const bool locked = smaps && smaps->has("lo");
	::munlock(map.data(), map.size());
	return locked ? yes("locked") : partly("ignored", "mlock(2) succeeds and locks nothing: there is no lo in VmFlags");
}

Cell protect(const Bench &bench, Mapping &map)
{
	for (const int protection : {PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE})
		if (const Errno error = errno_of([&] { map.protect(protection); }); error.value)
			return no(error.value);
	return still_there(bench, map, 0, "the mapping is dead after PROT_NONE and back");
}

Cell grow(const Bench &bench, Mapping &map)
{
	const std::size_t whole = map.size();
	map.remap(whole / 2, 0);
	if (const Errno error = errno_of([&] { map.remap(whole, MREMAP_MAYMOVE); }); error.value)
		return no(error.value);
	return still_there(bench, map, map.pages() - 1, "it grows, and an access to what is new gets SIGBUS");
}

Cell shrink(const Bench &bench, Mapping &map)
{
	if (const Errno error = errno_of([&] { map.remap(map.size() / 2, 0); }); error.value)
		return no(error.value);
	return still_there(bench, map, 0, "the rest is dead after the shrink");
}

Cell move(const Bench &bench, Mapping &map)
{
	Mapping place(-1, map.size(), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	if (const Errno error = errno_of([&] { map.remap(map.size(), MREMAP_MAYMOVE | MREMAP_FIXED, place.data()); }); error.value)
		return no(error.value);
	place.release();
	return still_there(bench, map, 0, "the mapping is dead after the move");
}

// The entries go to a new place, the old one stays as an empty mapping.
Cell leave(const Bench &, Mapping &map)
{
	void *moved = ::mremap(map.data(), map.size(), map.size(), MREMAP_MAYMOVE | MREMAP_DONTUNMAP, nullptr);
	if (moved == MAP_FAILED)
		return no(errno);
	::munmap(moved, map.size());
	return yes("ok");
}

struct Inherited {
	std::size_t before; // present before the child touches anything
	std::size_t after;
};

Cell inherit(const Bench &bench, Mapping &map)
{
	const std::size_t ours = bench.present(map);
	const Inherited child = in_child([&] {
		Inherited seen{.before = bench.present(map), .after = 0};
		for (std::size_t index = 0; index < map.pages(); ++index)
			seen.after += works(map, index);
		return seen;
	});
	if (ours == 0)
		return told("empty");
	if (child.after < ours)
		return partly("lost", fmt::format("the child can reach {} of {} pages", child.after, ours));
	if (child.before == ours)
		return told("copied");
	return told(child.before == 0 ? "refault" : fmt::format("{} of {}", child.before, ours));
}

} // namespace

void add_done(std::vector<Kind> &kinds)
{
	for (const Advice &advice : kAdvice)
		kinds.push_back({{std::string("madvise.") + advice.heading, "madvise", advice.heading, advice.meaning},
				 [&advice](const Bench &, Mapping &map) {
					 return result(::madvise(map.data(), map.size(), advice.number) < 0 ? errno : 0);
				 }});
	kinds.push_back({{"mlock", "mlock", "result", "locked: the mapping has the flag lo; ignored: success without it"}, lock});
	kinds.push_back({{"mprotect", "mprotect", "result", "to PROT_READ, PROT_NONE and back"}, protect});
	kinds.push_back({{"mremap.grow", "mremap", "grow", "from half of its size to the whole"}, grow});
	kinds.push_back({{"mremap.shrink", "mremap", "shrink", "to half of its size"}, shrink});
	kinds.push_back({{"mremap.move", "mremap", "move", "MREMAP_FIXED, to another address"}, move});
	kinds.push_back({{"mremap.leave", "mremap", "leave", "MREMAP_DONTUNMAP"}, leave});
	kinds.push_back({{"fork", "fork", "entries",
			  "copied: the child has the page table entries; refault: it has none and the driver is asked again; empty: there was "
			  "nothing to copy"},
			 inherit});
}

} // namespace ptelab::tables
