// SPDX-License-Identifier: GPL-2.0-or-later
// What many rules need: a region of their own, patterns, the words for outcomes.
#ifndef PTELAB_RULES_LAB_HPP
#define PTELAB_RULES_LAB_HPP

#include <cstddef>
#include <vector>

#include <ptelab/device.hpp>
#include <ptelab/mapping.hpp>

#include "rule.hpp"

namespace ptelab {

inline constexpr const char *kOk = "ok";
inline constexpr const char *kSigbus = "SIGBUS BUS_ADRERR";
inline constexpr const char *kForbidden = "SIGSEGV SEGV_ACCERR"; // mapped, but not for that
inline constexpr const char *kUnmapped = "SIGSEGV SEGV_MAPERR";

inline constexpr std::size_t kPages = 16; // enough for every rule that does not ask for more

inline constexpr __u32 kRamNodes = kAllNodes & ~bit_of(PTELAB_IOMAP);
inline constexpr __u32 kHugeNodes = bit_of(PTELAB_HUGE_PFN) | bit_of(PTELAB_HUGE_FOLIO);
inline constexpr __u32 kFaultNodes = bit_of(PTELAB_FAULT_INSERT_PAGE) | bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PFN) |
				     bit_of(PTELAB_FAULT_INSERT_PAGES) | bit_of(PTELAB_FAULT_INSERT_MIXED) | kHugeNodes;
inline constexpr __u32 kEagerNodes = kAllNodes & ~kFaultNodes;
// By the VMA: VM_PFNMAP; VM_MIXEDMAP; either of them, which the kernel calls VM_SPECIAL; neither.
inline constexpr __u32 kPfnNodes = bit_of(PTELAB_FAULT_INSERT_PFN) | bit_of(PTELAB_REMAP_PFN) | bit_of(PTELAB_IOMAP) | bit_of(PTELAB_HUGE_PFN);
inline constexpr __u32 kPlainNodes = bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_HUGE_FOLIO);
inline constexpr __u32 kSpecialNodes = kAllNodes & ~kPlainNodes;
inline constexpr __u32 kMixedNodes = kSpecialNodes & ~kPfnNodes;
// By the entries: special ones, whose pages are nobody's to count; or pages that each entry holds a reference on.
inline constexpr __u32 kUncountedNodes = kPfnNodes | bit_of(PTELAB_FAULT_INSERT_MIXED);
inline constexpr __u32 kPageNodes = kAllNodes & ~kUncountedNodes;
inline constexpr __u32 kPrivateNodes = kAllNodes & ~bit_of(PTELAB_FAULT_INSERT_PFN) & ~bit_of(PTELAB_HUGE_PFN); // those that take MAP_PRIVATE

constexpr bool is_one_of(const Node &node, __u32 mask)
{
	return mask & bit_of(node.method);
}

// Those whose mappings may lose their middle or a part's entries. Up to 6.12 x86 then loses the reservation of a device's
// memory type, until the next boot, and says "freeing invalid memtype" (contract RM-16, RM-17): that is for a machine of
// its own.
inline constexpr __u32 kSplitNodes = kAllNodes & ~bit_of(PTELAB_IOMAP);

std::size_t pages(std::size_t count); // in bytes

// A file with a zeroed region of its own. PTELAB_IOMAP has none to give: there it is the device as it is.
Device own_region(const Node &node, std::size_t page_count = kPages, Setup setup = {});

// mmap() of so many pages, undone at once.
Errno map_errno(int fd, std::size_t page_count, const MapOptions &options = {});

// Bytes that differ from page to page and from seed to seed.
std::vector<std::byte> pattern(std::size_t bytes, unsigned seed);

// How many pages of the mapping are present, by LOOKUP.
std::size_t present(const Device &device, const Mapping &map);
// One page's state bits, by LOOKUP.
__u32 state_of(const Device &device, const Mapping &map, std::size_t page_index);
// Reads a byte of every page: how many accesses were made without a signal.
std::size_t touch_all(const Mapping &map);

// The zap that acts on this node on every kernel.
ptelab_zap_how effective_zap(const Node &node);

// Of how many pages mincore(2) tells in a PFN mapping that has these present.
Expected<std::size_t> in_core_of_pfns(std::size_t present);

// Pages that the module has taken from the kernel and not given back.
std::int64_t pages_in_use(const Device &device);

} // namespace ptelab

#endif
