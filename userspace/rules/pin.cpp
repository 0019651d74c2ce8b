// SPDX-License-Identifier: GPL-2.0-or-later
// get_user_pages and pin_user_pages: which driver pages they take, and that what they took stays.
#include <algorithm>

#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "calls.hpp"
#include "gup.hpp"
#include "release.hpp"
#include "trace.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {


// What a device file's bytes answer when a pipe is to take their pages: "ok" or the errno.
Errno splice_into_pipe(std::span<std::byte> bytes)
{
	int ends[2];
	if (::pipe2(ends, O_CLOEXEC) < 0)
		throw_errno("pipe2");
	const iovec range{bytes.data(), bytes.size()};
	const Errno error = ::vmsplice(ends[1], &range, 1, SPLICE_F_NONBLOCK) < 0 ? errno : 0;
	::close(ends[0]);
	::close(ends[1]);
	return error;
}

RULE_PER_NODE("pin_refuses_pfn_mappings", kPfnNodes, .contract = "GP-01",
	      .says = "No way of getting user pages takes one of a VM_IO or VM_PFNMAP mapping: EFAULT, and ->fault is not called",
	      .source = "mm/gup.c:check_vma_flags")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	for (const bool mapped : {false, true}) {
		if (mapped)
			touch_all(map);
		const __u64 faults = device.stats().faults;
		for (const PinWay &way : kPinWays)
			for (const __u32 flags : {0U, PTELAB_PIN_WRITE})
				rule.expect(std::string(way.name) + (flags ? " for writing" : "") + (mapped ? ", mapped" : ""),
					    verdict_of(device, way.how, map.data(), flags),
					    way.how == PTELAB_PIN_GET_FAST_ONLY ? "0" : "EFAULT");
		rule.expect(mapped ? "vmsplice, mapped" : "vmsplice", splice_into_pipe(map.page(0)), EFAULT);
		rule.expect(mapped ? "faults, mapped" : "faults", device.stats().faults - faults, 0U);
	}
}

RULE_PER_NODE("pin_keeps_the_page", kPageNodes & kFirstNodes, .contract = "GP-02",
	      .says = "A page that was got stays: after munmap and after the driver let go of it the holder still reads its bytes",
	      .source = "mm/gup.c:follow_page_pte")
{
	constexpr __u64 kBytes = 0x0123456789abcdef;

	for (const PinWay &way : kPinWays) {
		Device device = own_region(rule.node());
		Mapping map(device, pages(kPages));
		const std::string name(way.name);

		map.put(pages(3), kBytes);
		const std::int64_t before = page_info(device, 3).references;
		const ptelab_pin got = pin(device, {.how = way.how, .address = map.page(3).data(), .flags = PTELAB_PIN_KEEP});
		if (way.how == PTELAB_PIN_GET_FAST_ONLY) {
			rule.because(name + "*", "without the slow path a small page is refused where it could be secret: the rule pin_fast_only");
			if (got.result == 0)
				continue;
		}
		rule.expect(name, got.result, 1);
		rule.expect(name + ": the page", got.page, 4U);
		rule.expect(name + ": references of its own", page_info(device, 3).references - before, way.pins ? 1024 : 1);
		rule.expect(name + ": vmsplice", splice_into_pipe(map.page(3)), 0);
		map.unmap();
		drop_pages(device);
		const ptelab_pin kept = unpin(device);
		rule.expect(name + ": given back", kept.result, 1);
		rule.expect(name + ": the bytes", kept.bytes, kBytes);
		rule.expect(name + ": given back once", errno_of([&] { unpin(device); }), ENOENT);
	}
}

// 5.10 has not got the hook and tells of a special entry otherwise; what decides is in the same function everywhere.
Expected<std::string> special_entry(std::string on_old_kernels)
{
	return by_feature<std::string>(PTELAB_HAS_MPROTECT_HOOK, "EEXIST", std::move(on_old_kernels),
				       "follow_pfn_pte answered EFAULT to FOLL_GET, and let FOLL_PIN pass, up to 5.10, told by its vm_ops "
				       "without ->mprotect");
}

RULE("fault_insert_mixed.get_special", .contract = "GP-03",
     .says = "Getting a page of a VM_MIXEDMAP mapping through a special entry fails with EEXIST: there is no struct page to take",
     .source = "mm/gup.c:follow_pfn_pte")
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_MIXED));
	const Mapping map(device, pages(kPages));

	for (const PinWay &way : kPinWays) {
		if (way.pins)
			continue;
		const std::string name(way.name);
		map.touch(0);
		if (way.how == PTELAB_PIN_GET_FAST_ONLY)
			rule.expect(name, verdict_of(device, way.how, map.data()), "0");
		else
			rule.expect(name, verdict_of(device, way.how, map.data()), special_entry("EFAULT"));
	}
	const __u64 faults = device.stats().faults;
	rule.expect("a page not mapped yet", verdict_of(device, PTELAB_PIN_GET, map.page(1).data()), special_entry("EFAULT"));
	rule.expect("its faults", device.stats().faults - faults, 1U);
}

// get_mempolicy(2): the NUMA node of the page at an address.
Errno node_of_page(const std::byte *address)
{
	int node = 0;
	return ::syscall(SYS_get_mempolicy, &node, nullptr, 0, address, MPOL_F_NODE | MPOL_F_ADDR) < 0 ? errno : 0;
}

RULE_PER_NODE("get_mempolicy", kEntryNodes, .contract = "GP-03",
	      .says = "get_mempolicy gets the page to tell its NUMA node, and passes on what it gets: EEXIST, or once EFAULT, for a special entry",
	      .source = "mm/mempolicy.c:lookup_node")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.touch(1);
	const Errno error = node_of_page(map.page(1).data());
	if (error == ENOSYS)
		rule.skip("this kernel has no get_mempolicy (CONFIG_NUMA)");
	if (is_one_of(rule.node(), kMixedNodes & kUncountedNodes))
		rule.expect("errno", std::string(errno_name(error.value)), special_entry("EFAULT"));
	else
		rule.expect("errno", error, rule.node().pfn ? EFAULT : 0);
}

RULE("fault_insert_mixed.pin_special", .contract = "GP-04",
     .says = "Pinning a page of a VM_MIXEDMAP mapping through a special entry fails with EEXIST, and pages[] is left alone",
     .source = "mm/gup.c:follow_pfn_pte")
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_MIXED));
	const Mapping map(device, pages(kPages));

	map.touch(0);
	for (const PinWay &way : kPinWays) {
		if (!way.pins)
			continue;
		const ptelab_pin got = pin(device, {.how = way.how, .address = map.data()});
		rule.expect(std::string(way.name), verdict(got), special_entry("1"));
		rule.expect(std::string(way.name) + ": told of a page that is not there", got.untouched != 0, got.result > 0);
	}
}

RULE("fault_page.pin_fast_only", .contract = "GP-05",
     .says = "get_user_pages_fast_only takes a driver's page of order 0 or not, as it can rule out secret memory; the way with a "
	     "fallback always takes it",
     .source = "mm/gup.c:gup_fast_folio_allowed")
{
	for (const ptelab_backing backing : {PTELAB_BACKING_SINGLE, PTELAB_BACKING_COMPOUND}) {
		const Device device = own_region(node_of(PTELAB_FAULT_PAGE), kPages, {.backing = backing});
		const Mapping map(device, pages(kPages));
		const std::string what = std::string(name_of(backing)) + ": ";

		rule.expect(what + "not mapped yet", verdict_of(device, PTELAB_PIN_GET_FAST_ONLY, map.data()), "0");
		map.write(0, 1);
		if (backing == PTELAB_BACKING_COMPOUND)
			rule.expect(what + "fast only", verdict_of(device, PTELAB_PIN_GET_FAST_ONLY, map.data()), "1");
		else
			rule.expect(what + "fast only", verdict_of(device, PTELAB_PIN_GET_FAST_ONLY, map.data()),
				    choose<std::string>(!older_than(6, 10) && older_than(7, 3), "0", "1",
							"6.10 to 7.2 with CONFIG_SECRETMEM refuse a small folio whose mapping is NULL; "
							"no feature shows that"));
		rule.expect(what + "fast", verdict_of(device, PTELAB_PIN_GET_FAST, map.data()), "1");
	}
}

RULE("fault_page.pin_is_a_write", .contract = "GP-10",
     .says = "Getting a page for writing calls the hooks that a CPU's write would: ->fault with FAULT_FLAG_WRITE, then ->page_mkwrite",
     .source = "mm/gup.c:faultin_page")
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks | hook_bit(PTELAB_HOOK_PAGE_MKWRITE)});
	const Mapping map(device, pages(kPages));
	EventLog log(device);
	std::size_t page = 0;
	const auto hooks_of = [&](const PinWay &way, __u32 flags) {
		std::string seen;
		rule.expect(std::string(way.name) + (flags ? " for writing" : ""), verdict_of(device, way.how, map.page(page++).data(), flags),
			    way.how == PTELAB_PIN_GET_FAST_ONLY ? "0" : "1");
		for (const ptelab_event &event : log.take())
			seen += event.hook == PTELAB_HOOK_PAGE_MKWRITE ? " page_mkwrite"
				: event.flags & kFaultFlagWrite	       ? " write-fault"
								       : " read-fault";
		return seen;
	};

	for (const PinWay &way : {kPinWays[0], kPinWays[1], kPinWays[3], kPinWays[4], kPinWays[5], kPinWays[6], kPinWays[7]}) {
		rule.expect(std::string(way.name) + ": hooks for reading", hooks_of(way, 0), " read-fault");
		rule.expect(std::string(way.name) + ": hooks for writing", hooks_of(way, PTELAB_PIN_WRITE), " write-fault page_mkwrite");
	}
}

RULE_PER_NODE("pin_meets_errors", kFaultNodes & kPageNodes & kFirstNodes, .contract = "GP-10",
	      .says = "An error of ->fault is the caller's EFAULT, memory error or not, out of memory is ENOMEM, and no signal is sent",
	      .source = "mm/gup.c:faultin_page, include/linux/mm.h:vm_fault_to_errno")
{
	struct {
		ptelab_fault_action action;
		const char *wanted;
	} const cases[] = {{PTELAB_FAULT_SIGBUS, "EFAULT"},
			   {PTELAB_FAULT_SIGSEGV, "EFAULT"},
			   {PTELAB_FAULT_HWPOISON, "EFAULT"},
			   {PTELAB_FAULT_OOM, "ENOMEM"}};

	for (const auto &[action, wanted] : cases) {
		const Device device = own_region(rule.node(), kPages, {.fault_action = action});
		const Mapping map(device, pages(kPages));
		for (const PinWay &way : kPinWays)
			rule.expect(std::string(name_of(action)) + ", " + std::string(way.name), verdict_of(device, way.how, map.data()),
				    way.how == PTELAB_PIN_GET_FAST_ONLY ? "0" : wanted);
	}
}

// Wakes nobody: it only has to find the word. A shared futex is known by its page, a private one by its address.
Errno futex(const Mapping &map, int operation, std::uint32_t value)
{
	const timespec at_once{0, 0};
	return ::syscall(SYS_futex, map.data(), operation, value, &at_once, nullptr, 0) < 0 ? errno : 0;
}

RULE_PER_NODE("futex", kRamNodes & kEntryNodes, .contract = "GP-11",
	      .says = "A shared futex in a driver's memory fails with EFAULT, as its page belongs to no file, or as a special entry does; a private one works",
	      .source = "kernel/futex/core.c:get_futex_key")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.put(0, std::uint32_t{5});
	const bool special = is_one_of(rule.node(), kMixedNodes & kUncountedNodes);
	const Expected<std::string> refusal = special ? special_entry("EFAULT") : Expected<std::string>{"EFAULT", "the page has no mapping"};
	rule.expect("wake, shared", std::string(errno_name(futex(map, FUTEX_WAKE, 1).value)), refusal);
	rule.expect("wait, shared", std::string(errno_name(futex(map, FUTEX_WAIT, 6).value)), refusal);
	rule.expect("wake, private", futex(map, FUTEX_WAKE_PRIVATE, 1), 0);
	rule.expect("wait for another value, private", futex(map, FUTEX_WAIT_PRIVATE, 6), EAGAIN);
	rule.expect("wait for this value, private", futex(map, FUTEX_WAIT_PRIVATE, 5), ETIMEDOUT);
}

} // namespace
} // namespace ptelab
