// SPDX-License-Identifier: GPL-2.0-or-later
// ZAP and UNMAP: page table entries go, in this process or in all.
#include <ptelab/child.hpp>

#include "lab.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

RULE_PER_NODE("zap_special", kAllNodes, .contract = "ZP-01",
	      .says = "The zap for driver mappings acts on a PFN mapping; on VM_MIXEDMAP it did nothing, and nobody was told, before it was renamed",
	      .source = "mm/memory.c:zap_vma_ptes", .needs = {feature(PTELAB_HAS_ZAP_SPECIAL)})
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const Node &node = rule.node();
	const bool mixed = is_one_of(node, kMixedNodes);

	touch_all(map);
	const ptelab_zap zap = device.zap(map.bytes(0, pages(4)), PTELAB_ZAP_SPECIAL);
	rule.expect("present before", zap.present_before, 4U);
	if (mixed)
		rule.expect("present after", zap.present_after,
			    by_feature(PTELAB_HAS_ZAP_SPECIAL_MIXED, 0U, 4U,
				       "zap_vma_ptes tests for VM_PFNMAP, zap_special_vma_range for VM_PFNMAP or VM_MIXEDMAP"));
	else
		rule.expect("present after", zap.present_after, node.pfn ? 0U : 4U);
	rule.expect("the rest", present(device, map), kPages - (zap.present_after == 0 ? 4 : 0));
}

RULE_PER_NODE("zap_vma", kAllNodes, .says = "The zap of one mapping acts on a mapping of any kind, and only on the range asked for",
	      .source = "mm/memory.c:zap_page_range_single")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const bool has_call = kernel_features() & (PTELAB_HAS_ZAP_VMA | PTELAB_HAS_ZAP_MANY);
	if (!has_call) {
		rule.expect("errno", errno_of([&] { device.zap(map.bytes(0, pages(4)), PTELAB_ZAP_VMA); }), EOPNOTSUPP);
		return;
	}
	const ptelab_zap zap = device.zap(map.bytes(pages(2), pages(4)), PTELAB_ZAP_VMA);
	rule.expect("present before", zap.present_before, 4U);
	rule.expect("present after", zap.present_after, 0U);
	rule.expect("the rest", present(device, map), kPages - 4);
	rule.expect("page before the range", (state_of(device, map, 1) & PTELAB_PTE_PRESENT) != 0, true);
	rule.expect("page after the range", (state_of(device, map, 6) & PTELAB_PTE_PRESENT) != 0, true);
}

RULE_PER_NODE("zap_stays_in_its_vma", kSplitNodes,
	      .says = "A zap of one mapping leaves the mapping that follows it alone", .source = "mm/memory.c:zap_page_range")
{
	Device device = own_region(rule.node());
	Mapping map(device, pages(kPages));
	const Mapping next = map.split(pages(8));
	// Another protection keeps the kernel from merging the two.
	map.protect(PROT_READ);

	touch_all(map);
	touch_all(next);
	device.zap(map.bytes(), effective_zap(rule.node()));
	rule.expect("zapped", present(device, map), 0U);
	rule.expect("its neighbour", present(device, next), kPages - 8);
}

RULE_PER_NODE("access_after_zap", kFaultNodes, .says = "After a zap the next access calls the fault handler again and finds the same bytes",
	      .source = "mm/memory.c:do_fault")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.put(0, std::uint8_t{0x33});
	device.zap(map.page(0), effective_zap(rule.node()));
	const __u64 before = device.stats().faults;
	rule.expect("the byte", map.get<std::uint8_t>(0), 0x33);
	rule.expect("faults", device.stats().faults - before, 1U);
}

RULE_PER_NODE("access_after_zap", kEagerNodes, .says = "Pages mapped at mmap are not mapped again after a zap: the next access gets SIGBUS",
	      .source = "mm/memory.c:do_fault")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	device.zap(map.bytes(0, pages(4)), effective_zap(rule.node()));
	rule.expect("a zapped page", map.touch(0).outcome(), kSigbus);
	rule.expect("another page", map.touch(4).outcome(), kOk);
}

RULE_PER_NODE("zap_counts_what_is_there", kOneByOneNodes, .says = "The counts of a zap are of the pages that were present, not of the range",
	      .source = "mm/memory.c:zap_pte_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.touch(1);
	map.touch(3);
	const ptelab_zap zap = device.zap(map.bytes(), effective_zap(rule.node()));
	rule.expect("present before", zap.present_before, 2U);
	rule.expect("present after", zap.present_after, 0U);
	rule.expect("zaps counted", device.stats().zaps, 1U);
}

RULE_PER_NODE("zap_refuses", kFirstNodes, .says = "ZAP takes page-aligned ranges inside one mapping of this file, and nothing else",
	      .source = "mm/mmap.c:find_vma")
{
	Device device = own_region(rule.node());
	Device stranger = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const Mapping anonymous(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	Mapping gone(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	const std::span<std::byte> hole = gone.bytes();
	gone.unmap();
	const auto refusal = [&](Device &file, std::span<const std::byte> range) {
		return errno_of([&] { file.zap(range, effective_zap(rule.node())); });
	};

	rule.expect("another file's mapping", refusal(stranger, map.page(0)), EINVAL);
	rule.expect("anonymous memory", refusal(device, anonymous.bytes()), EINVAL);
	rule.expect("nothing mapped", refusal(device, hole), EFAULT);
	rule.expect("no bytes", refusal(device, map.bytes(0, 0)), EINVAL);
	rule.expect("an address between two pages", refusal(device, map.bytes(1, pages(1))), EINVAL);
	rule.expect("half a page", refusal(device, map.bytes(0, pages(1) / 2)), EINVAL);
	rule.expect("beyond the mapping", refusal(device, {map.data(), map.size() + pages(1)}), ERANGE);
	rule.expect("a size that wraps", refusal(device, {map.data(), ~std::size_t{0} - pages(1) + 1}), EINVAL);
	rule.expect("nothing was zapped", touch_all(map), kPages);
}

RULE_PER_NODE("unmap_in_every_process", kFirstNodes, .contract = "ZP-11", .says = "unmap_mapping_range takes the pages away in every process that maps them",
	      .source = "mm/memory.c:unmap_mapping_pages")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	Child child([&](Channel &channel) {
		touch_all(map);
		channel.send(present(device, map));
		channel.receive<int>();
		channel.send(present(device, map));
	});
	rule.expect("the child's pages before", child.channel().receive<std::size_t>(), kPages);
	device.unmap(pages(4), pages(8), PTELAB_UNMAP_EVEN_COWS);
	rule.expect("our pages after", present(device, map), kPages - 8);
	child.channel().send(0);
	rule.expect("the child's pages after", child.channel().receive<std::size_t>(), kPages - 8);
	child.wait();
	rule.expect("unmaps counted", device.stats().unmaps, 1U);
}

RULE_PER_NODE("unmap_to_the_end", kFirstNodes, .contract = "ZP-09", .says = "unmap_mapping_range with a length of 0 goes to the end of the file",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	device.unmap(pages(5), 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("present", present(device, map), 5U);
}

RULE_PER_NODE("unmap_and_private_copies", bit_of(PTELAB_INSERT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PAGE) | bit_of(PTELAB_FAULT_PAGE),
	      .contract = "ZP-08", .says = "unmap_mapping_range spares private copies unless even_cows is set", .source = "mm/memory.c:zap_pte_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});

	map.put(0, std::uint8_t{0x99});
	device.unmap(0, pages(1));
	rule.expect("the copy without even_cows", map.get<std::uint8_t>(0), 0x99);
	device.unmap(0, pages(1), PTELAB_UNMAP_EVEN_COWS);
	rule.expect("present with even_cows", (state_of(device, map, 0) & PTELAB_PTE_PRESENT) != 0, false);
	const Touch touch = map.touch(0);
	rule.expect("the next access", touch.outcome(), rule.node().faults ? kOk : kSigbus);
	rule.expect("the driver's byte", touch.value, 0);
}

RULE_PER_NODE("unmap_refuses", kFirstNodes, .says = "UNMAP of a range that overflows is EINVAL and unmaps nothing", .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	rule.expect("an end that wraps", errno_of([&] { device.unmap(pages(1), ~0ULL - pages(1) + 2); }), EINVAL);
	rule.expect("an unknown flag", errno_of([&] { device.unmap(0, 0, 2); }), EINVAL);
	rule.expect("present", present(device, map), kPages);
}

} // namespace
} // namespace ptelab
