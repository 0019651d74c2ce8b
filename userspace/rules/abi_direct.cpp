// SPDX-License-Identifier: GPL-2.0-or-later
// The ABI of direct calls, page counts and pins as it is: every field that can be wrong is, once, with everything else right.
#include <algorithm>
#include <csignal>

#include <ptelab/child.hpp>

#include "abi.hpp"
#include "calls.hpp"

namespace ptelab {
namespace {

constexpr __u32 kCallFlags = PTELAB_CALL_WRITE_LOCK | PTELAB_CALL_WRITE | PTELAB_CALL_WRAP | PTELAB_CALL_MISUSE;
constexpr __u32 kPinFlags = PTELAB_PIN_WRITE | PTELAB_PIN_FORCE | PTELAB_PIN_LONGTERM | PTELAB_PIN_KEEP | PTELAB_PIN_NO_PAGES;
constexpr __u64 kNobodyHere = 0x10000; // below everything that is mapped

// The node bare, mapped and empty.
struct CallBench {
	Device device;
	Mapping map;

	explicit CallBench(const VmaSetup &wanted = {}, const MapOptions &options = {})
		: device(bare(wanted)), map(device, pages(kPages), options)
	{
	}

	ptelab_call right(ptelab_call_id id, __u32 flags = 0) const { return call_on(map, id, flags); }
	Errno of(ptelab_call argument) const { return ask(device, argument); }
	Errno of(ptelab_call_id id, __u32 flags, const std::function<void(ptelab_call &)> &change = {}) const
	{
		ptelab_call argument = right(id, flags);
		if (change)
			change(argument);
		return of(argument);
	}
};

VmaSetup vm_flags(__u32 set)
{
	return {.vm_set = set};
}

RULE("abi.call_rejects", .says = "CALL refuses every value out of range before it takes a lock, and calls nothing then",
     .source = "kmod/glue/direct/call.c:check")
{
	const CallBench bench(vm_flags(PTELAB_VM_MIXEDMAP));
	using C = ptelab_call;
	const std::vector<Wrong<C>> wrongs{
		{"reserved0", [](C &call) { call.reserved0 = 1; }},
		{"call 0", [](C &call) { call.call = 0; }},
		{"an unknown call", [](C &call) { call.call = PTELAB_CALLS; }},
		{"a call far out", [](C &call) { call.call = ~0U; }},
		{"an unknown source", [](C &call) { call.source = PTELAB_SOURCES; }},
		{"an unknown memory type", [](C &call) { call.cache = PTELAB_CACHES; }},
		{"too many pages", [](C &call) { call.count = PTELAB_LOOKUP_MAX + 1; }},
		{"too many bytes", [](C &call) { call.bytes = (PTELAB_LOOKUP_MAX + 1ULL) * page_size(); }},
		{"an offset past the page", [](C &call) { call.offset = page_size() + 1; }},
		{"an address inside a page", [](C &call) { call.address += 8; }},
		{"an address far from the anchor", [](C &call) { call.address += PTELAB_CALL_MARGIN + page_size(); }},
		{"an address far before the anchor", [](C &call) { call.address -= PTELAB_CALL_MARGIN + page_size(); }},
		{"a page past the region", [](C &call) { call.index = kPages; }},
		{"a page far out", [](C &call) { call.index = ~0ULL; }},
		{"a source in place of a page that is not asked for",
		 [](C &call) {
			 call.source = PTELAB_SOURCE_FRESH;
			 call.bad = 1;
		 }},
		{"a vmalloc source for a page", [](C &call) { call.source = PTELAB_SOURCE_USER_VMALLOC; }},
		{"nothing at the anchor",
		 [](C &call) { call.anchor = call.address = kNobodyHere; }, EFAULT},
		{"an anchor in the kernel",
		 [](C &call) { call.anchor = call.address = ~0ULL - 2 * page_size() + 1; }, EFAULT},
	};
	rejects(rule, bench.device, PTELAB_IOC_CALL, bench.right(PTELAB_CALL_INSERT_PAGE), wrongs, kCallFlags);
	rule.expect("only the right one inserted", present(bench.device, bench.map), 1U);

	const CallBench other(vm_flags(PTELAB_VM_MIXEDMAP));
	rule.expect("another file's mapping", bench.of(other.right(PTELAB_CALL_INSERT_PAGE)), EINVAL);
	const auto array = [&](__u64 index, __u64 count) {
		return bench.of(PTELAB_CALL_INSERT_PAGES, 0, [=](C &call) { call.index = index, call.count = count; });
	};
	rule.expect("no pages", array(0, 0), EINVAL);
	rule.expect("pages past the region", array(kPages - 1, 2), EINVAL);
	rule.expect("a buffer of no pages", bench.of(PTELAB_CALL_REMAP_VMALLOC, PTELAB_CALL_WRITE_LOCK, [](C &call) {
		call.source = PTELAB_SOURCE_USER_VMALLOC;
		call.count = 0;
	}), EINVAL);
	rule.expect("a buffer that no source makes", bench.of(PTELAB_CALL_REMAP_VMALLOC, PTELAB_CALL_WRITE_LOCK), EINVAL);
}

RULE("abi.call_refuses_damage", .says = "CALL answers EPERM where the kernel would have a BUG or lose track of memory, and does nothing",
     .source = "kmod/glue/direct/call_may.h")
{
	const CallBench plain, mixed(vm_flags(PTELAB_VM_MIXEDMAP)), pfnmap(vm_flags(PTELAB_VM_PFNMAP));
	const CallBench read_only({}, {.prot = PROT_READ});
	const CallBench copied(vm_flags(PTELAB_VM_PFNMAP), {.flags = MAP_PRIVATE});
	using C = ptelab_call;
	const auto source = [](__u32 kind, __u64 argument = 0) {
		return [=](C &call) { call.source = kind, call.argument = argument; };
	};
	const auto bytes = [](__u64 count) { return [=](C &call) { call.bytes = count; }; };
	const auto address = [](const Mapping &map, std::int64_t page) { return [&map, page](C &call) { call.address = address_of(map, page); }; };
	Mapping anonymous(-1, page_size(), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	anonymous.put(0, 1);

	const struct {
		const char *what;
		const CallBench &bench;
		ptelab_call_id call;
		__u32 flags = 0;
		std::function<void(C &)> change = {};
	} cases[] = {
		{"insert_page must set VM_MIXEDMAP and may not", plain, PTELAB_CALL_INSERT_PAGE},
		{"insert_pages must set VM_MIXEDMAP and may not", plain, PTELAB_CALL_INSERT_PAGES},
		{"map_pages must set VM_MIXEDMAP and may not", plain, PTELAB_CALL_MAP_PAGES},
		{"insert_page into VM_PFNMAP", pfnmap, PTELAB_CALL_INSERT_PAGE, PTELAB_CALL_WRITE_LOCK},
		{"remap_vmalloc into VM_PFNMAP", pfnmap, PTELAB_CALL_REMAP_VMALLOC, PTELAB_CALL_WRITE_LOCK,
		 source(PTELAB_SOURCE_USER_VMALLOC)},
		{"remap_vmalloc under the read lock", plain, PTELAB_CALL_REMAP_VMALLOC, 0, source(PTELAB_SOURCE_USER_VMALLOC)},
		{"insert_pfn without VM_PFNMAP", plain, PTELAB_CALL_INSERT_PFN},
		{"insert_pfn of RAM into VM_MIXEDMAP", mixed, PTELAB_CALL_INSERT_PFN},
		{"insert_pfn_prot without VM_PFNMAP", plain, PTELAB_CALL_INSERT_PFN_PROT},
		{"insert_pfn into a private VM_PFNMAP", copied, PTELAB_CALL_INSERT_PFN},
		{"insert_pfn of an anonymous page", pfnmap, PTELAB_CALL_INSERT_PFN, 0,
		 source(PTELAB_SOURCE_ANON, address_of(anonymous))},
		{"insert_mixed of an anonymous page", mixed, PTELAB_CALL_INSERT_MIXED, 0,
		 source(PTELAB_SOURCE_ANON, address_of(anonymous))},
		{"remap under the read lock", plain, PTELAB_CALL_REMAP},
		{"remap of no bytes", plain, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK, bytes(0)},
		{"remap past the end", plain, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK, bytes(pages(kPages + 1))},
		{"remap before the start", plain, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK, address(plain.map, -1)},
		{"remap in VM_MIXEDMAP", mixed, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK},
		{"remap of all of a private mapping", copied, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK, bytes(pages(kPages))},
		{"iomap under the read lock", plain, PTELAB_CALL_IOMAP},
		{"iomap of less than a page", plain, PTELAB_CALL_IOMAP, PTELAB_CALL_WRITE_LOCK, bytes(1)},
		{"iomap of all of a private mapping", copied, PTELAB_CALL_IOMAP, PTELAB_CALL_WRITE_LOCK, bytes(pages(kPages))},
		{"zap of part of a page", mixed, PTELAB_CALL_ZAP_VMA, 0, bytes(8)},
		{"zap of nothing", mixed, PTELAB_CALL_ZAP_SPECIAL, 0, bytes(0)},
		{"zap_vma past the end", mixed, PTELAB_CALL_ZAP_VMA, 0, bytes(pages(kPages + 1))},
		{"apply past the end", plain, PTELAB_CALL_APPLY, 0, bytes(pages(kPages + 1))},
		{"a fault under the write lock", plain, PTELAB_CALL_HANDLE_FAULT, PTELAB_CALL_WRITE_LOCK},
		{"a fault past the end", plain, PTELAB_CALL_FIXUP_FAULT, 0, address(plain.map, kPages)},
		{"a write fault where nobody may write", read_only, PTELAB_CALL_HANDLE_FAULT, PTELAB_CALL_WRITE},
	};
	for (const auto &one : cases)
		rule.expect(one.what, one.bench.of(one.call, one.flags, one.change), EPERM);
	for (const CallBench *bench : {&plain, &mixed, &pfnmap, &copied, &read_only})
		rule.expect("nothing was mapped", present(bench->device, bench->map), 0U);
	rule.expect("remap of an empty place", plain.of(PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK), 0);
	rule.expect("remap over an entry", plain.of(PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK), EPERM);
}

RULE("abi.call_bare_pfns_want_uncounted_pages",
     .says = "CALL puts no bare pfn where each mapping of a page is to hold a reference, and no small page where a huge leaf may be",
     .source = "kmod/glue/direct/call_may.h")
{
	const auto answer_on = [](ptelab_method method, ptelab_call_id id, __u32 call_flags = PTELAB_CALL_WRITE_LOCK) {
		const Device device = own_region(node_of(method));
		const Mapping map(device, pages(kPages));
		ptelab_call call{};
		call.call = id;
		call.flags = call_flags;
		call.anchor = call.address = address_of(map);
		call.bytes = page_size();
		return device.call(PTELAB_IOC_CALL, &call);
	};
	rule.expect("insert_pfn on fault_page", answer_on(PTELAB_FAULT_PAGE, PTELAB_CALL_INSERT_PFN), EPERM);
	rule.expect("insert_mixed on fault_insert_page", answer_on(PTELAB_FAULT_INSERT_PAGE, PTELAB_CALL_INSERT_MIXED), EPERM);
	rule.expect("remap on fault_page", answer_on(PTELAB_FAULT_PAGE, PTELAB_CALL_REMAP), EPERM);
	rule.expect("iomap on fault_page", answer_on(PTELAB_FAULT_PAGE, PTELAB_CALL_IOMAP), EPERM);
	rule.expect("insert_pfn on fault_insert_pfn", answer_on(PTELAB_FAULT_INSERT_PFN, PTELAB_CALL_INSERT_PFN), 0);
	rule.because("insert_pfn on huge_pfn*", "the node is there where the kernel has transparent huge pages");
	if (why_absent(node_of(PTELAB_HUGE_PFN)).empty()) {
		rule.expect("insert_pfn on huge_pfn, beside faults", answer_on(PTELAB_HUGE_PFN, PTELAB_CALL_INSERT_PFN, 0), EPERM);
		rule.expect("insert_pfn on huge_pfn, alone", answer_on(PTELAB_HUGE_PFN, PTELAB_CALL_INSERT_PFN), 0);
	}
}

RULE("abi.call_tells_what_is_missing", .says = "CALL of a function that this kernel does not have is EOPNOTSUPP, as QUERY says",
     .source = "kmod/glue/compat.h")
{
	const CallBench bench(vm_flags(PTELAB_VM_MIXEDMAP));
	const struct {
		const char *what;
		ptelab_call_id call;
		__u64 feature;
	} cases[] = {
		{"zap_page_range", PTELAB_CALL_ZAP_MANY, PTELAB_HAS_ZAP_MANY},
		{"unmap_mapping_pages", PTELAB_CALL_UNMAP_PAGES, PTELAB_HAS_UNMAP_PAGES},
		{"follow_pfn", PTELAB_CALL_FOLLOW_PFN, PTELAB_HAS_FOLLOW_PFN},
		{"follow_pte", PTELAB_CALL_FOLLOW_PTE, PTELAB_HAS_FOLLOW_PTE},
		{"follow_pfnmap_start", PTELAB_CALL_FOLLOW_PFNMAP, PTELAB_HAS_FOLLOW_PFNMAP},
		{"insert_mixed_prot", PTELAB_CALL_INSERT_MIXED_PROT, PTELAB_HAS_INSERT_MIXED_PROT},
		{"insert_mixed_mkwrite", PTELAB_CALL_INSERT_MIXED_MKWRITE, PTELAB_HAS_INSERT_MIXED_MKWRITE},
	};
	for (const auto &one : cases)
		rule.expect(one.what, bench.of(one.call, 0),
			    by_feature(one.feature, Errno(0), Errno(EOPNOTSUPP), "modules have this call on some kernels only: ptelab explain tells what replaces it"));
}

RULE("abi.call_on_revoked_is_enodev", .says = "CALL puts nothing into page tables while REVOKE is in force", .source = "kmod/glue/direct/call.c:call_gated")
{
	CallBench bench(vm_flags(PTELAB_VM_MIXEDMAP));
	bench.device.revoke();
	// With a page that is not the region's: that one is there.
	const auto insert = [&] {
		return bench.of(PTELAB_CALL_INSERT_PAGE, 0, [](ptelab_call &call) { call.source = PTELAB_SOURCE_FRESH; });
	};
	rule.expect("revoked", insert(), ENODEV);
	rule.expect("present", present(bench.device, bench.map), 0U);
	bench.device.restore();
	rule.expect("restored", insert(), 0);
}

RULE("abi.page_info_rejects", .says = "PAGE_INFO refuses unknown flags and sources, pages past the region, and sources that are no page",
     .source = "kmod/glue/direct/page_info.c:ptelab_page_info")
{
	const CallBench bench;
	using P = ptelab_page_info;
	rejects<P>(rule, bench.device, PTELAB_IOC_PAGE_INFO, {},
		   {{"a page past the region", [](P &page) { page.index = kPages; }},
		    {"a page far out", [](P &page) { page.index = ~0ULL; }},
		    {"an unknown source", [](P &page) { page.source = PTELAB_SOURCES; }},
		    {"an anonymous page", [](P &page) { page.source = PTELAB_SOURCE_ANON; }},
		    {"a vmalloc buffer", [](P &page) { page.source = PTELAB_SOURCE_PLAIN_VMALLOC; }},
		    {"a vmalloc buffer for users", [](P &page) { page.source = PTELAB_SOURCE_USER_VMALLOC; }}},
		   PTELAB_PAGE_DROP_ALL);
}

RULE("abi.drop_all_needs_counted_pages",
     .says = "PAGE_DROP_ALL takes single pages, of a region of the file's own, on a node whose mappings hold references",
     .source = "kmod/core/entry.cpp:ptelab_drop_pages")
{
	const auto drop = [](const Device &device) {
		ptelab_page_info argument{};
		argument.flags = PTELAB_PAGE_DROP_ALL;
		return device.call(PTELAB_IOC_PAGE_INFO, &argument);
	};
	const Node &node = node_of(PTELAB_FAULT_PAGE);
	rule.expect("the node's region", drop(Device(node)), EOPNOTSUPP);
	rule.expect("a node of pfns", drop(own_region(node_of(PTELAB_FAULT_INSERT_PFN))), EOPNOTSUPP);
	for (const ptelab_backing backing : {PTELAB_BACKING_COMPOUND, PTELAB_BACKING_SPLIT, PTELAB_BACKING_VMALLOC})
		rule.expect(std::string(name_of(backing)), drop(own_region(node, kPages, {.backing = backing})), EOPNOTSUPP);

	const Device device = own_region(node, kPages, {.backing = PTELAB_BACKING_SINGLE});
	const Mapping map(device, pages(kPages));
	const Probe probe;
	rule.expect("a page before", probe.read(map.page(0).data()).done(), true);
	rule.expect("single pages", drop(device), 0);
	rule.expect("the page that was mapped", probe.read(map.page(0).data()).done(), true);
	rule.expect("a page that was not", probe.read(map.page(1).data()).signal, SIGBUS);
	std::byte byte{};
	rule.expect("read", errno_of([&] { device.read(0, {&byte, 1}); }), ENODEV);
	rule.expect("twice", drop(device), 0);
}

RULE("abi.pin_rejects", .says = "PIN refuses every value out of range", .source = "kmod/glue/direct/pin.c:check")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));
	using P = ptelab_pin;
	ptelab_pin right{};
	right.how = PTELAB_PIN_GET;
	right.address = address_of(map);
	right.pages = 1;
	rejects<P>(rule, device, PTELAB_IOC_PIN, right,
		   {{"reserved0", [](P &pin) { pin.reserved0 = 1; }},
		    {"how 0", [](P &pin) { pin.how = 0; }},
		    {"an unknown how", [](P &pin) { pin.how = PTELAB_PINS; }},
		    {"no pages", [](P &pin) { pin.pages = 0; }},
		    {"too many pages", [](P &pin) { pin.pages = 513; }},
		    {"another process without REMOTE", [](P &pin) { pin.pid = 1; }},
		    {"keep no pages", [](P &pin) { pin.flags = PTELAB_PIN_NO_PAGES | PTELAB_PIN_KEEP; }},
		    {"pin no pages",
		     [](P &pin) {
			     pin.flags = PTELAB_PIN_NO_PAGES;
			     pin.how = PTELAB_PIN_PIN;
		     }},
		    {"nobody has that pid",
		     [](P &pin) {
			     pin.how = PTELAB_PIN_GET_REMOTE;
			     pin.pid = 0x7fffffff;
		     },
		     EPERM}},
		   kPinFlags);
}

RULE("abi.kept_pins", .says = "A file keeps one PIN at a time, and UNPIN gives back what was kept once", .source = "kmod/glue/direct/pin.c:ptelab_unpin")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));
	ptelab_pin right{};
	right.how = PTELAB_PIN_PIN;
	right.flags = PTELAB_PIN_KEEP;
	right.address = address_of(map);
	right.pages = 2;
	const auto pin = [&] {
		ptelab_pin argument = right;
		return device.call(PTELAB_IOC_PIN, &argument);
	};
	using P = ptelab_pin;
	ptelab_pin nothing{};
	rule.expect("unpin of nothing", device.call(PTELAB_IOC_UNPIN, &nothing), ENOENT);
	rule.expect("keep", pin(), 0);
	rule.expect("keep again", pin(), EBUSY);
	rejects_spoilt<P>(rule, device, PTELAB_IOC_UNPIN, {}, {{"reserved0", [](P &unpin) { unpin.reserved0 = 1; }}});
	ptelab_pin done{};
	rule.expect("unpin", device.call(PTELAB_IOC_UNPIN, &done), 0);
	rule.expect("pages given back", done.result, 2);
	rule.expect("the first was the region's first", done.page, 1U);
	rule.expect("unpin again", device.call(PTELAB_IOC_UNPIN, &done), ENOENT);
	rule.expect("keep anew", pin(), 0); // given back when the file is closed
}

RULE("abi.other_processes_need_consent", .says = "CALL and PIN of another process are EPERM, with CAP_SYS_PTRACE too: it has not lent its memory",
     .source = "kmod/glue/direct/pin.c:mm_of")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const pid_t parent = getpid();
	ptelab_pin pin{};
	pin.how = PTELAB_PIN_GET_REMOTE;
	pin.address = reinterpret_cast<__u64>(&pin);
	pin.pages = 1;
	ptelab_call call{};
	call.call = PTELAB_CALL_ACCESS_PROCESS;
	call.address = reinterpret_cast<__u64>(&pin);

	const auto answers = in_child([&] {
		become_nobody();
		std::array<int, 3> seen{};
		seen[0] = device.call(PTELAB_IOC_CALL, &call).value;
		pin.pid = call.pid = static_cast<__u32>(parent);
		seen[1] = device.call(PTELAB_IOC_CALL, &call).value;
		seen[2] = device.call(PTELAB_IOC_PIN, &pin).value;
		return seen;
	});
	rule.expect("its own memory", Errno(answers[0]), 0);
	rule.expect("CALL of its parent", Errno(answers[1]), EPERM);
	rule.expect("PIN of its parent", Errno(answers[2]), EPERM);
	pin.pid = call.pid = static_cast<__u32>(parent);
	rule.expect("CALL of oneself by pid", device.call(PTELAB_IOC_CALL, &call), 0);
	pin.pid = call.pid = 1;
	rule.expect("CALL with the capability", device.call(PTELAB_IOC_CALL, &call), EPERM);
	rule.expect("PIN with the capability", device.call(PTELAB_IOC_PIN, &pin), EPERM);
}

} // namespace
} // namespace ptelab
