// SPDX-License-Identifier: GPL-2.0-or-later
// The nodes under /dev/ptelab: one for each way in which a driver can hand memory to user space.
#ifndef PTELAB_NODE_HPP
#define PTELAB_NODE_HPP

#include <span>
#include <string>
#include <string_view>

#include "ptelab.h"

namespace ptelab {

struct Node {
	ptelab_method method;
	std::string_view name;	 // below /dev/ptelab
	std::string_view call;	 // the kernel's function that makes the mapping
	std::string_view moment; // when it is called
	ptelab_backing backing;	 // what the node's own region is made of
	bool faults;		 // pages come at the fault, not at mmap
	bool pfn;		 // VM_PFNMAP: page table entries without a struct page
	bool access;		 // has ->access, so a debugger reaches a PFN mapping

	std::string path() const;
};

inline constexpr std::string_view kDeviceFolder = "/dev/ptelab";

// All nodes that this program knows, in the order of their method numbers.
std::span<const Node> nodes();
// One for each kind of mapping; the others are variations of these. PTELAB_IOMAP, which needs a device, is the last.
std::span<const Node> first_nodes();

const Node *find_node(std::string_view name); // null: no such node
const Node &node_of(ptelab_method method);

// The words used for the ABI's enumerators; "?" for a number that this program does not know.
std::string_view name_of(ptelab_backing backing);
std::string_view name_of(ptelab_cache cache);
std::string_view name_of(ptelab_fault_action action);
// Why a node is not there, as a sentence with the cure.
std::string_view explain(ptelab_absence absence);

// The enumerator for a word, 0 if there is none.
ptelab_backing backing_of(std::string_view word);
ptelab_cache cache_of(std::string_view word);

struct Feature {
	__u64 bit;
	std::string_view name;
	std::string_view meaning;
};
std::span<const Feature> features();

std::size_t page_size();

} // namespace ptelab

#endif
