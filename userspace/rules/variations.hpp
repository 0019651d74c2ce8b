// SPDX-License-Identifier: GPL-2.0-or-later
// Where a node differs from the others of its kind, and why.
#ifndef PTELAB_RULES_VARIATIONS_HPP
#define PTELAB_RULES_VARIATIONS_HPP

#include "lab.hpp"

namespace ptelab {

// PTELAB_FAULT_INSERT_PAGES fills up to 16 pages with one vm_insert_pages, from the one that is asked for on.
inline constexpr __u32 kOneByOneNodes = kFaultNodes & ~bit_of(PTELAB_FAULT_INSERT_PAGES);

// Calls of ->fault that fill so many empty pages, touched in their order.
constexpr std::size_t faults_to_fill(const Node &node, std::size_t page_count)
{
	return is_one_of(node, kOneByOneNodes) ? page_count : (page_count + 15) / 16;
}

// VM_DONTEXPAND and VM_DONTDUMP: remap_vmalloc_range sets them as remap_pfn_range does, though what it maps are pages
// (mm/vmalloc.c: remap_vmalloc_range_partial).
inline constexpr __u32 kBoundedNodes = kPfnNodes | bit_of(PTELAB_REMAP_VMALLOC);

// vm_map_pages_zero takes every mapping to begin at the first page, whatever vm_pgoff is (mm/memory.c: vm_map_pages_zero).
inline constexpr __u32 kOffsetNodes = kAllNodes & ~bit_of(PTELAB_MAP_PAGES_ZERO);

// The first nodes, and the one whose special entries lie in VM_MIXEDMAP: for rules about what gets at a page by its entry.
inline constexpr __u32 kEntryNodes = kFirstNodes | bit_of(PTELAB_FAULT_INSERT_MIXED);

} // namespace ptelab

#endif
