// SPDX-License-Identifier: GPL-2.0-or-later
// Filling a mapping in advance: MAP_POPULATE, mlock(2), MADV_POPULATE_READ and _WRITE.
#include <optional>

#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "gup.hpp"
#include "room.hpp"
#include "trace.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {


Errno lock(std::span<std::byte> bytes)
{
	return ::mlock(bytes.data(), bytes.size()) < 0 ? errno : 0;
}

// Known since 5.14; asked of anonymous memory.
bool knows_populate()
{
	const Mapping map(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	return advise(map.bytes(), MADV_POPULATE_READ) == Errno{};
}

constexpr const char *kSince514 = "before 5.14 there is no such advice, measured on anonymous memory";

const Need kPopulate{"MADV_POPULATE_READ", [] {
			     return knows_populate() ? std::string() : std::string("this kernel does not know MADV_POPULATE_READ, even for anonymous memory");
		     }};

// Faults for writing, and calls of ->page_mkwrite.
struct Writes {
	std::size_t faults, mkwrites;
};
Writes writes_in(const std::vector<ptelab_event> &events)
{
	Writes seen{0, 0};
	for (const ptelab_event &event : events) {
		seen.faults += event.hook == PTELAB_HOOK_FAULT && (event.flags & kFaultFlagWrite);
		seen.mkwrites += event.hook == PTELAB_HOOK_PAGE_MKWRITE;
	}
	return seen;
}

RULE_PER_NODE("map_populate", kFaultNodes & kEntryNodes, .contract = "PL-01",
	      .says = "MAP_POPULATE calls ->fault once for each page, and never for a PFN mapping", .source = "mm/gup.c:__mm_populate")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages), {.flags = MAP_SHARED | MAP_POPULATE});
	const std::size_t wanted = rule.node().pfn ? 0 : kPages;

	rule.expect("faults", device.stats().faults, wanted);
	rule.expect("present", present(device, map), wanted);
}

RULE_PER_NODE("map_populate_swallows_errors", kFaultNodes & kFirstNodes, .contract = "PL-01",
	      .says = "MAP_POPULATE stops at the first error of ->fault, and mmap succeeds all the same", .source = "mm/gup.c:__mm_populate")
{
	const Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_SIGBUS, .fault_after = 4});
	const Mapping map(device, pages(kPages), {.flags = MAP_SHARED | MAP_POPULATE});

	// The pages before the error are a success, after which it goes on at the bad page: that one is asked for twice.
	rule.expect("faults", device.stats().faults, rule.node().pfn ? 0U : 6U);
	rule.expect("present", present(device, map), rule.node().pfn ? 0U : 4U);
}

RULE_PER_NODE("mlock_of_special", kSpecialNodes, .contract = "PL-02",
	      .says = "mlock of a special mapping succeeds, locks nothing and charges nothing", .source = "mm/mlock.c:mlock_fixup")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const std::uint64_t before = status_kb("VmLck");

	rule.expect("mlock", lock(map.bytes()), 0);
	rule.expect("lo in VmFlags", has_flag(map, "lo"), false);
	rule.expect("VmLck", status_kb("VmLck") - before, 0U);
	rule.expect("munlock", ::munlock(map.data(), map.size()), 0);
}

RULE("insert_page.mlock_of_a_hole", .contract = "PL-03",
     .says = "mlock fails with ENOMEM where a page cannot be faulted in, although it would have locked nothing",
     .source = "mm/mlock.c:__mlock_posix_error_return")
{
	Device device = own_region(node_of(PTELAB_INSERT_PAGE));
	const Mapping map(device, pages(kPages));

	device.zap(map.page(2), PTELAB_ZAP_VMA);
	rule.expect("mlock", lock(map.bytes()), ENOMEM);
	rule.expect("mlock of the pages before", lock(map.bytes(0, pages(2))), 0);
	rule.expect("lo in VmFlags", has_flag(map, "lo"), false);
}

RULE("fault_page.mlock", .contract = "PL-04", .says = "mlock of pages from ->fault sets lo, charges them and faults each in, for reading",
     .source = "mm/gup.c:populate_vma_page_range")
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks});
	const Mapping map(device, pages(kPages));
	const std::uint64_t before = status_kb("VmLck");
	EventLog log(device);

	rule.expect("mlock", lock(map.bytes()), 0);
	rule.expect("lo in VmFlags", has_flag(map, "lo"), true);
	rule.expect("VmLck", status_kb("VmLck") - before, pages(kPages) / 1024);
	rule.expect("faults", device.stats().faults, kPages);
	rule.expect("of these for writing", writes_in(log.take()).faults, 0U);
	rule.expect("munlock", ::munlock(map.data(), map.size()), 0);
	rule.expect("VmLck after munlock", status_kb("VmLck"), before);
}

// fault_insert_mixed has a rule of its own, below.
RULE_PER_NODE("madv_populate", kFaultNodes & kPageNodes, .contract = "PL-05",
	      .says = "MADV_POPULATE tells what MAP_POPULATE hides: EINVAL for PFN mappings and what may not be written, and the error of ->fault",
	      .source = "mm/madvise.c:madvise_populate")
{
	struct {
		ptelab_fault_action action;
		int error;
	} const cases[] = {{PTELAB_FAULT_SERVE, 0},
			   {PTELAB_FAULT_SIGBUS, EFAULT},
			   {PTELAB_FAULT_SIGSEGV, EFAULT},
			   {PTELAB_FAULT_HWPOISON, EHWPOISON},
			   {PTELAB_FAULT_OOM, ENOMEM}};

	for (const auto &[action, error] : cases) {
		const Device device = own_region(rule.node(), kPages, {.fault_action = action});
		Mapping map(device, pages(kPages));
		const std::string name(name_of(action));
		// 5.10 knows neither advice, which is what it says of a PFN mapping too.
		const bool known = knows_populate();
		const int wanted = rule.node().pfn ? EINVAL : error;

		rule.expect(name + ", read", advise(map.bytes(0, pages(8)), MADV_POPULATE_READ), choose<Errno>(known, wanted, EINVAL, kSince514));
		rule.expect(name + ", write", advise(map.bytes(pages(8), pages(8)), MADV_POPULATE_WRITE),
			    choose<Errno>(known, wanted, EINVAL, kSince514));
		rule.expect(name + ", present", present(device, map), wanted == 0 && known ? kPages : 0);
		map.protect(PROT_READ);
		rule.expect(name + ", write to read-only", advise(map.bytes(), MADV_POPULATE_WRITE), EINVAL);
	}
}

RULE("fault_insert_mixed.madv_populate", .contract = "PL-06",
     .says = "MADV_POPULATE is content with special entries, where getting the same pages fails", .source = "mm/gup.c:__get_user_pages",
     .needs = {kPopulate})
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_MIXED));
	const Mapping map(device, pages(kPages));

	rule.expect("read", advise(map.bytes(0, pages(8)), MADV_POPULATE_READ), 0);
	rule.expect("write", advise(map.bytes(pages(8), pages(8)), MADV_POPULATE_WRITE), 0);
	rule.expect("present", present(device, map), kPages);
	rule.expect("an entry is special", (state_of(device, map, 0) & PTELAB_PTE_SPECIAL) != 0, true);
	rule.expect("get_user_pages", verdict_of(device, PTELAB_PIN_GET, map.data()), "EEXIST");
}

RULE("fault_page.populate_and_writes", .contract = "PL-07",
     .says = "MADV_POPULATE_WRITE writes as far as the driver can tell; MAP_POPULATE and mlock of a shared mapping only read",
     .source = "mm/gup.c:populate_vma_page_range")
{
	const auto writes_of = [&](int map_flags, auto &&action) {
		Device device = own_region(node_of(PTELAB_FAULT_PAGE));
		vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks | hook_bit(PTELAB_HOOK_PAGE_MKWRITE)});
		EventLog log(device);
		const Mapping map(device, pages(kPages), {.flags = MAP_SHARED | map_flags});
		action(map);
		rule.expect("present", present(device, map), kPages);
		return writes_in(log.take());
	};
	const auto expect = [&](const std::string &what, const Writes &seen, std::size_t wanted) {
		rule.expect(what + ": faults for writing", seen.faults, wanted);
		rule.expect(what + ": page_mkwrite", seen.mkwrites, wanted);
	};

	expect("MAP_POPULATE", writes_of(MAP_POPULATE, [](const Mapping &) {}), 0);
	expect("mlock", writes_of(0, [](const Mapping &map) { lock(map.bytes()); }), 0);
	rule.because("MADV_POPULATE_*", kSince514);
	if (!knows_populate())
		return;
	expect("MADV_POPULATE_READ", writes_of(0, [](const Mapping &map) { advise(map.bytes(), MADV_POPULATE_READ); }), 0);
	expect("MADV_POPULATE_WRITE", writes_of(0, [](const Mapping &map) { advise(map.bytes(), MADV_POPULATE_WRITE); }), kPages);
}

} // namespace
} // namespace ptelab
