// SPDX-License-Identifier: GPL-2.0-or-later
// LOOKUP: what the page table holds, and what LOOKUP itself must not do.
#include <algorithm>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "capability.hpp"
#include "lab.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

RULE_PER_NODE("lookup_tells_the_state", kAllNodes, .says = "A page table entry is present after an access, dirty after a write, and special where no page is counted",
	      .source = "mm/memory.c:insert_pfn")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const Node &node = rule.node();
	const auto has = [&](std::size_t page, __u32 bit) { return (state_of(device, map, page) & bit) != 0; };

	rule.expect("present before an access", has(4, PTELAB_PTE_PRESENT), !node.faults);
	rule.expect("read", map.touch(4).outcome(), kOk);
	rule.expect("present", has(4, PTELAB_PTE_PRESENT), true);
	rule.expect("ours", has(4, PTELAB_PTE_OURS), true);
	rule.expect("special", has(4, PTELAB_PTE_SPECIAL), is_one_of(node, kUncountedNodes));
	rule.expect("writable", has(4, PTELAB_PTE_WRITE), true);
	rule.expect("huge", has(4, PTELAB_PTE_HUGE), false);
	rule.expect("revoked", has(4, PTELAB_PTE_REVOKED), false);
	rule.observe("dirty before a write", has(4, PTELAB_PTE_DIRTY));
	rule.expect("write", map.write(pages(4), 1).outcome(), kOk);
	rule.expect("dirty", has(4, PTELAB_PTE_DIRTY), true);
	rule.expect("young", has(4, PTELAB_PTE_YOUNG), true);
	map.put(pages(4), std::uint8_t{0});
}

RULE_PER_NODE("lookup_faults_nothing_in", kFirstNodes, .says = "LOOKUP of pages that nobody touched brings none of them in",
	      .source = "mm/memory.c:handle_mm_fault")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const std::size_t expected = rule.node().faults ? 0 : kPages;

	rule.expect("first look", present(device, map), expected);
	rule.expect("second look", present(device, map), expected);
	rule.expect("faults", device.stats().faults, 0U);
}

RULE_PER_NODE("lookup_tells_the_region_page", kOffsetNodes, .says = "LOOKUP tells which page of the region an entry maps, also with an offset",
	      .source = "mm/memory.c:vm_iomap_memory")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(4), {.offset = pages(7)});

	touch_all(map);
	const std::vector<ptelab_pte> entries = device.lookup(map.bytes());
	for (std::size_t index = 0; index < entries.size(); ++index)
		rule.expect("page " + std::to_string(index), entries[index].page, 1 + 7 + index);
}

RULE_PER_NODE("pfn_only_with_cap_sys_admin", kFirstNodes, .says = "Page frame numbers are shown to who opened the file with CAP_SYS_ADMIN, as by pagemap",
	      .source = "fs/proc/task_mmu.c:pagemap_open", .needs = {root()})
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(1));
	map.touch(0);

	const std::uint64_t ours = device.lookup(map.bytes()).front().pfn;
	const std::uint64_t lent = in_child([&] {
		become_nobody();
		map.touch(0); // fork() copies no entry that a fault brings back
		return device.lookup(map.bytes()).front().pfn;
	});
	const std::uint64_t theirs = in_child([&] {
		give_up(kCapSysAdmin);
		const Device opened = own_region(rule.node());
		const Mapping mapped(opened, pages(1));
		mapped.touch(0);
		return opened.lookup(mapped.bytes()).front().pfn;
	});
	rule.expect("with it", ours != 0, true);
	rule.expect("opened with it, used without", lent != 0, true);
	rule.expect("opened without it", theirs, 0U);
	// The kernel's own word on it: the walk behind pagemap skips a VM_PFNMAP mapping (mm/pagewalk.c:walk_page_test).
	rule.varies("by pagemap");
	rule.expect("by pagemap", pagemap_entry(map.data()) & ((1ULL << 55) - 1), rule.node().pfn ? 0 : ours);
}

RULE_PER_NODE("read_only_entries", kFirstNodes, .says = "The entries of a read-only mapping are not writable", .source = "mm/mmap.c:vm_get_page_prot")
{
	const Device device(rule.node(), O_RDONLY);
	const Mapping map(device, pages(4), {.prot = PROT_READ});

	touch_all(map);
	const std::vector<ptelab_pte> entries = device.lookup(map.bytes());
	rule.expect("writable entries",
		    std::ranges::count_if(entries, [](const ptelab_pte &entry) { return (entry.state & PTELAB_PTE_WRITE) != 0; }), 0);
}

RULE_PER_NODE("lookup_refuses", kFirstNodes, .says = "LOOKUP takes page-aligned ranges inside one mapping of this file, and nothing else",
	      .source = "mm/mmap.c:find_vma")
{
	const Device device = own_region(rule.node());
	const Device stranger = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	Mapping gone(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	const std::span<std::byte> hole = gone.bytes();
	gone.unmap();
	std::vector<ptelab_pte> entries(kPages + 1);
	const auto refusal = [&](const Device &file, const void *address, std::size_t bytes) {
		ptelab_lookup lookup{};
		lookup.address = reinterpret_cast<__u64>(address);
		lookup.bytes = bytes;
		lookup.buffer = reinterpret_cast<__u64>(entries.data());
		return file.call(PTELAB_IOC_LOOKUP, &lookup);
	};

	rule.expect("another file's mapping", refusal(stranger, map.data(), pages(1)), EINVAL);
	rule.expect("nothing mapped", refusal(device, hole.data(), pages(1)), EFAULT);
	rule.expect("no bytes", refusal(device, map.data(), 0), EINVAL);
	rule.expect("an address between two pages", refusal(device, map.data() + 1, pages(1)), EINVAL);
	rule.expect("half a page", refusal(device, map.data(), pages(1) / 2), EINVAL);
	rule.expect("beyond the mapping", refusal(device, map.data(), pages(kPages + 1)), ERANGE);
	rule.expect("too many pages", refusal(device, map.data(), pages(PTELAB_LOOKUP_MAX + 1)), EINVAL);
	rule.expect("what is right", refusal(device, map.data(), pages(kPages)), 0);
}

} // namespace
} // namespace ptelab
