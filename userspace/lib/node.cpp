// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/node.hpp>

#include <array>
#include <stdexcept>

#include <unistd.h>

namespace ptelab {
namespace {

constexpr std::array kNodes{
	Node{.method = PTELAB_INSERT_PAGE,
	     .name = "insert_page",
	     .call = "vm_insert_page",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_FAULT_INSERT_PAGE,
	     .name = "fault_insert_page",
	     .call = "vm_insert_page",
	     .moment = "at the fault",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = true,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_FAULT_PAGE,
	     .name = "fault_page",
	     .call = "->fault returns a page",
	     .moment = "at the fault",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = true,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_FAULT_INSERT_PFN,
	     .name = "fault_insert_pfn",
	     .call = "vmf_insert_pfn",
	     .moment = "at the fault",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = true,
	     .pfn = true,
	     .access = true},
	Node{.method = PTELAB_REMAP_PFN,
	     .name = "remap_pfn",
	     .call = "remap_pfn_range",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_SPLIT,
	     .faults = false,
	     .pfn = true,
	     .access = false},
	Node{.method = PTELAB_IOMAP,
	     .name = "iomap",
	     .call = "vm_iomap_memory",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_DEVICE,
	     .faults = false,
	     .pfn = true,
	     .access = false},
	Node{.method = PTELAB_INSERT_PAGES,
	     .name = "insert_pages",
	     .call = "vm_insert_pages",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_MAP_PAGES,
	     .name = "map_pages",
	     .call = "vm_map_pages",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_MAP_PAGES_ZERO,
	     .name = "map_pages_zero",
	     .call = "vm_map_pages_zero",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_REMAP_VMALLOC,
	     .name = "remap_vmalloc",
	     .call = "remap_vmalloc_range",
	     .moment = "at mmap",
	     .backing = PTELAB_BACKING_VMALLOC,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_FAULT_INSERT_PAGES,
	     .name = "fault_insert_pages",
	     .call = "vm_insert_pages",
	     .moment = "at the fault, 16 pages",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = true,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_FAULT_INSERT_MIXED,
	     .name = "fault_insert_mixed",
	     .call = "vmf_insert_mixed",
	     .moment = "at the fault",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = true,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_HUGE_PFN,
	     .name = "huge_pfn",
	     .call = "vmf_insert_pfn_pmd",
	     .moment = "at the fault, a PMD",
	     .backing = PTELAB_BACKING_COMPOUND,
	     .faults = true,
	     .pfn = true,
	     .access = false},
	Node{.method = PTELAB_HUGE_FOLIO,
	     .name = "huge_folio",
	     .call = "vmf_insert_folio_pmd",
	     .moment = "at the fault, a PMD",
	     .backing = PTELAB_BACKING_COMPOUND,
	     .faults = true,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_BARE,
	     .name = "bare",
	     .call = "whatever CALL says",
	     .moment = "by ioctl",
	     .backing = PTELAB_BACKING_SPLIT,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_PREPARE_REMAP,
	     .name = "prepare_remap",
	     .call = "mmap_action_remap",
	     .moment = "after mmap_prepare",
	     .backing = PTELAB_BACKING_SPLIT,
	     .faults = false,
	     .pfn = true,
	     .access = false},
	Node{.method = PTELAB_PREPARE_IOREMAP,
	     .name = "prepare_ioremap",
	     .call = "mmap_action_ioremap",
	     .moment = "after mmap_prepare",
	     .backing = PTELAB_BACKING_SPLIT,
	     .faults = false,
	     .pfn = true,
	     .access = false},
	Node{.method = PTELAB_PREPARE_SIMPLE_IOREMAP,
	     .name = "prepare_simple_ioremap",
	     .call = "mmap_action_simple_ioremap",
	     .moment = "after mmap_prepare",
	     .backing = PTELAB_BACKING_SPLIT,
	     .faults = false,
	     .pfn = true,
	     .access = false},
	Node{.method = PTELAB_PREPARE_MAP_PAGES,
	     .name = "prepare_map_pages",
	     .call = "mmap_action_map_kernel_pages",
	     .moment = "after mmap_prepare",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = false,
	     .pfn = false,
	     .access = false},
	Node{.method = PTELAB_PREPARE_FAULT_PAGE,
	     .name = "prepare_fault_page",
	     .call = "->fault returns a page",
	     .moment = "at the fault",
	     .backing = PTELAB_BACKING_SINGLE,
	     .faults = true,
	     .pfn = false,
	     .access = false},
};
static_assert(kNodes.size() == PTELAB_METHODS - 1, "a method of the ABI has no row here");

constexpr std::array<std::string_view, PTELAB_BACKINGS> kBackings{"default", "single",	"compound",
								  "split",   "vmalloc", "device", "hole"};
constexpr std::array<std::string_view, PTELAB_CACHES> kCaches{"default", "write-back", "uncached", "write-combining"};
constexpr std::array<std::string_view, PTELAB_FAULT_ACTIONS> kActions{"default", "serve", "sigbus",
								      "oom",	 "retry", "delay",
								      "sigsegv", "hwpoison", "nothing",
								      "stale",	 "remap"};

constexpr std::array kFeatures{
	Feature{PTELAB_HAS_ZAP_SPECIAL, "zap_special", "a zap for driver mappings: zap_vma_ptes or zap_special_vma_range"},
	Feature{PTELAB_HAS_ZAP_SPECIAL_MIXED, "zap_special_mixed", "that zap also acts on a VM_MIXEDMAP mapping"},
	Feature{PTELAB_HAS_ZAP_VMA, "zap_vma", "a zap of one mapping of any kind"},
	Feature{PTELAB_HAS_ZAP_MANY, "zap_many", "zap_page_range, which runs on into the mappings that follow"},
	Feature{PTELAB_HAS_VM_FLAGS_SET, "vm_flags_set", "vm_flags_set() with its assertion of the write lock"},
	Feature{PTELAB_HAS_FOLLOW_PFN, "follow_pfn", "follow_pfn"},
	Feature{PTELAB_HAS_FOLLOW_PFNMAP, "follow_pfnmap", "follow_pfnmap_start"},
	Feature{PTELAB_HAS_MMAP_PREPARE, "mmap_prepare", "the file operation mmap_prepare"},
	Feature{PTELAB_HAS_FAULT_VMA_LOCK, "fault_vma_lock", "faults under the lock of one mapping"},
	Feature{PTELAB_HAS_FOLLOW_PTE, "follow_pte", "follow_pte"},
	Feature{PTELAB_HAS_UNMAP_PAGES, "unmap_pages", "unmap_mapping_pages is exported"},
	Feature{PTELAB_HAS_INSERT_MIXED_PROT, "insert_mixed_prot", "vmf_insert_mixed_prot"},
	Feature{PTELAB_HAS_INSERT_MIXED_MKWRITE, "insert_mixed_mkwrite", "vmf_insert_mixed_mkwrite is exported"},
	Feature{PTELAB_HAS_INSERT_PAGE_MKWRITE, "insert_page_mkwrite", "vmf_insert_page_mkwrite"},
	Feature{PTELAB_HAS_INSERT_PFN_PMD, "insert_pfn_pmd", "vmf_insert_pfn_pmd"},
	Feature{PTELAB_HAS_INSERT_FOLIO_PMD, "insert_folio_pmd", "vmf_insert_folio_pmd"},
	Feature{PTELAB_HAS_MAY_SPLIT, "may_split", "vm_ops->may_split, which was called split before"},
	Feature{PTELAB_HAS_MPROTECT_HOOK, "mprotect_hook", "vm_ops->mprotect"},
	Feature{PTELAB_HAS_MAPPED_HOOK, "mapped_hook", "vm_ops->mapped"},
	Feature{PTELAB_HAS_GENERIC_ACCESS, "generic_access", "generic_access_phys"},
	Feature{PTELAB_HAS_FAST_ONLY_PIN, "fast_only_pin", "pin_user_pages_fast_only"},
	Feature{PTELAB_HAS_INSERT_PFN_PUD, "insert_pfn_pud", "vmf_insert_pfn_pud with a PUD's special bit, and a processor that has such entries"},
	Feature{PTELAB_HAS_INSERT_FOLIO_PUD, "insert_folio_pud", "vmf_insert_folio_pud"},
	Feature{PTELAB_HAS_VMA_SET_FLAGS, "vma_set_flags", "vma_set_flags(), which asserts no lock"},
	Feature{PTELAB_HAS_MMAP_ACTIONS, "mmap_actions", "mmap_action_*, what mmap_prepare can ask for"},
};

template <class Enum, std::size_t N>
std::string_view word(const std::array<std::string_view, N> &words, Enum value)
{
	return static_cast<std::size_t>(value) < N ? words[static_cast<std::size_t>(value)] : "?";
}

template <class Enum, std::size_t N>
Enum number(const std::array<std::string_view, N> &words, std::string_view wanted)
{
	for (std::size_t i = 1; i < N; ++i)
		if (words[i] == wanted)
			return static_cast<Enum>(i);
	return static_cast<Enum>(0);
}

} // namespace

std::string Node::path() const
{
	return std::string(kDeviceFolder) + "/" + std::string(name);
}

std::span<const Node> nodes()
{
	return kNodes;
}

std::span<const Node> first_nodes()
{
	return nodes().first(PTELAB_IOMAP);
}

const Node *find_node(std::string_view name)
{
	for (const Node &node : kNodes)
		if (node.name == name)
			return &node;
	return nullptr;
}

const Node &node_of(ptelab_method method)
{
	for (const Node &node : kNodes)
		if (node.method == method)
			return node;
	throw std::out_of_range("no node has this method number");
}

std::string_view name_of(ptelab_backing backing)
{
	return word(kBackings, backing);
}

std::string_view name_of(ptelab_cache cache)
{
	return word(kCaches, cache);
}

std::string_view name_of(ptelab_fault_action action)
{
	return word(kActions, action);
}

std::string_view explain(ptelab_absence absence)
{
	switch (absence) {
	case PTELAB_PRESENT:
		return "it is there";
	case PTELAB_ABSENT_NO_DEVICE:
		return "no PCI device 1af4:1110 was found: start the machine with QEMU's ivshmem-plain";
	case PTELAB_ABSENT_BAD_BAR:
		return "the device's BAR 2 is not memory or is smaller than 4 MiB: give ivshmem-plain a larger memory backend";
	case PTELAB_ABSENT_BUSY:
		return "another driver has the device's BAR 2: unbind it";
	case PTELAB_ABSENT_NO_MEMORY:
		return "the kernel had no memory for it when the device was found: load the module again";
	case PTELAB_ABSENT_NO_CALL:
		return "this kernel has no such call: run another kernel";
	case PTELAB_ABSENT_REMOVED:
		return "the device was unplugged: plug it in again";
	}
	return "for a reason that this program is too old to know";
}

ptelab_backing backing_of(std::string_view wanted)
{
	return number<ptelab_backing>(kBackings, wanted);
}

ptelab_cache cache_of(std::string_view wanted)
{
	return number<ptelab_cache>(kCaches, wanted);
}

std::span<const Feature> features()
{
	return kFeatures;
}

std::size_t page_size()
{
	static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
	return size;
}

} // namespace ptelab
