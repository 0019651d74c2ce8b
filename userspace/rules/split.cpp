// SPDX-License-Identifier: GPL-2.0-or-later
// A mapping that is cut into pieces: what the driver is told, and how it can say no.
#include "lab.hpp"
#include "room.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

constexpr __u64 kSplitHooks = kOpenAndClose | hook_bit(PTELAB_HOOK_MAY_SPLIT) | hook_bit(PTELAB_HOOK_FAULT);

Errno unmap(std::span<std::byte> range)
{
	return answer_of(::munmap(range.data(), range.size()));
}

Errno protect(std::span<std::byte> range, int prot)
{
	return answer_of(::mprotect(range.data(), range.size(), prot));
}

// Not PTELAB_IOMAP: PAT frees a mapping of device memory as a whole or from its end on, complains about a middle part, and keeps
// what is left of the range reserved for ever (arch/x86/mm/pat/memtype_interval.c: memtype_erase).
RULE_PER_NODE("split_accounts", kRamNodes & kFirstNodes, .contract = "MM-01",
	      .says = "Each split calls ->open once and each piece unmapped ->close once: in the end one close more than opens",
	      .source = "mm/mmap.c:__split_vma")
{
	const Device device = own_region(rule.node());
	Mapping first(device, pages(kPages));
	touch_all(first);
	Mapping hole = first.split(pages(4));
	Mapping second = hole.split(pages(4));

	hole.unmap();
	rule.expect("opens after the middle went", device.stats().opens, 2U);
	rule.expect("closes after the middle went", device.stats().closes, 1U);
	Mapping end = second.split(pages(4));
	end.unmap();
	rule.expect("opens after the end went", device.stats().opens, 3U);
	rule.expect("closes after the end went", device.stats().closes, 2U);
	rule.expect("accesses of what is left", touch_all(first) + touch_all(second), 8U);
	first.unmap();
	second.unmap();
	const ptelab_stats stats = device.stats();
	rule.expect("closes in the end", stats.closes, stats.opens + stats.maps);
}

RULE_PER_NODE("split_opens_the_new_half", kFirstNodes, .contract = "MM-02",
	      .says = "At a split ->open gets the new VMA, which has its final bounds and offset; the page tables stay with the addresses",
	      .source = "mm/mmap.c:__split_vma")
{
	const Device device = traced_region(rule.node(), kPages);
	EventLog log(device);
	Mapping map(device, pages(kPages));
	touch_all(map);
	const Events before = log.take();
	const __u64 start = address_of(map.bytes());

	const Mapping upper = map.split(pages(4)); // unmapped first, as PAT wants it
	rule.expect("mprotect", protect(upper.bytes(), PROT_READ), 0);
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), std::vector<std::string>{"open"});
	const ptelab_event &open = event_of(events, PTELAB_HOOK_OPEN);
	const bool lower = open.start == start;
	rule.observe("the new VMA is", lower ? "the lower part" : "the upper part");
	rule.expect("not the old VMA", open.vma != event_of(before, PTELAB_HOOK_MMAP).vma, true);
	rule.expect("from", open.start - start, lower ? 0 : pages(4));
	rule.expect("up to", open.end - start, lower ? pages(4) : pages(kPages));
	// remap_pfn_range leaves vm_pgoff of a shared mapping alone.
	rule.expect("offset", open.pgoff - event_of(before, PTELAB_HOOK_MMAP).pgoff, lower ? 0U : 4U);
	rule.expect("present in ->open", open.present, lower ? 4U : 12U);
	rule.expect("mmap_lock", lock_name(open), "write");
}

RULE_PER_NODE("split_refused", kFirstNodes, .contract = "MM-03",
	      .says = "The errno of ->may_split, or ->split, is that of munmap, mprotect and madvise of a part; the whole mapping needs no split",
	      .source = "mm/mmap.c:__split_vma")
{
	Device device = own_region(rule.node());
	vma_setup(device, {.hooks = kSplitHooks});
	Mapping map(device, pages(kPages));
	const std::span<std::byte> middle = map.bytes(pages(4), pages(4));

	touch_all(map);
	inject(device, {.hook = PTELAB_HOOK_MAY_SPLIT, .answer = PTELAB_ANSWER_ERROR, .error = EBUSY});
	rule.expect("munmap of a part", unmap(middle), EBUSY);
	rule.expect("mprotect of a part", protect(middle, PROT_READ), EBUSY);
	rule.expect("madvise of a part", advise(middle, MADV_DONTFORK), EBUSY);
	inject(device, {.hook = PTELAB_HOOK_MAY_SPLIT, .answer = PTELAB_ANSWER_ERROR, .error = ENOMEM});
	rule.expect("munmap with ENOMEM", unmap(middle), ENOMEM);
	rule.expect("madvise with ENOMEM", advise(middle, MADV_DONTFORK), EAGAIN);
	rule.expect("VMAs", count_vmas(map.bytes()), 1U);
	rule.expect("present", present(device, map), kPages);
	rule.expect("mprotect of the whole", protect(map.bytes(), PROT_READ), 0);
	rule.expect("munmap of the whole", errno_of([&] { map.unmap(); }), 0);
	rule.expect("closes", device.stats().closes, 1U);
}

} // namespace
} // namespace ptelab
