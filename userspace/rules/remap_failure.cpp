// SPDX-License-Identifier: GPL-2.0-or-later
// remap_pfn_range that fails half way: the first page table is filled, there is no memory for the second.
#include "calls.hpp"
#include "injection.hpp"
#include "room.hpp"

namespace ptelab {
namespace {

// Two page tables of 4 KiB pages, so that there is a half way.
constexpr std::size_t kTables = 2;

std::size_t pages_of_a_table()
{
	return page_size() / sizeof(__u64);
}

struct Outcome {
	Errno errno_of_ioctl;
	__s64 result = 0;
	std::size_t left = 0; // entries that the failed call left behind
	std::string touch;
};

Outcome remap_with_failure(const Injection &injection, int n, bool &injected)
{
	const std::size_t count = kTables * pages_of_a_table();
	const Device device = bare({}, count);
	Mapping room = reserve(count + pages_of_a_table());
	// Where a page table begins; always leaving a page of the room in front, as a mapping is not split at its start.
	const std::size_t misplaced = address_of(room.bytes()) / page_size() % pages_of_a_table();
	Mapping start = room.split(pages(pages_of_a_table() - misplaced));
	if (start.pages() > count)
		start.split(pages(count)).unmap();
	const Mapping map = map_into(std::move(start), device);
	ptelab_call wanted{};
	Outcome outcome;

	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = PTELAB_CALL_REMAP;
	wanted.anchor = wanted.address = address_of(map);
	wanted.bytes = map.size();
	injected = injection.fail(n, [&] {
		outcome.errno_of_ioctl = errno_of([&] { outcome.result = call(device, wanted).result; });
	});
	outcome.left = present(device, map);
	outcome.touch = map.touch(0).outcome();
	return outcome;
}

RULE("remap_pfn.failure_half_way", .contract = "RM-10", .says = "remap_pfn_range that runs out of memory half way takes back what it had mapped",
     .source = "mm/memory.c:remap_pfn_range_notrack", .needs = injection_needs())
{
	const Injection injection;
	std::size_t failed = 0;
	bool injected = true;

	rule.declare_kernel_line("page allocation failure");
	// What it takes back it also takes off the books of the memory types, and those look for the first page, which may not
	// have been mapped yet: WARN_ON_ONCE, and the reservation of RAM is none (arch/x86/mm/pat/memtype.c: get_pat_info).
	rule.declare_kernel_line("WARNING: .* get_pat_info");
	for (int n = 1; injected; ++n) {
		const Outcome outcome = remap_with_failure(injection, n, injected);
		// A copy of the ioctl's argument failed in place of an allocation.
		if (outcome.errno_of_ioctl.value == EFAULT || outcome.result == 0)
			continue;
		++failed;
		rule.expect("errno", Errno(static_cast<int>(-outcome.result)), ENOMEM);
		rule.expect("entries left", outcome.left, 0U);
		rule.expect("the first page", outcome.touch, kSigbus);
	}
	rule.observe("allocations that failed", failed);
	// One for each page table at the least: the last of them fails when the first half is mapped.
	rule.expect("failed half way", failed >= kTables, true);
}

} // namespace
} // namespace ptelab
