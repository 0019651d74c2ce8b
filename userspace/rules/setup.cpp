// SPDX-License-Identifier: GPL-2.0-or-later
// REGION_SETUP: what a region may be made of, how large it may be, and what a fault may do instead of serving.
#include <chrono>
#include <csignal>

#include <sched.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

constexpr ptelab_backing kAllBackings[] = {PTELAB_BACKING_SINGLE, PTELAB_BACKING_COMPOUND, PTELAB_BACKING_SPLIT, PTELAB_BACKING_VMALLOC,
					   PTELAB_BACKING_DEVICE};

// Spins until the child has taken that many faults: a rule that waits for ever would tell nobody why.
bool wait_for_faults(const Device &device, __u64 count)
{
	const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
	while (device.stats().faults < count)
		if (::sched_yield(); std::chrono::steady_clock::now() > deadline)
			return false;
	return true;
}

bool takes(const Node &node, ptelab_backing backing)
{
	if (node.method == PTELAB_IOMAP || backing == PTELAB_BACKING_DEVICE)
		return node.method == PTELAB_IOMAP && backing == PTELAB_BACKING_DEVICE;
	if (node.method == PTELAB_REMAP_VMALLOC)
		return backing == PTELAB_BACKING_VMALLOC;
	if (node.method == PTELAB_REMAP_PFN)
		return backing == PTELAB_BACKING_SINGLE || backing == PTELAB_BACKING_SPLIT;
	return true;
}

RULE_PER_NODE("backings", kAllNodes, .says = "A region of every kind of page that the node takes can be mapped and used; any other kind is EOPNOTSUPP",
	      .source = "mm/memory.c:validate_page_before_insert")
{
	for (const ptelab_backing backing : kAllBackings) {
		const std::string name(name_of(backing));
		Device device(rule.node());
		const std::size_t count = rule.node().method == PTELAB_IOMAP ? 0 : kPages;
		const Errno error = errno_of([&] { device.setup({.backing = backing, .pages = count}); });
		rule.expect(name, error, takes(rule.node(), backing) ? 0 : EOPNOTSUPP);
		if (error.value != 0)
			continue;
		const Mapping map(device, pages(kPages));
		const std::vector<std::byte> sent = pattern(pages(8), backing);
		std::vector<std::byte> seen(sent.size());
		map.copy_in(pages(4), sent);
		device.read(pages(4), seen);
		rule.expect(name + " holds the bytes", seen == sent, true);
		rule.expect(name + " is what QUERY says", device.query().backing, backing);
	}
}

RULE_PER_NODE("sizes", kRamNodes & kFirstNodes, .says = "A region may have any size from one page to the maximum that QUERY tells; one page more is EINVAL",
	      .source = "mm/page_alloc.c:__alloc_pages")
{
	const ptelab_query limits = Device(rule.node()).query();
	const auto refusal = [&](ptelab_backing backing, std::size_t count) {
		Device device(rule.node());
		const Errno error = errno_of([&] { device.setup({.backing = backing, .pages = count}); });
		if (error.value == 0 && device.query().pages != count)
			return Errno(ERANGE);
		return error;
	};

	for (const std::size_t count : {1, 2, 3, 511, 1024})
		rule.expect(std::to_string(count) + " pages", refusal(PTELAB_BACKING_SINGLE, count), 0);
	rule.expect("one page too many", refusal(PTELAB_BACKING_SINGLE, limits.max_pages + 1), EINVAL);
	rule.expect("a size that overflows", refusal(PTELAB_BACKING_SINGLE, ~std::size_t{0}), EINVAL);
	rule.expect("bytes that overflow", refusal(PTELAB_BACKING_SINGLE, std::size_t{1} << 52), EINVAL);
	rule.expect("largest block plus one page", refusal(PTELAB_BACKING_SPLIT, limits.max_block_pages + 1), EINVAL);
	rule.observe("max_pages", limits.max_pages);
	rule.because("max_block_pages", "the largest block of the page allocator, 1 << MAX_PAGE_ORDER pages, depends on the size of a page");
	rule.observe("max_block_pages", limits.max_block_pages);
	if (takes(rule.node(), PTELAB_BACKING_COMPOUND)) {
		rule.expect("compound, power of two", refusal(PTELAB_BACKING_COMPOUND, 8), 0);
		rule.expect("compound, no power of two", refusal(PTELAB_BACKING_COMPOUND, 12), EINVAL);
		rule.expect("vmalloc, odd", refusal(PTELAB_BACKING_VMALLOC, 5), 0);
	}
	rule.expect("split, no power of two", refusal(PTELAB_BACKING_SPLIT, 12), 0);
}

RULE("fault_page.largest_region", .says = "A region of the maximum size works at both ends", .source = "mm/page_alloc.c:__alloc_pages")
{
	const Node &node = node_of(PTELAB_FAULT_PAGE);
	const std::size_t count = Device(node).query().max_pages;
	if (meminfo_kb("MemAvailable") < 3 * (pages(count) >> 11))
		rule.skip("this machine has less than one and a half times the memory of the largest region");
	const Device device = own_region(node, count);
	const Mapping map(device, pages(count));

	rule.expect("first byte", map.touch(0).outcome(), kOk);
	rule.expect("last byte", map.read(map.size() - 1).outcome(), kOk);
}

RULE_PER_NODE("region_setup_after_mmap_is_ebusy", kFirstNodes, .says = "A file that has been mapped cannot be set up any more, even when the mapping is gone",
	      .source = "drivers/char/misc.c:misc_open")
{
	Device device(rule.node());
	{
		const Mapping map(device, pages(1));
		rule.expect("while mapped", errno_of([&] { device.setup({}); }), EBUSY);
	}
	rule.expect("after munmap", errno_of([&] { device.setup({}); }), EBUSY);
}

RULE_PER_NODE("region_setup_once", kRamNodes & kFirstNodes, .says = "A file is given a region of its own once; a refused REGION_SETUP leaves it as it was, its end frees the region",
	      .source = "mm/page_alloc.c:__free_pages")
{
	const Device watcher(rule.node(), O_RDONLY);
	const std::int64_t before = pages_in_use(watcher);
	{
		Device device(rule.node());
		const std::uint64_t size = device.query().pages;
		rule.expect("a refused REGION_SETUP", errno_of([&] { device.setup({.pages = ~std::size_t{0}}); }), EINVAL);
		rule.expect("keeps the region", device.query().pages, size);
		device.setup({.pages = 32});
		rule.expect("pages in use", pages_in_use(watcher) - before, 32);
		rule.expect("a second REGION_SETUP", errno_of([&] { device.setup({.pages = 8}); }), EBUSY);
		rule.expect("keeps the first one's region", device.query().pages, 32U);
		rule.expect("this file allocated", device.stats().pages_allocated, 32U);
		rule.expect("this file freed", device.stats().pages_freed, 0U);
	}
	rule.expect("after close", pages_in_use(watcher) - before, 0);
}

RULE_PER_NODE("actions_need_a_fault_handler", kEagerNodes & kFirstNodes, .says = "A node whose pages are mapped at mmap takes no fault action: EOPNOTSUPP",
	      .source = "mm/memory.c:do_fault")
{
	Device device(rule.node());

	for (const ptelab_fault_action action : {PTELAB_FAULT_SIGBUS, PTELAB_FAULT_OOM, PTELAB_FAULT_RETRY})
		rule.expect(name_of(action), errno_of([&] { device.setup({.fault_action = action}); }), EOPNOTSUPP);
	rule.expect("delay", errno_of([&] { device.setup({.fault_action = PTELAB_FAULT_DELAY, .fault_delay_ms = 1}); }), EOPNOTSUPP);
	rule.expect("serve", errno_of([&] { device.setup({.fault_action = PTELAB_FAULT_SERVE}); }), 0);
}

RULE_PER_NODE("fault_sigbus", kOneByOneNodes, .says = "VM_FAULT_SIGBUS from the handler is SIGBUS with BUS_ADRERR; before and after it, pages are served",
	      .source = "arch/x86/mm/fault.c:do_sigbus")
{
	const Device device =
		own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = 2, .fault_times = 1});
	const Mapping map(device, pages(kPages));

	rule.expect("first page", map.touch(0).outcome(), kOk);
	rule.expect("second page", map.touch(1).outcome(), kOk);
	const Touch touch = map.read(pages(2) + 5);
	rule.expect("third page", touch.outcome(), kSigbus);
	rule.expect("si_addr, in the mapping", touch.where - reinterpret_cast<std::uintptr_t>(map.data()), pages(2) + 5);
	rule.expect("third page again", map.touch(2).outcome(), kOk);
	rule.expect("faults", device.stats().faults, 4U);
	rule.expect("errors", device.stats().fault_errors, 1U);
}

RULE_PER_NODE("fault_sigbus_for_ever", kFaultNodes & kFirstNodes, .says = "With a count of 0 every fault gets SIGBUS", .source = "arch/x86/mm/fault.c:do_sigbus")
{
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_SIGBUS});
	const Mapping map(device, pages(kPages));

	rule.expect("pages read", touch_all(map), 0U);
	rule.expect("errors", device.stats().fault_errors, kPages);
}

RULE_PER_NODE("fault_oom_is_retried", kFaultNodes & kFirstNodes, .says = "VM_FAULT_OOM for a user access is retried by the kernel until it is served",
	      .source = "mm/oom_kill.c:pagefault_out_of_memory")
{
	rule.declare_kernel_line("VM_FAULT_OOM leaked out to the #PF handler");
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_OOM, .fault_times = 3});
	const Mapping map(device, pages(kPages));

	rule.expect("access", map.touch(0).outcome(), kOk);
	rule.expect("faults", device.stats().faults, 4U);
	rule.expect("errors", device.stats().fault_errors, 3U);
}

RULE_PER_NODE("fault_oom_can_be_killed", kFaultNodes & kFirstNodes, .says = "A process that spins on VM_FAULT_OOM can be killed",
	      .source = "arch/x86/mm/fault.c:do_user_addr_fault")
{
	rule.declare_kernel_line("VM_FAULT_OOM leaked out to the #PF handler");
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_OOM});
	const Mapping map(device, pages(kPages));

	Child child([&](Channel &) { map.touch(0); });
	rule.expect("it spins", wait_for_faults(device, 10), true);
	child.kill(SIGKILL);
	rule.expect("ended by signal", child.wait(), SIGKILL);
}

RULE_PER_NODE("fault_retry", kFaultNodes & kFirstNodes, .says = "VM_FAULT_RETRY makes the kernel call the handler again, as often as the handler says so",
	      .source = "arch/x86/mm/fault.c:do_user_addr_fault")
{
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_RETRY, .fault_times = 3});
	const Mapping map(device, pages(kPages));

	rule.expect("access", map.touch(0).outcome(), kOk);
	rule.observe("calls of ->fault", device.stats().faults);
	rule.expect("called more than once", device.stats().faults > 1, true);
	rule.expect("errors", device.stats().fault_errors, 0U);
}

RULE_PER_NODE("fault_retry_can_be_killed", kFaultNodes & kFirstNodes, .says = "A process that spins on VM_FAULT_RETRY can be killed",
	      .source = "arch/x86/mm/fault.c:fault_signal_pending")
{
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_RETRY});
	const Mapping map(device, pages(kPages));

	Child child([&](Channel &) { map.touch(0); });
	rule.expect("it spins", wait_for_faults(device, 10), true);
	child.kill(SIGKILL);
	rule.expect("ended by signal", child.wait(), SIGKILL);
}

RULE_PER_NODE("fault_delay", kFaultNodes & kFirstNodes, .says = "A handler may sleep before it serves", .source = "mm/memory.c:__do_fault",
	      .needs = {booted()})
{
	const Device device =
		own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_DELAY, .fault_times = 1, .fault_delay_ms = 30});
	const Mapping map(device, pages(kPages));

	const auto start = std::chrono::steady_clock::now();
	rule.expect("access", map.touch(0).outcome(), kOk);
	rule.expect("it took that long", std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(30), true);
	rule.expect("faults", device.stats().faults, 1U);
}

RULE_PER_NODE("fault_delay_can_be_killed", kFaultNodes & kFirstNodes, .says = "A process asleep in a handler that sleeps killably can be killed",
	      .source = "kernel/time/sleep_timeout.c:msleep_interruptible", .needs = {booted()})
{
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_DELAY, .fault_delay_ms = 10000});
	const Mapping map(device, pages(kPages));

	Child child([&](Channel &) { map.touch(0); });
	const auto start = std::chrono::steady_clock::now();
	rule.expect("it sleeps in the handler", wait_for_faults(device, 1), true);
	child.kill(SIGKILL);
	rule.expect("ended by signal", child.wait(), SIGKILL);
	rule.expect("before the delay was over", std::chrono::steady_clock::now() - start < std::chrono::seconds(9), true);
}

RULE_PER_NODE("memory_type_of_ram", kRamNodes & kFirstNodes, .says = "RAM stays write-back, and REGION_SETUP of another memory type is EOPNOTSUPP",
	      .source = "arch/x86/mm/pat/memtype.c:reserve_pfn_range")
{
	Device device(rule.node());

	for (const ptelab_cache cache : {PTELAB_CACHE_UNCACHED, PTELAB_CACHE_WRITE_COMBINING})
		rule.expect(name_of(cache), errno_of([&] { device.setup({.cache = cache}); }), EOPNOTSUPP);
	rule.expect("write-back", errno_of([&] { device.setup({.pages = kPages, .cache = PTELAB_CACHE_WRITE_BACK}); }), 0);
	const Mapping map(device, pages(1));
	map.touch(0);
	rule.expect("the entry's", device.lookup(map.bytes()).front().cache, PTELAB_CACHE_WRITE_BACK);
}

} // namespace
} // namespace ptelab
