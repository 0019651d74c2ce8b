// SPDX-License-Identifier: GPL-2.0-or-later
// Calls of the family that few mappings need: each made once with its ordinary result.
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/direct.hpp>

#include "calls.hpp"
#include "machine.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

constexpr std::int64_t kNoPage = 0x100; // VM_FAULT_NOPAGE: the entry is set
constexpr std::int64_t kSigbusAnswer = 0x2; // VM_FAULT_SIGBUS
constexpr std::uint64_t kByRoute = 0x726f757465730000;

ptelab_call on(const Mapping &map, std::size_t page, ptelab_call_id id)
{
	ptelab_call argument{};
	argument.call = id;
	argument.anchor = reinterpret_cast<__u64>(map.data());
	argument.address = argument.anchor + pages(page);
	argument.index = page;
	return argument;
}

RULE("routes.insert_mixed_variants", .says = "The variants of vmf_insert_mixed map a bare pfn like it, the mkwrite one for writing",
     .source = "mm/memory.c:__vm_insert_mixed", .needs = {node(PTELAB_BARE)})
{
	Device device = own_region(node_of(PTELAB_BARE));
	vma_setup(device, {.vm_set = PTELAB_VM_MIXEDMAP});
	const Mapping map(device, pages(kPages));
	const auto make = [&](std::size_t page, ptelab_call_id id, __u64 needed, const char *name) {
		rule.because(std::string(name) + "*", "modules have this call on some kernels only");
		if (!(kernel_features() & needed))
			return rule.observe(name, "this kernel has no such call for modules");
		rule.expect(name, call(device, on(map, page, id)).result, kNoPage);
		rule.expect(fmt::format("{}: present", name), (state_of(device, map, page) & PTELAB_PTE_PRESENT) != 0, true);
	};

	make(0, PTELAB_CALL_INSERT_MIXED_PROT, PTELAB_HAS_INSERT_MIXED_PROT, "vmf_insert_mixed_prot");
	make(1, PTELAB_CALL_INSERT_MIXED_MKWRITE, PTELAB_HAS_INSERT_MIXED_MKWRITE, "vmf_insert_mixed_mkwrite");
}

RULE("routes.insert_page_mkwrite",
     .says = "vmf_insert_page_mkwrite for a write makes an entry that is writable and dirty at once, also where page_mkwrite would be called; for a page "
	     "that is there already it gives the right to write; another page is SIGBUS and a warning",
     .source = "mm/memory.c:insert_page_into_pte_locked", .needs = {root(), node(PTELAB_BARE), feature(PTELAB_HAS_INSERT_PAGE_MKWRITE)})
{
	Device device = own_region(node_of(PTELAB_BARE));
	vma_setup(device, {.hooks = kOpenAndClose | hook_bit(PTELAB_HOOK_PAGE_MKWRITE)});
	const Mapping map(device, pages(4));
	const auto insert = [&](std::size_t page, std::size_t index, bool write) {
		ptelab_call argument = on(map, page, PTELAB_CALL_INSERT_PAGE_MKWRITE);
		argument.flags = write ? PTELAB_CALL_WRITE : 0U;
		argument.index = index;
		return call(device, argument).result;
	};
	constexpr __u32 kTold = PTELAB_PTE_PRESENT | PTELAB_PTE_WRITE | PTELAB_PTE_DIRTY | PTELAB_PTE_SPECIAL | PTELAB_PTE_OURS;
	constexpr __u32 kRead = PTELAB_PTE_PRESENT | PTELAB_PTE_OURS;

	rule.expect("to read", insert(0, 0, false), kNoPage);
	rule.expect("to read: the entry", state_of(device, map, 0) & kTold, kRead);
	rule.expect("to write", insert(1, 1, true), kNoPage);
	rule.expect("to write: the entry", state_of(device, map, 1) & kTold, kRead | PTELAB_PTE_WRITE | PTELAB_PTE_DIRTY);
	rule.expect("references", page_info(device, 1).references, 2);
	rule.expect("again, to read", insert(0, 0, false), kNoPage);
	rule.expect("again, to read: the entry", state_of(device, map, 0) & kTold, kRead);
	rule.expect("again, to write", insert(0, 0, true), kNoPage);
	rule.expect("again, to write: writable", (state_of(device, map, 0) & PTELAB_PTE_WRITE) != 0, true);
	rule.expect("again, to write: references", page_info(device, 0).references, 2);
	rule.expect("another page, to read", insert(0, 2, false), kNoPage);
	// The function may be part of its callers.
	const std::string line = warning_in("mm/memory\\.c", "(insert_page_into_pte_locked|insert_page|vmf_insert_page_mkwrite)[+.]");
	rule.declare_kernel_line(line);
	rule.expect("another page, to write", insert(0, 2, true), kSigbusAnswer);
	rule.expect("the kernel warned since boot", kernel_said(line), true);
	rule.expect("references to that", page_info(device, 2).references, 1);
	rule.expect("what is mapped", device.lookup(map.page(0)).front().page, 1U);
}

RULE("routes.io_remap", .says = "io_remap_pfn_range maps a range of pfns as remap_pfn_range does", .source = "include/linux/mm.h:io_remap_pfn_range",
     .needs = {node(PTELAB_BARE)})
{
	const Device device = own_region(node_of(PTELAB_BARE));
	const Mapping map(device, pages(kPages));
	ptelab_call remap = on(map, 0, PTELAB_CALL_IO_REMAP);

	remap.flags = PTELAB_CALL_WRITE_LOCK;
	remap.bytes = map.size();
	rule.expect("result", call(device, remap).result, 0);
	rule.expect("present", present(device, map), kPages);
}

RULE_PER_NODE("unmap_mapping_pages", bit_of(PTELAB_FAULT_PAGE), .says = "unmap_mapping_pages takes away the pages that it was given, and no others",
	      .source = "mm/memory.c:unmap_mapping_pages")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	ptelab_call unmap = on(map, 4, PTELAB_CALL_UNMAP_PAGES);
	unmap.count = 3;
	const Errno error = errno_of([&] { call(device, unmap); });
	rule.expect("errno", error, by_feature(PTELAB_HAS_UNMAP_PAGES, Errno(0), Errno(EOPNOTSUPP), "not every kernel exports it"));
	rule.expect("present", present(device, map), error == 0 ? kPages - 3 : kPages);
}

RULE_PER_NODE("fixup_user_fault", kFaultNodes & kFirstNodes, .says = "fixup_user_fault makes a page present as an access would, and leaves a present one alone",
	      .source = "mm/gup.c:fixup_user_fault")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	rule.expect("result", call(device, on(map, 3, PTELAB_CALL_FIXUP_FAULT)).result, 0);
	rule.expect("present", present(device, map), 1U);
	rule.expect("faults", device.stats().faults, 1U);
	rule.expect("again", call(device, on(map, 3, PTELAB_CALL_FIXUP_FAULT)).result, 0);
	rule.expect("present then", present(device, map), 1U);
}

RULE_PER_NODE("follow_pfn_finds_it", bit_of(PTELAB_REMAP_PFN) | bit_of(PTELAB_FAULT_INSERT_PFN),
	      .says = "follow_pfn, or follow_pfnmap_start after it, finds the pfn that a PFN mapping has", .source = "mm/memory.c:follow_pfn")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const ptelab_call found = call(device, on(map, 5, PTELAB_CALL_FOLLOW_PFN_ANY));
	rule.expect("result", found.result, 0);
	rule.expect("page of the region", found.value, 6U);
}

RULE_PER_NODE("access_process_vm", bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PFN),
	      .says = "access_process_vm reads and writes a driver's mapping as a debugger does: by its page, or by ->access",
	      .source = "mm/memory.c:__access_remote_vm")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	ptelab_call access = on(map, 2, PTELAB_CALL_ACCESS_PROCESS);

	map.put(pages(2), kByRoute);
	ptelab_call answer = call(device, access);
	rule.expect("bytes read", answer.result, 8);
	rule.expect("what was read", answer.value, kByRoute);
	access.flags = PTELAB_CALL_WRITE;
	access.argument = kByRoute + 1;
	rule.expect("bytes written", call(device, access).result, 8);
	rule.expect("what was written", map.get<std::uint64_t>(pages(2)), kByRoute + 1);
}

RULE("routes.generic_access_phys", .says = "generic_access_phys as ->access lets /proc/PID/mem read a PFN mapping of reserved memory",
     .source = "mm/memory.c:generic_access_phys", .needs = {feature(PTELAB_HAS_GENERIC_ACCESS), ioremap_of_reserved_ram(), node(PTELAB_REMAP_PFN), root()})
{
	Device device = own_region(node_of(PTELAB_REMAP_PFN));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_RESERVED, // ioremap() refuses other RAM
		       .hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_GENERIC_ACCESS)});
	const Mapping map(device, pages(kPages));
	std::uint64_t value = 0;

	map.put(pages(1), kByRoute);
	const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	const ssize_t got = ::pread(memory, &value, sizeof(value), reinterpret_cast<off_t>(map.data() + pages(1)));
	::close(memory);
	rule.expect("bytes read", got, 8);
	rule.expect("what was read", value, kByRoute);
}

RULE_PER_NODE("every_way_to_pin", bit_of(PTELAB_FAULT_PAGE), .says = "Every way to get or to pin user pages that may fault gets a page that ->fault returned",
	      .source = "mm/gup.c:__get_user_pages")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.put(0, kByRoute);
	for (int how = PTELAB_PIN_GET; how < PTELAB_PINS; ++how) {
		if (how == PTELAB_PIN_PIN_FAST_ONLY) {
			ptelab_pin fast{};
			fast.how = how;
			fast.address = address_of(map);
			fast.pages = 1;
			rule.expect("pin_user_pages_fast_only", device.call(PTELAB_IOC_PIN, &fast),
				    by_feature(PTELAB_HAS_FAST_ONLY_PIN, Errno(0), Errno(EOPNOTSUPP), "modules have this call on some kernels only"));
			continue;
		}
		const ptelab_pin got = pin(device, {.how = static_cast<ptelab_pin_how>(how), .address = map.data()});
		// Which pages the lockless walk refuses (mm/gup.c: gup_fast_folio_allowed) is the business of the rules on pinning.
		if (how == PTELAB_PIN_GET_FAST_ONLY) {
			rule.because("pages, without the slow path", "a small page is refused where it could be secret: the rule pin_fast_only");
			rule.observe("pages, without the slow path", got.result);
			continue;
		}
		rule.expect(fmt::format("pages, way {}", how), got.result, 1);
		rule.expect(fmt::format("page of the region, way {}", how), got.page, 1U);
		rule.expect(fmt::format("its bytes, way {}", how), got.bytes, kByRoute);
	}
}

} // namespace
} // namespace ptelab
