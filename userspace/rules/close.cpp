// SPDX-License-Identifier: GPL-2.0-or-later
// ->close: under which lock it is called, by which way a mapping ends.
#include <ptelab/child.hpp>

#include "lab.hpp"
#include "release.hpp"
#include "room.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

// The lock of the last ->close.
std::string lock_at_close(const Events &events)
{
	return lock_name(event_of(events, PTELAB_HOOK_CLOSE, count_of(events, PTELAB_HOOK_CLOSE) - 1));
}

RULE_PER_NODE("close_lock", kFirstNodes, .contract = "MM-04",
	      .says = "->close runs with mmap_lock held for reading at munmap and at a shrink, for writing at a replacement, a move and at exit",
	      .source = "mm/mmap.c:do_mas_align_munmap")
{
	const Device device = traced_region(rule.node(), kPages);
	EventLog log(device);

	Mapping map(device, pages(kPages));
	map.unmap();
	rule.expect("munmap", lock_at_close(log.take()), "read");

	map = Mapping(device, pages(kPages));
	map.remap(pages(4), 0);
	rule.expect("mremap to less", lock_at_close(log.take()), "read");

	rule.expect("mremap to elsewhere", move_into(map, reserve(4)), 0);
	rule.expect("mremap to elsewhere: lock", lock_at_close(log.take()), "write");

	const Mapping over(-1, map.size(), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, .at = map.data()});
	map.release();
	rule.expect("a replacement with MAP_FIXED", lock_at_close(log.take()), "write");

	const Mapping inherited(device, pages(kPages));
	log.take();
	Child child([](Channel &) {});
	const auto pid = static_cast<__u32>(child.pid());
	child.wait();
	const Events events = log.take();
	rule.expect("exit", lock_at_close(events),
		    choose(older_than(5, 18), std::string("none"), std::string("write"), "exit_mmap takes mmap_lock since 5.18, which nothing but ->close can see"));
	rule.expect("exit: called by the one that exits", event_of(events, PTELAB_HOOK_CLOSE).pid == pid, true);
}

} // namespace
} // namespace ptelab
