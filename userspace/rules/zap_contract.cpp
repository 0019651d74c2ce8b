// SPDX-License-Identifier: GPL-2.0-or-later
// What zap and unmap_mapping_range promise a driver: which range they take, what they spare, whom they reach.
#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>

#include "lab.hpp"
#include "node_folder.hpp"
#include "release.hpp"
#include "room.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

constexpr __u32 kRamEagerNodes = kEagerNodes & kRamNodes;

ptelab_call zap_call(const Device &device, ptelab_call_id id, std::span<const std::byte> from, std::size_t page_count)
{
	ptelab_call argument{};
	argument.call = id;
	argument.address = address_of(from);
	argument.bytes = pages(page_count);
	return call(device, argument);
}

// Without ->fault nothing can come back.
Device without_fault_handler(const Node &node, std::size_t page_count = kPages)
{
	Device device = own_region(node, page_count);
	vma_setup(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE)});
	return device;
}

// A region of its own whose mappings hang on the inode that was opened.
Device on_own_inode(const std::string &path)
{
	Device device(path);
	device.setup({.pages = 4});
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_OWN_INODE});
	return device;
}

RULE_PER_NODE("zap_special_never_clips", kPfnNodes, .contract = "ZP-02",
	      .says = "The zap for driver mappings does nothing at all if its range leaves the VMA: it does not clip it",
	      .source = "mm/memory.c:zap_vma_ptes", .needs = {feature(PTELAB_HAS_ZAP_SPECIAL)})
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(4));

	touch_all(map);
	zap_call(device, PTELAB_CALL_ZAP_SPECIAL, map.page(3), 2);
	rule.expect("present after a range one page too long", present(device, map), 4U);
	zap_call(device, PTELAB_CALL_ZAP_SPECIAL, map.page(3), 1);
	rule.expect("present after the last page alone", present(device, map), 3U);
}

RULE("zap.many_runs_past_its_vma", .contract = "ZP-03",
     .says = "zap_page_range runs on into the mappings that follow and takes the user's anonymous memory with it",
     .source = "mm/memory.c:zap_page_range", .needs = {feature(PTELAB_HAS_ZAP_MANY)})
{
	const Device device = own_region(node_of(PTELAB_INSERT_PAGE));
	Mapping room = reserve(8);
	Mapping anonymous = room.split(pages(4));
	const Mapping map = map_into(std::move(room), device);

	anonymous.protect(PROT_READ | PROT_WRITE);
	anonymous.put(0, std::uint8_t{0x77});
	anonymous.put(pages(3), std::uint8_t{0x78});
	zap_call(device, PTELAB_CALL_ZAP_MANY, map.page(0), 7);
	rule.expect("the device's pages", present(device, map), 0U);
	rule.expect("anonymous memory in the range", anonymous.get<std::uint8_t>(0), 0);
	rule.expect("anonymous memory behind it", anonymous.get<std::uint8_t>(pages(3)), 0x78);
}

RULE_PER_NODE("zapped_without_fault_handler", kEagerNodes, .contract = "ZP-04",
	      .says = "After a zap of a mapping without ->fault an access gets SIGBUS BUS_ADRERR, not SIGSEGV",
	      .source = "mm/memory.c:do_fault")
{
	Device device = without_fault_handler(rule.node());
	const Mapping map(device, pages(kPages));

	device.zap(map.bytes(0, pages(4)), effective_zap(rule.node()));
	rule.expect("a read", map.touch(0).outcome(), kSigbus);
	rule.expect("a write", map.write(pages(1), 1).outcome(), kSigbus);
	rule.expect("a page that was not zapped", map.touch(4).outcome(), kOk);
	rule.expect("calls of ->fault", device.stats().faults, 0U);
}

RULE_PER_NODE("zapped_pages_fault_once_each", kOneByOneNodes, .contract = "ZP-05",
	      .says = "After a zap ->fault is called again, once for each page that is touched and for no other",
	      .source = "mm/memory.c:do_fault")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	device.unmap(0, pages(8), PTELAB_UNMAP_EVEN_COWS);
	const __u64 before = device.stats().faults;
	for (const std::size_t index : {1U, 3U, 3U, 6U, 9U})
		map.touch(index);
	rule.expect("calls of ->fault", device.stats().faults - before, 3U);
	rule.expect("present", present(device, map), kPages - 8 + 3);
}

RULE_PER_NODE("unmap_of_shared_pages", kPageNodes, .contract = "ZP-06",
	      .says = "unmap_mapping_range without even_cows takes a driver's shared pages, which old kernels spared",
	      .source = "mm/memory.c:should_zap_page")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const std::string reason = "until 5.18 zap_pte_range skipped pages whose page->mapping was not the file's, and a driver's has none; no other file maps such pages, so none tells first";

	touch_all(map);
	device.unmap(0, 0);
	rule.expect("present without even_cows", present(device, map), choose(older_than(5, 18), kPages, std::size_t{0}, reason));
	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("present with even_cows", present(device, map), 0U);
}

RULE_PER_NODE("unmap_of_pfns", kUncountedNodes, .contract = "ZP-07",
	      .says = "unmap_mapping_range removes entries without a struct page whatever even_cows says", .source = "mm/memory.c:zap_pte_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const __u64 before = device.stats().faults;
	device.unmap(0, pages(2));
	rule.expect("present without even_cows", present(device, map), kPages - 2);
	rule.expect("the next access", map.touch(0).outcome(), rule.node().faults ? kOk : kSigbus);
	rule.expect("calls of ->fault", device.stats().faults - before, 1U);
	device.unmap(pages(2), pages(2), PTELAB_UNMAP_EVEN_COWS);
	rule.expect("present with even_cows", present(device, map), kPages - 4 + (rule.node().faults ? 1 : 0));
}

RULE_PER_NODE("unmap_of_one_byte", kAllNodes, .contract = "ZP-09",
	      .says = "unmap_mapping_range of one byte takes the whole page around it; of 0 bytes, all up to the end of the file",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(4));

	touch_all(map);
	device.unmap(pages(1) + 100, 1, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("present after one byte", present(device, map), 3U);
	rule.expect("the page around it", (state_of(device, map, 1) & PTELAB_PTE_PRESENT) != 0, false);
	device.unmap(pages(2), 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("present after 0 bytes", present(device, map), 1U);
}

RULE_PER_NODE("unmap_is_by_inode", kRamEagerNodes & kFirstNodes, .contract = "ZP-10",
	      .says = "unmap_mapping_range reaches the mappings of one inode: a second node of the same device is another",
	      .source = "fs/char_dev.c:chrdev_open", .needs = {root()})
{
	const NodeFolder folder(false);
	const std::string second = folder.add(rule.node());
	Device device = on_own_inode(rule.node().path());
	const Device same_node = on_own_inode(rule.node().path());
	const Device other_node = on_own_inode(second);
	const Mapping map(device, pages(4));
	const Mapping same(same_node, pages(4));
	const Mapping other(other_node, pages(4));

	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("its own mapping", present(device, map), 0U);
	rule.expect("another file of the same node", present(same_node, same), 0U);
	rule.expect("a file of the second node", present(other_node, other), 4U);

	// The nodes' shared region, to whose address_space ->open redirects f_mapping.
	Device redirected(rule.node());
	const Device too(second);
	const Mapping first_map(redirected, pages(4));
	const Mapping second_map(too, pages(4));
	redirected.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("redirected: its own mapping", present(redirected, first_map), 0U);
	rule.expect("redirected: the second node's", present(too, second_map), 0U);
}

RULE_PER_NODE("unmap_reaches_who_mapped_for_himself", kFaultNodes, .contract = "ZP-11",
	      .says = "unmap_mapping_range reaches the mappings that other processes have made: all of them fault again",
	      .source = "mm/memory.c:unmap_mapping_range_tree")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	Child child([&](Channel &channel) {
		const Mapping theirs(device, pages(kPages));
		touch_all(theirs);
		channel.send(present(device, theirs));
		channel.receive<int>();
		channel.send(present(device, theirs));
		channel.receive<int>();
		channel.send(touch_all(theirs));
	});
	rule.expect("theirs before", child.channel().receive<std::size_t>(), kPages);
	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	const __u64 before = device.stats().faults;
	rule.expect("ours after", present(device, map), 0U);
	child.channel().send(0);
	rule.expect("theirs after", child.channel().receive<std::size_t>(), 0U);
	touch_all(map);
	child.channel().send(0);
	rule.expect("their accesses", child.channel().receive<std::size_t>(), kPages);
	rule.expect("calls of ->fault", device.stats().faults - before, 2 * faults_to_fill(rule.node(), kPages));
	child.wait();
}

RULE_PER_NODE("unmap_inside_mmap", kRamEagerNodes & kFirstNodes, .contract = "ZP-12",
	      .says = "unmap_mapping_range from within ->mmap misses the mapping that is being made: it is not in the rmap yet",
	      .source = "mm/mmap.c:mmap_region")
{
	Device device = own_region(rule.node());
	const Mapping earlier(device, pages(kPages));

	inject(device, {.hook = PTELAB_HOOK_MMAP, .answer = PTELAB_ANSWER_ZAP});
	const Mapping map(device, pages(kPages));
	rule.expect("the earlier mapping", present(device, earlier), 0U);
	rule.expect("the new mapping", present(device, map), kPages);
	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("the new mapping, unmapped later", present(device, map), 0U);
}

RULE_PER_NODE("dontneed_without_fault_handler", kEagerNodes, .contract = "ZP-13",
	      .says = "MADV_DONTNEED empties a mapping of pages, which is dead then without ->fault; a PFN mapping refuses it",
	      .source = "mm/madvise.c:can_madv_lru_vma")
{
	const Device device = without_fault_handler(rule.node());
	const Mapping map(device, pages(kPages));

	rule.expect("madvise", advise(map.bytes(0, pages(4)), MADV_DONTNEED), rule.node().pfn ? EINVAL : 0);
	rule.expect("present", present(device, map), kPages - (rule.node().pfn ? 0 : 4));
	rule.expect("an access", map.touch(0).outcome(), rule.node().pfn ? kOk : kSigbus);
	rule.expect("another page", map.touch(4).outcome(), kOk);
}

RULE_PER_NODE("dontneed_with_fault_handler", kFaultNodes, .contract = "ZP-13",
	      .says = "MADV_DONTNEED empties a mapping that is not VM_PFNMAP, and ->fault fills it again",
	      .source = "mm/madvise.c:can_madv_lru_vma")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const bool refuses = rule.node().pfn;

	map.put(0, std::uint8_t{0x5A});
	touch_all(map);
	const __u64 before = device.stats().faults;
	rule.expect("madvise", advise(map.bytes(), MADV_DONTNEED), refuses ? EINVAL : 0);
	rule.expect("present", present(device, map), refuses ? kPages : 0);
	rule.expect("accesses", touch_all(map), kPages);
	rule.expect("calls of ->fault", device.stats().faults - before, refuses ? 0 : faults_to_fill(rule.node(), kPages));
	rule.expect("the byte", map.get<std::uint8_t>(0), 0x5A);
}

} // namespace
} // namespace ptelab
