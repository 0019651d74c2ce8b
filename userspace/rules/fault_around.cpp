// SPDX-License-Identifier: GPL-2.0-or-later
// Fault-around: what the core asks ->map_pages for before it calls ->fault.
#include <algorithm>
#include <fstream>

#include <fmt/core.h>

#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr const char *kBytesFile = "/sys/kernel/debug/fault_around_bytes";
constexpr std::size_t kAround = 16; // pages

// How much a fault looks at, and as it was afterwards. 64 KiB by default: nothing around a page of 64 KiB.
class FaultAround {
public:
	explicit FaultAround(std::size_t bytes) : before_(read_line(kBytesFile)) { set(std::to_string(bytes)); }
	~FaultAround() { set(before_); }
	FaultAround(const FaultAround &) = delete;
	FaultAround &operator=(const FaultAround &) = delete;

private:
	static void set(const std::string &bytes) { std::ofstream(kBytesFile) << bytes << std::flush; }

	std::string before_;
};

// "map_pages from 3", "fault": what was called, in order.
Value::Array told(EventLog &log)
{
	Value::Array calls;

	for (const ptelab_event &event : log.take()) {
		if (event.hook == PTELAB_HOOK_MAP_PAGES)
			calls.emplace_back(fmt::format("map_pages from {}", event.pgoff));
		if (event.hook == PTELAB_HOOK_FAULT)
			calls.emplace_back("fault");
	}
	return calls;
}

RULE("fault_page.asks_for_pages_around",
     .says = "A read fault asks ->map_pages for the aligned block of fault_around_bytes around it, as far as it lies in the mapping, and then ->fault; a "
	     "write fault does not, nor does any where a block is one page",
     .source = "mm/memory.c:do_fault_around", .needs = {root(), kconfig("CONFIG_DEBUG_FS", kBytesFile)})
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE), 4 * kAround);
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS,
		       .hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) | hook_bit(PTELAB_HOOK_MAP_PAGES)});
	const Mapping map(device, pages(4 * kAround));
	EventLog log(device);
	const auto from = [&](std::size_t page) {
		const std::size_t in_block = reinterpret_cast<std::uintptr_t>(map.page(page).data()) / page_size() % kAround;
		return fmt::format("map_pages from {}", page - std::min(page, in_block));
	};
	const auto calls_of = [&](const Touch &access) {
		rule.expect("the access", access.outcome(), kOk);
		return Value(told(log));
	};
	rule.varies("read of*"); // where the mapping begins in its block

	{
		const FaultAround block(pages(kAround));
		log.take();
		rule.expect("read of page 2", calls_of(map.touch(2)), Value(Value::Array{Value(from(2)), Value("fault")}));
		rule.expect("read of page 40", calls_of(map.touch(40)), Value(Value::Array{Value(from(40)), Value("fault")}));
		rule.expect("write of page 5", calls_of(map.write(pages(5), 1)), Value(Value::Array{Value("fault")}));
	}
	{
		const FaultAround page(page_size());
		rule.expect("one page: page 20", calls_of(map.touch(20)), Value(Value::Array{Value("fault")}));
	}
}

} // namespace
} // namespace ptelab
