// SPDX-License-Identifier: GPL-2.0-or-later
// FOLL_LONGTERM: pins that may last, and what the kernel does not let last.
#include <algorithm>

#include "calls.hpp"
#include "fixed_buffer.hpp"
#include "gup.hpp"
#include "release.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {


// Those that take FOLL_LONGTERM on every kernel.
constexpr std::array kLongtermWays{kPinWays[5], kPinWays[6], kPinWays[7]};

RULE_PER_NODE("pin_longterm_stays_in_place", kPageNodes & kFirstNodes, .contract = "GP-06",
	      .says = "A long-term pin of a page that a module allocated as usual leaves it where it is",
	      .source = "mm/gup.c:check_and_migrate_movable_pages", .needs = {root()})
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.touch(2);
	const __u64 pfn = device.lookup(map.page(2)).front().pfn;
	rule.expect("the entry has a pfn", pfn != 0, true);
	for (const PinWay &way : kLongtermWays)
		for (const __u32 flags : {0U, PTELAB_PIN_WRITE}) {
			const ptelab_pin got = pin(device, {.how = way.how, .address = map.page(2).data(), .flags = flags | PTELAB_PIN_LONGTERM});
			const std::string name = std::string(way.name) + (flags ? " for writing" : "");
			rule.expect(name, verdict(got), "1");
			rule.expect(name + ": its page", got.page, 3U);
			rule.expect(name + ": the same pfn", got.pfn == pfn, true);
		}
	rule.expect("the entry after all", device.lookup(map.page(2)).front().pfn == pfn, true);
}

RULE("fault_page.pin_longterm_and_tracked_writes", .contract = "GP-07",
     .says = "A long-term pin for writing is refused with EFAULT where the driver wants to be told of writes; without such a hook it is not",
     .source = "mm/gup.c:writable_file_mapping_allowed")
{
	const auto forbidden = choose<std::string>(!older_than(6, 5), "EFAULT", "1",
						   "6.5 forbade it where writes are tracked, which no feature shows");

	for (const __u64 hook : {__u64{0}, hook_bit(PTELAB_HOOK_PAGE_MKWRITE), hook_bit(PTELAB_HOOK_PFN_MKWRITE)}) {
		Device device = own_region(node_of(PTELAB_FAULT_PAGE));
		vma_setup(device, {.hooks = kUsualHooks | hook});
		const Mapping map(device, pages(kPages));
		const std::string with = hook == 0				      ? "no hook, "
					 : hook == hook_bit(PTELAB_HOOK_PAGE_MKWRITE) ? "page_mkwrite, "
										      : "pfn_mkwrite, ";
		for (const PinWay &way : kLongtermWays) {
			const std::string name = with + std::string(way.name);
			if (hook == 0)
				rule.expect(name, verdict_of(device, way.how, map.data(), PTELAB_PIN_LONGTERM | PTELAB_PIN_WRITE), "1");
			else
				rule.expect(name, verdict_of(device, way.how, map.data(), PTELAB_PIN_LONGTERM | PTELAB_PIN_WRITE), forbidden);
			rule.expect(name + " for reading", verdict_of(device, way.how, map.data(), PTELAB_PIN_LONGTERM), "1");
			rule.expect(name + " for a short time", verdict_of(device, way.how, map.data(), PTELAB_PIN_WRITE), "1");
		}
	}
}

RULE_PER_NODE("pin_longterm_of_a_private_mapping", kPageNodes & kFirstNodes, .contract = "GP-08",
	      .says = "A long-term pin for reading a private mapping takes the driver's page, or, on newer kernels, a copy made for it",
	      .source = "mm/internal.h:gup_must_unshare")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
	const std::string reason = "6.2 unshares before a long-term pin of a private file mapping (FAULT_FLAG_UNSHARE), which no feature shows";
	const bool unshares = !older_than(6, 2);

	map.touch(0);
	const ptelab_pin got =
		pin(device, {.how = PTELAB_PIN_PIN, .address = map.data(), .flags = PTELAB_PIN_LONGTERM | PTELAB_PIN_KEEP});
	rule.expect("result", got.result, 1);
	rule.expect("an anonymous page", got.anon != 0, choose(unshares, true, false, reason));
	rule.expect("the driver's page", got.page, choose<__u64>(unshares, 0, 1, reason));
	constexpr __u64 kLater = 0x6c61746572;
	device.write(0, std::as_bytes(std::span(&kLater, 1)));
	rule.expect("what the driver writes later, through the pin", unpin(device).bytes, choose<__u64>(unshares, 0, kLater, reason));
	rule.expect("and through the mapping", map.get<__u64>(0), choose<__u64>(unshares, 0, kLater, reason));
}

RULE_PER_NODE("io_uring_fixed_buffer", kFirstNodes, .contract = "GP-07",
	      .says = "io_uring takes a driver's pages for a fixed buffer since 6.5; before, it refused whatever belongs to a file that is not shmem's",
	      .source = "mm/gup.c:pin_user_pages, io_uring/rsrc.c:io_pin_pages, fs/io_uring.c:io_sqe_buffer_register")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const tables::FixedBuffer buffer = tables::register_fixed_buffer(map.page(2));
	if (!buffer.why_not.empty())
		rule.skip(buffer.why_not);
	if (rule.node().pfn)
		rule.expect("register", buffer.error, EFAULT);
	else
		rule.expect("register", buffer.error,
			    choose(older_than(6, 5), Errno(EOPNOTSUPP), Errno(0),
				   "6.5 left it to get_user_pages to refuse files whose writes are tracked, which no feature shows"));
}

RULE("fault_page.get_longterm", .contract = "GP-09",
     .says = "FOLL_LONGTERM is for pinning alone: get_user_pages refuses it with EINVAL and a warning", .source = "mm/gup.c:is_valid_gup_args", .needs = {root()})
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));

	// The check may be part of whichever is called.
	const std::string line = warning_in("mm/gup\\.c", "(is_valid_gup_(args|flags)|[a-z_]*get_user_pages[a-z_]*)[+.]");
	rule.declare_kernel_line(line);
	map.touch(0);
	for (const ptelab_pin_how how : {PTELAB_PIN_GET, PTELAB_PIN_GET_FAST, PTELAB_PIN_GET_REMOTE, PTELAB_PIN_GET_UNLOCKED}) {
		const auto way = std::ranges::find(kPinWays, how, &PinWay::how);
		rule.expect(std::string(way->name), verdict_of(device, how, map.data(), PTELAB_PIN_LONGTERM), "EINVAL");
	}
	rule.expect("the kernel warned since boot", kernel_said(line), true);
}

} // namespace
} // namespace ptelab
