// SPDX-License-Identifier: GPL-2.0-or-later
// The counters: each counts exactly what its name says.
#include <ptelab/child.hpp>

#include "lab.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

RULE_PER_NODE("one_fault_for_each_page", kAllNodes, .says = "A page of a fault node costs one call of ->fault, or a sixteenth where that fills as many; a page mapped at mmap none",
	      .source = "mm/memory.c:do_fault")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	rule.expect("faults at mmap", device.stats().faults, 0U);
	touch_all(map);
	rule.expect("faults after reading", device.stats().faults, rule.node().faults ? faults_to_fill(rule.node(), kPages) : 0U);
	for (std::size_t index = 4; index < kPages; ++index)
		map.put(pages(index), std::uint8_t{0});
	rule.expect("faults after writing too", device.stats().faults, rule.node().faults ? faults_to_fill(rule.node(), kPages) : 0U);
	rule.expect("errors", device.stats().fault_errors, 0U);
}

RULE_PER_NODE("maps_and_closes", kFirstNodes | kPrepareNodes, .says = "Each mmap that succeeds and each that is refused is counted, and each end of a mapping",
	      .source = "mm/mmap.c:remove_vma")
{
	const Device device = own_region(rule.node());
	Mapping one(device, pages(1));
	Mapping other(device, pages(2));

	(void)errno_of([&] { Mapping(device, device.size() + pages(1)); });
	rule.expect("maps", device.stats().maps, 2U);
	rule.expect("map_errors", device.stats().map_errors, 1U);
	rule.expect("closes before", device.stats().closes, 0U);
	one.unmap();
	other.unmap();
	rule.expect("closes after", device.stats().closes, 2U);
	rule.expect("opens", device.stats().opens, 0U);
}

RULE_PER_NODE("fork_opens_and_exit_closes", kFirstNodes | kPrepareNodes, .says = "fork copies the mapping (->open), and the child's end takes it away (->close)",
	      .source = "kernel/fork.c:dup_mmap")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	Child child([&](Channel &channel) {
		channel.send(touch_all(map));
		channel.receive<int>();
	});
	rule.expect("pages the child reads", child.channel().receive<std::size_t>(), kPages);
	rule.expect("opens while it runs", device.stats().opens, 1U);
	rule.expect("closes while it runs", device.stats().closes, 0U);
	child.channel().send(0);
	child.wait();
	rule.expect("closes after its end", device.stats().closes, 1U);
}

RULE_PER_NODE("parent_sees_child_writes", kFirstNodes, .says = "After fork a shared mapping is the same memory in parent and child",
	      .source = "mm/memory.c:copy_page_range")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	in_child([&] {
		map.put(pages(4), std::uint8_t{0x5a});
		return true;
	});
	rule.expect("the byte", map.get<std::uint8_t>(pages(4)), 0x5a);
	map.put(pages(4), std::uint8_t{0});
}

RULE_PER_NODE("files_and_regions", kFirstNodes, .says = "The module's count of files and regions follows open, REGION_SETUP and close",
	      .source = "fs/file_table.c:__fput")
{
	const Device watcher(rule.node(), O_RDONLY); // the node has its own region from here on
	const ptelab_stats before = watcher.stats(PTELAB_SCOPE_MODULE);
	const bool own = rule.node().method != PTELAB_IOMAP;
	{
		const Device device = own_region(rule.node());
		const ptelab_stats during = watcher.stats(PTELAB_SCOPE_MODULE);
		rule.expect("files while open", during.files - before.files, 1U);
		rule.expect("regions while open", during.regions - before.regions, own ? 1U : 0U);
		rule.expect("this file", device.stats().files, 1U);
		rule.expect("this file's regions", device.stats().regions, own ? 1U : 0U);
	}
	const ptelab_stats after = watcher.stats(PTELAB_SCOPE_MODULE);
	rule.expect("files left after close", after.files - before.files, 0U);
	rule.expect("regions left after close", after.regions - before.regions, 0U);
}

RULE_PER_NODE("a_mapping_keeps_its_file", kRamNodes & kFirstNodes, .says = "A mapping keeps the file and its region alive after the descriptor is closed",
	      .source = "mm/mmap.c:remove_vma")
{
	const Device watcher(rule.node(), O_RDONLY);
	const std::int64_t before = pages_in_use(watcher);
	Device device = own_region(rule.node());
	Mapping map(device, pages(kPages));

	device.close();
	map.put(0, std::uint8_t{0x61});
	rule.expect("the byte", map.get<std::uint8_t>(0), 0x61);
	rule.expect("pages while mapped", pages_in_use(watcher) - before, static_cast<std::int64_t>(kPages));
	map.unmap();
	rule.expect("pages after munmap", pages_in_use(watcher) - before, 0);
}

} // namespace
} // namespace ptelab
