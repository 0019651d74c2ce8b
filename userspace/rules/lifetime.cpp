// SPDX-License-Identifier: GPL-2.0-or-later
// How long a mapping keeps its file and its module, and when ->close and ->release are called.
#include <algorithm>
#include <csignal>
#include <iterator>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr __u32 kAnyMapNodes = bit_of(PTELAB_INSERT_PAGE) | bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PFN) | bit_of(PTELAB_REMAP_PFN);

Device watched_region(const Node &node, Setup setup = {})
{
	Device device = own_region(node, kPages, setup);
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS});
	return device;
}

std::size_t count(const std::vector<ptelab_event> &events, ptelab_hook hook)
{
	return static_cast<std::size_t>(std::ranges::count(events, static_cast<__u32>(hook), &ptelab_event::hook));
}

// The present entries that ->close saw, over all its calls.
std::size_t present_at_close(const std::vector<ptelab_event> &events)
{
	std::size_t sum = 0;
	for (const ptelab_event &event : events)
		sum += event.hook == PTELAB_HOOK_CLOSE ? event.present : 0;
	return sum;
}

RULE_PER_NODE("a_mapping_pins_the_module", kAnyMapNodes, .contract = "LT-01",
	      .says = "After close(fd) a mapping still keeps the module from being unloaded", .source = "kernel/module/main.c:delete_module",
	      .needs = {root()})
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	device.close();
	const Errno refusal = ::syscall(SYS_delete_module, "ptelab", O_NONBLOCK) < 0 ? errno : 0;
	rule.expect("delete_module", refusal, EWOULDBLOCK);
	rule.expect("the mapping", map.touch(0).outcome(), kOk);
}

RULE_PER_NODE("close_comes_before_release", kAnyMapNodes, .contract = "LT-03",
	      .says = "close(fd) alone does not release a mapped file; at the last unmap ->close comes first, then ->release",
	      .source = "mm/mmap.c:remove_vma")
{
	const Device through(rule.node());
	Device device = watched_region(rule.node());
	Mapping map(device, pages(kPages));
	EventLog log(device);

	touch_all(map);
	device.close();
	std::vector<ptelab_event> events = log.take(through);
	rule.expect("releases after close(fd)", count(events, PTELAB_HOOK_RELEASE), 0U);
	map.unmap();
	events.clear();
	// The last reference of a file is dropped on the way back to user space, by this thread: but not before munmap returns.
	while (count(events, PTELAB_HOOK_RELEASE) == 0)
		std::ranges::copy(log.take(through), std::back_inserter(events));
	std::vector<std::uint64_t> order;
	for (const ptelab_event &event : events)
		order.push_back(event.hook);
	rule.expect("hooks at the last unmap", order, std::vector<std::uint64_t>{PTELAB_HOOK_CLOSE, PTELAB_HOOK_RELEASE});
}

RULE_PER_NODE("close_is_after_the_unmap", kAnyMapNodes, .contract = "LT-04",
	      .says = "->close finds the range unmapped already, and is not called for what merely takes pages away", .source = "mm/mmap.c:unmap_region")
{
	Device device = watched_region(rule.node());
	EventLog log(device);
	const auto expect_close = [&](const std::string &how, std::size_t closes) {
		const std::vector<ptelab_event> events = log.take();
		rule.expect(fmt::format("->close, {}", how), count(events, PTELAB_HOOK_CLOSE), closes);
		rule.expect(fmt::format("present at ->close, {}", how), present_at_close(events), 0U);
	};

	Mapping map(device, pages(kPages));
	touch_all(map);
	expect_close("mapped and touched", 0);
	device.zap(map.bytes(), effective_zap(rule.node()));
	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	expect_close("zapped and unmapped by the driver", 0);
	map.unmap();
	expect_close("munmap", 1);

	Mapping covered(device, pages(kPages));
	touch_all(covered);
	{
		const Mapping over(-1, covered.size(), {.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, .at = covered.data()});
		covered.release();
	}
	expect_close("MAP_FIXED over it", 1);

	Child child([&](Channel &) {
		const Mapping of_child(device, pages(kPages));
		touch_all(of_child);
		::_exit(0); // no munmap: the end of the process does it
	});
	child.wait();
	expect_close("exit", 1);
}

// Every VMA of the file that ever was is gone.
void expect_balance(Rule &rule, const Device &device, std::string_view when)
{
	const ptelab_stats stats = device.stats();
	rule.expect(fmt::format("alive, {}", when), stats.maps + stats.opens - stats.closes, 0U);
}

RULE_PER_NODE("exec_closes_each_vma_once", kAnyMapNodes, .contract = "LT-05", .says = "exec calls ->close exactly once for each VMA, split ones too",
	      .source = "mm/mmap.c:exit_mmap")
{
	const Device device = watched_region(rule.node());
	EventLog log(device);

	Child child([&](Channel &) {
		Mapping map(device, pages(kPages));
		touch_all(map);
		Mapping rest = map.split(pages(4));
		rest.protect(PROT_READ); // splits the VMA
		const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
		::dup2(null, STDOUT_FILENO);
		::dup2(null, STDERR_FILENO);
		::execl("/proc/self/exe", "ptelab-tests", "--version", nullptr);
		throw_errno("exec");
	});
	child.wait();
	const std::vector<ptelab_event> events = log.take();
	rule.expect("maps", device.stats().maps, 1U);
	rule.expect("->open", count(events, PTELAB_HOOK_OPEN), 1U);
	rule.expect("->close", count(events, PTELAB_HOOK_CLOSE), 2U);
	rule.expect("present at ->close", present_at_close(events), 0U);
	expect_balance(rule, device, "after the exec");
}

RULE_PER_NODE("killed_inside_fault", kFaultNodes & kFirstNodes, .contract = "LT-05",
	      .says = "A process that is killed inside ->fault has ->close called once for its VMA", .source = "mm/mmap.c:exit_mmap")
{
	const Device device = watched_region(rule.node(), {.fault_action = PTELAB_FAULT_DELAY, .fault_delay_ms = 10'000});
	EventLog log(device);

	Child child([&](Channel &) {
		const Mapping map(device, pages(kPages));
		map.touch(0);
	});
	while (count(log.take(), PTELAB_HOOK_FAULT) == 0)
		::sched_yield();
	child.kill(SIGKILL);
	rule.expect("signal", child.wait(), SIGKILL);
	rule.expect("faults", device.stats().faults, 1U);
	rule.expect("->close", count(log.take(), PTELAB_HOOK_CLOSE), 1U);
	expect_balance(rule, device, "after the kill");
}

} // namespace
} // namespace ptelab
