// SPDX-License-Identifier: GPL-2.0-or-later
// pfn_mkwrite: who is told of the first write to a pfn, and who never is.
#include <algorithm>

#include "calls.hpp"

namespace ptelab {
namespace {

constexpr __u64 kHooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
			 hook_bit(PTELAB_HOOK_PFN_MKWRITE);

Device with_hook(ptelab_method method)
{
	Device device = own_region(node_of(method));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kHooks});
	return device;
}

struct Calls {
	std::int64_t faults = 0;
	std::int64_t mkwrites = 0;
};

Calls calls_in(EventLog &log)
{
	const std::vector<ptelab_event> events = log.take();
	const auto count = [&](__u32 hook) {
		return std::ranges::count_if(events, [&](const ptelab_event &event) { return event.hook == hook; });
	};
	return {count(PTELAB_HOOK_FAULT), count(PTELAB_HOOK_PFN_MKWRITE)};
}

bool writable(const Device &device, const Mapping &map)
{
	return (state_of(device, map, 0) & PTELAB_PTE_WRITE) != 0;
}

RULE("insert_pfn.mkwrite_once", .contract = "IF-12",
     .says = "With pfn_mkwrite the entry is read-only at first, and the first write calls the hook once; then writes are free",
     .source = "mm/mmap.c:vma_wants_writenotify, mm/memory.c:wp_pfn_shared")
{
	const Device device = with_hook(PTELAB_FAULT_INSERT_PFN);
	const Mapping map(device, pages(2));
	EventLog log(device);

	rule.expect("read", map.read(0).outcome(), kOk);
	rule.expect("writable after the read", writable(device, map), false);
	Calls calls = calls_in(log);
	rule.expect("faults of the read", calls.faults, 1);
	rule.expect("mkwrites of the read", calls.mkwrites, 0);

	rule.expect("write", map.write(0, 1).outcome(), kOk);
	rule.expect("writable after the write", writable(device, map), true);
	calls = calls_in(log);
	rule.expect("faults of the write", calls.faults, 0);
	rule.expect("mkwrites of the write", calls.mkwrites, 1);

	rule.expect("write again", map.write(1, 2).outcome(), kOk);
	calls = calls_in(log);
	rule.expect("mkwrites of the second write", calls.mkwrites, 0);
}

RULE("insert_pfn.no_mkwrite_no_second_fault", .contract = "IF-12",
     .says = "Without pfn_mkwrite the entry of a shared writable mapping is writable from the first read on",
     .source = "mm/mmap.c:vma_wants_writenotify")
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	const Mapping map(device, pages(2));

	rule.expect("read", map.read(0).outcome(), kOk);
	rule.expect("writable after the read", writable(device, map), true);
	rule.expect("write", map.write(0, 1).outcome(), kOk);
	rule.expect("faults", device.stats().faults, 1U);
}

RULE("remap_pfn.mkwrite_never", .contract = "IF-13",
     .says = "What remap_pfn_range maps in ->mmap is writable at once and never calls pfn_mkwrite; done after mmap, it does",
     .source = "mm/mmap.c:mmap_region, vma_set_page_prot")
{
	{
		const Device device = with_hook(PTELAB_REMAP_PFN);
		const Mapping map(device, pages(2));
		EventLog log(device);
		rule.expect("in ->mmap, writable at once", writable(device, map), true);
		rule.expect("in ->mmap, write", map.write(0, 1).outcome(), kOk);
		const Calls calls = calls_in(log);
		rule.expect("in ->mmap, faults", calls.faults, 0);
		rule.expect("in ->mmap, mkwrites", calls.mkwrites, 0);
	}
	const Device device = with_hook(PTELAB_BARE);
	const Mapping map(device, pages(2));
	ptelab_call wanted{};
	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = PTELAB_CALL_REMAP;
	wanted.address = address_of(map);
	wanted.bytes = map.size();
	EventLog log(device);
	rule.expect("after mmap", answer_to(device, wanted), 0);
	rule.expect("after mmap, writable at once", writable(device, map), false);
	rule.expect("after mmap, write", map.write(0, 1).outcome(), kOk);
	rule.expect("after mmap, mkwrites", calls_in(log).mkwrites, 1);
}

RULE("insert_pfn.mkwrite_and_zap", .contract = "IF-14",
     .says = "When the entry is gone after pfn_mkwrite returns 0, the core takes the fault again in place of making it writable",
     .source = "mm/memory.c:finish_mkwrite_fault")
{
	constexpr __u64 kZaps = 3;
	Device device = with_hook(PTELAB_FAULT_INSERT_PFN);
	const Mapping map(device, pages(2));
	inject(device, {.hook = PTELAB_HOOK_PFN_MKWRITE, .answer = PTELAB_ANSWER_ZAP, .times = kZaps});
	EventLog log(device);

	rule.expect("read", map.read(0).outcome(), kOk);
	rule.expect("write", map.write(0, 0x42).outcome(), kOk);
	const Calls calls = calls_in(log);
	rule.expect("faults", calls.faults, 1 + kZaps);
	rule.expect("mkwrites", calls.mkwrites, 1 + kZaps);
	rule.expect("writable", writable(device, map), true);
	rule.expect("the byte", map.get<std::uint8_t>(0), 0x42);
}

} // namespace
} // namespace ptelab
