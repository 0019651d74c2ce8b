// SPDX-License-Identifier: GPL-2.0-or-later
// A part of the rules, as ptelab-tests is asked for it: --nodes=one-of-each, --share=I/N.
#ifndef PTELAB_RULES_SELECTION_HPP
#define PTELAB_RULES_SELECTION_HPP

#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "rule.hpp"

namespace ptelab {

inline constexpr const char *kSelectionHelp =
	"  --nodes=all|one-of-each   the rules of all nodes, or of one node of each kind of mapping\n"
	"  --share=I/N               the I-th of N parts of these, which together are all\n";

// One node of each kind. Two nodes are of one kind if they make their entries at the same moment (at mmap, in ->fault, or after
// ->mmap_prepare), into a VMA of the same flags (VM_PFNMAP, VM_MIXEDMAP, neither), of the same sort (pages that each entry holds a
// reference on, special entries, a PMD's worth), and have the same hooks and the same sort of memory behind them:
//
//	insert_page		for insert_pages, map_pages, map_pages_zero and remap_vmalloc: pages, at mmap
//	fault_insert_page	for fault_insert_pages: pages, from ->fault
//	remap_pfn		alone with RAM in VM_PFNMAP at mmap, and iomap with a device's memory
//	prepare_remap		for prepare_ioremap and prepare_simple_ioremap: pfns, by an action after ->mmap_prepare
//
// fault_page, fault_insert_pfn, fault_insert_mixed, huge_pfn, huge_folio, bare, prepare_map_pages and prepare_fault_page are alone.
inline constexpr __u32 kOneOfEachKind = kFirstNodes | bit_of(PTELAB_FAULT_INSERT_MIXED) | bit_of(PTELAB_HUGE_PFN) |
					bit_of(PTELAB_HUGE_FOLIO) | bit_of(PTELAB_BARE) | bit_of(PTELAB_PREPARE_REMAP) |
					bit_of(PTELAB_PREPARE_MAP_PAGES) | bit_of(PTELAB_PREPARE_FAULT_PAGE);

struct Selection {
	__u32 nodes = ~0U;   // a mask; rules about no node in particular are always taken
	unsigned share = 1;  // the first is 1
	unsigned shares = 1;
};

struct BadSelection : std::invalid_argument {
	using std::invalid_argument::invalid_argument;
};

// What the arguments ask for, of which others are left alone; a BadSelection if it is nonsense.
Selection selection_of(std::span<const char *const> arguments);

// Of these rules. Neighbours go to different shares; a rule that answers the host is in each, as the host asks each.
std::vector<const RuleInfo *> selected(const Selection &selection, std::span<const RuleInfo *const> rules);

} // namespace ptelab

#endif
