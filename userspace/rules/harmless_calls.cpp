// SPDX-License-Identifier: GPL-2.0-or-later
// CALL against its own guard: combinations that can be made on the device, the answer of the module against the guard's, and the kernel
// silent about those that are made.
#include <algorithm>
#include <array>
#include <random>

#include <unistd.h>

#include <fmt/core.h>

#include "calls.hpp"
#include "kmod/core/call_guard.hpp"

namespace ptelab {
namespace {

constexpr std::size_t kHarmless = 200;
constexpr std::size_t kMostTries = 20000;
constexpr unsigned kSeed = 11;

// One combination. The mapping has four pages, the region sixteen.
struct Combination {
	__u32 vm_set;
	bool is_shared, may_write, filled;
	ptelab_call call;
};

constexpr std::array kCalls{
	PTELAB_CALL_INSERT_PAGE, PTELAB_CALL_INSERT_PAGES, PTELAB_CALL_MAP_PAGES, PTELAB_CALL_MAP_PAGES_ZERO, PTELAB_CALL_INSERT_PFN,
	PTELAB_CALL_INSERT_PFN_PROT, PTELAB_CALL_INSERT_MIXED, PTELAB_CALL_INSERT_MIXED_PROT, PTELAB_CALL_INSERT_MIXED_MKWRITE,
	PTELAB_CALL_INSERT_PAGE_MKWRITE, PTELAB_CALL_REMAP, PTELAB_CALL_IO_REMAP, PTELAB_CALL_IOMAP, PTELAB_CALL_REMAP_VMALLOC,
	PTELAB_CALL_ZAP_SPECIAL, PTELAB_CALL_ZAP_VMA, PTELAB_CALL_ZAP_MANY, PTELAB_CALL_UNMAP_PAGES, PTELAB_CALL_FOLLOW_PFN,
	PTELAB_CALL_FOLLOW_PTE, PTELAB_CALL_FOLLOW_PFNMAP, PTELAB_CALL_FOLLOW_PFN_ANY, PTELAB_CALL_APPLY, PTELAB_CALL_HANDLE_FAULT,
	PTELAB_CALL_FIXUP_FAULT};

bool is_one(ptelab_call_id call, std::initializer_list<ptelab_call_id> of)
{
	return std::ranges::find(of, call) != of.end();
}

template <class Random>
Combination draw(Random &random)
{
	const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
	Combination c{};
	c.vm_set = std::array<__u32, 3>{0, PTELAB_VM_PFNMAP, PTELAB_VM_MIXEDMAP}[below(3)];
	c.is_shared = below(2);
	c.may_write = below(2);
	c.call.call = kCalls[below(kCalls.size())];
	c.call.flags = (below(2) ? PTELAB_CALL_WRITE_LOCK : 0) | (below(2) ? PTELAB_CALL_WRITE : 0);
	c.call.source = below(2) ? below(PTELAB_SOURCES) : 0;
	if (c.call.source == PTELAB_SOURCE_ANON)	// refused before the guard is asked, if there is none
		c.call.source = PTELAB_SOURCE_FRESH;
	c.call.index = below(4);
	c.call.count = 1 + below(4);
	c.call.bytes = pages(1 + below(4));
	return c;
}

// Where the call looks or writes, in pages of the mapping: as kmod/glue/direct/call_may.h has it.
struct Range {
	std::size_t first, count;
};

Range range_of(const ptelab_call &call)
{
	const auto id = static_cast<ptelab_call_id>(call.call);
	const std::size_t bytes = call.bytes / page_size();
	if (id == PTELAB_CALL_INSERT_PAGES)
		return {0, call.count};
	if (is_one(id, {PTELAB_CALL_REMAP, PTELAB_CALL_IO_REMAP, PTELAB_CALL_ZAP_SPECIAL, PTELAB_CALL_ZAP_VMA, PTELAB_CALL_ZAP_MANY, PTELAB_CALL_APPLY}))
		return {0, bytes};
	if (id == PTELAB_CALL_IOMAP)
		return {0, bytes >= 4 ? 4UL : 0UL};
	if (is_one(id, {PTELAB_CALL_MAP_PAGES, PTELAB_CALL_MAP_PAGES_ZERO, PTELAB_CALL_REMAP_VMALLOC}))
		return {0, call.count >= 4 ? 4UL : 0UL};
	return {0, 1};
}

bool is_buffer(__u32 source)
{
	return source == PTELAB_SOURCE_PLAIN_VMALLOC || source == PTELAB_SOURCE_USER_VMALLOC;
}

ptelab_call_facts facts_of(const Combination &c, bool mixed_is_bug, bool has_follow_pfnmap)
{
	const auto id = static_cast<ptelab_call_id>(c.call.call);
	const Range range = range_of(c.call);
	ptelab_call_facts f{};
	f.call = id;
	f.write_locked = c.call.flags & PTELAB_CALL_WRITE_LOCK;
	f.for_write = c.call.flags & PTELAB_CALL_WRITE;
	f.pfnmap = c.vm_set & PTELAB_VM_PFNMAP;
	f.mixedmap = c.vm_set & PTELAB_VM_MIXEDMAP;
	f.cow = !c.is_shared;
	f.writable = c.may_write;
	f.may_warn = true;
	f.may_write = true;
	f.divisible = true;
	f.inside = range.count <= 4;
	f.whole = range.count == 4;
	f.aligned = true;
	f.empty = !c.call.bytes;
	f.source = c.call.source;
	f.found = !is_buffer(c.call.source) || id == PTELAB_CALL_REMAP_VMALLOC;
	f.in_a_row = !c.call.source;
	f.mixed_is_bug = mixed_is_bug;
	f.follow_is_bug = !has_follow_pfnmap || id != PTELAB_CALL_FOLLOW_PFN_ANY;
	return f;
}

// The kernel complains by design: of another page over an entry, which the harmless ones do not have.
RULE("calls.harmless_sample", .says = "CALL is decided on the device as in the enumeration, and the kernel says nothing about two hundred calls that are harmless by it",
     .source = "kmod/core/call_guard.hpp", .needs = {root()})
{
	const std::uint64_t features = Device(node_of(PTELAB_BARE)).query().features;
	const bool mixed_is_bug = features & PTELAB_HAS_INSERT_MIXED_MKWRITE, has_follow_pfnmap = features & PTELAB_HAS_FOLLOW_PFNMAP;
	std::mt19937 random(kSeed);
	KernelLog log;
	std::size_t harmless = 0, refused = 0, missing = 0, otherwise = 0;
	std::string first;

	for (std::size_t tries = 0; harmless < kHarmless && tries < kMostTries; tries++) {
		const Combination c = draw(random);
		const int due = call_verdict(facts_of(c, mixed_is_bug, has_follow_pfnmap));
		// Of those that are refused as many as are made: there are a hundred times as many.
		if (due != 0 && refused > harmless)
			continue;
		const Device device = bare({.vm_set = c.vm_set});
		const Mapping map(device, pages(4), {.prot = PROT_READ | (c.may_write ? PROT_WRITE : 0), .flags = c.is_shared ? MAP_SHARED : MAP_PRIVATE});
		ptelab_call call = c.call;
		call.anchor = call.address = address_of(map);
		const Errno told = device.call(PTELAB_IOC_CALL, &call);
		if (due == 0 && told.value == EOPNOTSUPP) {
			missing++;
			continue;
		}
		(due == 0 ? harmless : refused)++;
		if (told.value != -due && !otherwise++)
			first = fmt::format("call {} flags {} vm_set {} {} source {} count {} bytes {}: {}, due {}", c.call.call, c.call.flags, c.vm_set,
					    c.is_shared ? "shared" : "private", c.call.source, c.call.count, c.call.bytes, told.value, -due);
	}
	rule.varies("of calls that this kernel has not");
	rule.observe("of calls that this kernel has not", missing);
	rule.expect("harmless, and made", harmless, kHarmless);
	rule.expect("refused", refused >= kHarmless / 2, true);
	rule.expect("decided otherwise", first, std::string());
	rule.expect("lines of the kernel's about them", log.count("WARNING: |BUG|Oops|Bad page|Bad rss"), 0U);
}

} // namespace
} // namespace ptelab
