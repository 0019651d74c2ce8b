// SPDX-License-Identifier: GPL-2.0-or-later
// ->mmap_prepare beside ->mmap: what is the same, and in what the two ways differ.
#include <algorithm>
#include <array>
#include <bit>

#include <fmt/core.h>

#include "calls.hpp"
#include "misuse_module.hpp"
#include "room.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

constexpr __u32 kActingNodes = kPrepareNodes & ~bit_of(PTELAB_PREPARE_FAULT_PAGE);
constexpr __u32 kRemappingNodes = kActingNodes & ~bit_of(PTELAB_PREPARE_MAP_PAGES);
constexpr __u64 kNeeded = kOpenAndClose | hook_bit(PTELAB_HOOK_MAPPED) | hook_bit(PTELAB_HOOK_FAULT);

using Names = std::vector<std::string>;

// The node that does with ->mmap what this one does with ->mmap_prepare.
const Node &counterpart(const Node &node)
{
	switch (node.method) {
	case PTELAB_PREPARE_MAP_PAGES:
		return node_of(PTELAB_MAP_PAGES);
	case PTELAB_PREPARE_FAULT_PAGE:
		return node_of(PTELAB_FAULT_PAGE);
	default:
		return node_of(PTELAB_REMAP_PFN);
	}
}

constexpr __u32 kHistory = PTELAB_PTE_YOUNG | PTELAB_PTE_DIRTY;

// What LOOKUP and smaps tell of a mapping whose pages have all been read.
Names picture(const Device &device, const Mapping &map)
{
	Names lines{driver_flags(map), fmt::format("{} resident", resident(map)), fmt::format("{} pages read", touch_all(map))};
	for (const ptelab_pte &entry : device.lookup(map.bytes()))
		lines.push_back(fmt::format("state {:#x}, page {}", entry.state & ~kHistory, entry.page));
	return lines;
}

Device prepared(ptelab_method method, VmaSetup wanted = {})
{
	return traced_region(node_of(method), kPages, wanted);
}

RULE_PER_NODE("maps_as_mmap_does", kPrepareNodes,
	      .says = "What ->mmap_prepare asks for makes the same mapping as the call that ->mmap makes: flags, "
	            "entries, bytes; shared and private",
	      .source = "mm/util.c:mmap_action_complete")
{
	const std::vector<std::byte> content = pattern(pages(kPages), 4);
	for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
		const std::string name = flags == MAP_SHARED ? "shared" : "private";
		const auto pictured = [&](const Node &node) {
			Device device = own_region(node, kPages, {.backing = node.backing});
			device.write(0, content);
			const Mapping map(device, pages(4), {.flags = flags, .offset = pages(3)});
			Names lines = picture(device, map);
			std::vector<std::byte> seen(map.size());
			map.copy_out(0, seen);
			const std::span its = std::span(content).subspan(pages(3), pages(4));
			lines.push_back(std::ranges::equal(seen, its) ? "its bytes" : "others");
			return lines;
		};
		rule.expect(name, pictured(rule.node()), pictured(counterpart(rule.node())));
	}
}

RULE_PER_NODE("order_of_hooks", kPrepareNodes, .contract = "MM-11",
	      .says = "MAP_FIXED over a mapping: its ->close, ->mmap_prepare, then ->mapped, which alone finds the "
	            "VMA, with its entries; all under the write lock",
	      .source = "mm/vma.c:__mmap_region")
{
	const Device device = prepared(rule.node().method);
	Mapping old(device, pages(4));
	EventLog log(device);
	const Mapping map = map_into(std::move(old), device);
	const Events events = log.take();

	rule.expect("hooks", hook_names(events), Names{"close", "mmap_prepare", "mapped"});
	for (const ptelab_hook hook : {PTELAB_HOOK_CLOSE, PTELAB_HOOK_MMAP_PREPARE, PTELAB_HOOK_MAPPED})
		rule.expect(hook_names({event_of(events, hook)}).front() + ": mmap_lock", lock_name(event_of(events, hook)),
			    "write");
	const ptelab_event &mapped = event_of(events, PTELAB_HOOK_MAPPED);
	rule.expect("->mapped finds the VMA", mapped.vma != 0, true);
	rule.expect("->mapped: entries present", mapped.present, rule.node().faults ? 0U : 4U);
	rule.expect("->mapped: bytes", mapped.end - mapped.start, map.size());
}

RULE("prepare.mapped_is_not_called_after_mmap", .says = "->mapped of a driver that has ->mmap is never called",
     .source = "mm/vma.c:__mmap_region", .needs = {feature(PTELAB_HAS_MMAP_ACTIONS)})
{
	for (const ptelab_method method : {PTELAB_FAULT_PAGE, PTELAB_MAP_PAGES}) {
		const Device device = traced_region(node_of(method), kPages, {.hooks = kNeeded});
		EventLog log(device);
		const Mapping map(device, pages(4));
		rule.expect(std::string(node_of(method).name), hook_names(log.take()), Names{"mmap"});
	}
}

RULE_PER_NODE("refusal", kPrepareNodes,
	      .says = "What ->mmap_prepare refuses has no VMA: neither ->mapped nor ->close is called",
	      .source = "mm/vma.c:call_mmap_prepare")
{
	Device device = prepared(rule.node().method);
	inject(device, {.hook = PTELAB_HOOK_MMAP_PREPARE, .answer = PTELAB_ANSWER_ERROR, .error = EXDEV, .times = 1});
	EventLog log(device);

	rule.expect("mmap", map_errno(device.fd(), 4), EXDEV);
	rule.expect("hooks", hook_names(log.take()), Names{"mmap_prepare"});
	rule.expect("the next", map_errno(device.fd(), 4), 0);
}

RULE_PER_NODE("mapped_fails", kPrepareNodes, .contract = "PP-05",
	      .says = "An error of ->mapped is that of mmap; the VMA is unmapped, and ->close is called for it",
	      .source = "mm/util.c:mmap_action_finish")
{
	Device device = prepared(rule.node().method);
	inject(device, {.hook = PTELAB_HOOK_MAPPED, .answer = PTELAB_ANSWER_ERROR, .error = EXDEV, .times = 1});
	const Mapping room = reserve(4);
	EventLog log(device);

	const MapOptions over{.flags = MAP_SHARED | MAP_FIXED, .at = room.data()};
	rule.expect("mmap", errno_of([&] { Mapping(device, pages(4), over).release(); }), EXDEV);
	const Events events = log.take();
	rule.expect("hooks", hook_names(events), Names{"mmap_prepare", "mapped", "close"});
	rule.expect("->close: entries present", event_of(events, PTELAB_HOOK_CLOSE).present, 0U);
	rule.expect("VMAs there, and what was there before is gone", count_vmas(room.bytes()), 0U);
}

RULE("prepare.action_fails", .contract = "PP-03",
     .says = "An action that fails half way unmaps the VMA with ->close and without ->mapped, where a failing ->mmap "
           "calls neither",
     .source = "mm/util.c:mmap_action_finish, mm/vma.c:__mmap_new_file_vma", .needs = {misuse_module(), node(PTELAB_PREPARE_MAP_PAGES)}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	Device device = prepared(PTELAB_PREPARE_MAP_PAGES);
	inject(device, {.hook = PTELAB_HOOK_MMAP_PREPARE, .answer = PTELAB_ANSWER_BAD_PAGE, .times = 1, .pages = 2});
	EventLog log(device);
	rule.expect("->mmap_prepare", map_errno(device.fd(), 4), EINVAL);
	rule.expect("hooks of ->mmap_prepare", hook_names(log.take()), Names{"mmap_prepare", "close"});
	rule.expect("references to the first page", page_info(device, 0).references, 1);

	Device other = traced_region(node_of(PTELAB_MAP_PAGES), kPages);
	inject(other, {.hook = PTELAB_HOOK_MMAP, .answer = PTELAB_ANSWER_ERROR, .error = EINVAL, .times = 1, .pages = 2});
	EventLog other_log(other);
	rule.expect("->mmap", map_errno(other.fd(), 4), EINVAL);
	rule.expect("hooks of ->mmap", hook_names(other_log.take()), Names{"mmap"});
	rule.expect("references to the first page after ->mmap", page_info(other, 0).references, 1);
}

RULE("prepare.error_override", .contract = "PP-04",
     .says = "error_override takes the place of the errno of an action that fails",
     .source = "mm/util.c:mmap_action_finish", .needs = {misuse_module(), node(PTELAB_PREPARE_MAP_PAGES)}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	Device device = prepared(PTELAB_PREPARE_MAP_PAGES);
	inject(device, {.hook = PTELAB_HOOK_MMAP_PREPARE, .answer = PTELAB_ANSWER_BAD_PAGE, .error = EXDEV, .times = 1});
	rule.expect("mmap", map_errno(device.fd(), 4), EXDEV);
}

RULE("prepare.merge", .contract = "PP-05",
     .says = "->mmap_prepare is called before the kernel tries to merge: flags that it changes are compared as it "
           "leaves them, and of a mapping that is "
	     "merged nothing else is heard; where ->mmap changes flags, two mappings stay two",
     .source = "mm/vma.c:__mmap_region", .needs = {node(PTELAB_PREPARE_FAULT_PAGE)})
{
	const auto hooks_of_two = [](ptelab_method method, std::size_t &vmas) {
		const __u64 hooks = hook_bit(PTELAB_HOOK_FAULT) | hook_bit(PTELAB_HOOK_MAPPED);
		const Device device = traced_region(node_of(method), kPages, {.hooks = hooks});
		EventLog log(device);
		Mapping room = reserve(kPages);
		Mapping behind = room.split(pages(8));
		const Mapping first = map_into(std::move(room), device);
		const Mapping second = map_into(std::move(behind), device, {.offset = pages(8)});
		vmas = count_vmas({first.data(), pages(kPages)});
		return hook_names(log.take());
	};
	std::size_t vmas = 0;

	rule.expect("hooks, ->mmap_prepare", hooks_of_two(PTELAB_PREPARE_FAULT_PAGE, vmas),
		    Names{"mmap_prepare", "mapped", "mmap_prepare"});
	rule.expect("VMAs, ->mmap_prepare", vmas, 1U);
	rule.expect("hooks, ->mmap", hooks_of_two(PTELAB_FAULT_PAGE, vmas), Names{"mmap", "mmap"});
	rule.expect("VMAs, ->mmap", vmas, 2U);
}

RULE_PER_NODE("acting_mappings_do_not_merge", kActingNodes,
	      .says = "The flags that an action needs are set before the kernel tries to merge, and so two mappings "
	            "stay two", .source = "mm/vma.c:call_action_prepare")
{
	const Device device = prepared(rule.node().method);
	Mapping room = reserve(kPages);
	Mapping behind = room.split(pages(8));
	const Mapping first = map_into(std::move(room), device);
	const Mapping second = map_into(std::move(behind), device, {.offset = pages(8)});

	rule.expect("VMAs", count_vmas({first.data(), pages(kPages)}), 2U);
}

RULE_PER_NODE("zap_in_mapped", kActingNodes,
	      .says = "The VMA is in the rmap before the action: unmap_mapping_range from ->mapped takes away what "
	            "was inserted, where from ->mmap it finds nothing",
	      .source = "mm/vma.c:__mmap_new_vma")
{
	const auto left = [](const Node &node, ptelab_hook hook) {
		Device device = traced_region(node, kPages);
		inject(device, {.hook = hook, .answer = PTELAB_ANSWER_ZAP});
		const Mapping map(device, pages(4));
		return present(device, map);
	};

	rule.expect("after ->mapped", left(rule.node(), PTELAB_HOOK_MAPPED), 0U);
	rule.expect("after ->mmap", left(counterpart(rule.node()), PTELAB_HOOK_MMAP), 4U);
}

// Whether the entries may be written at once, and how often the hook is called for a read and a write of the first page.
struct FirstWrite {
	bool writable;
	std::size_t told;
};

FirstWrite first_write(ptelab_method method, ptelab_hook hook)
{
	const bool prepares = kPrepareNodes & bit_of(method);
	const Device device = traced_region(node_of(method), kPages,
					    {.hooks = kOpenAndClose | hook_bit(PTELAB_HOOK_FAULT) | hook_bit(hook) |
						      (prepares ? hook_bit(PTELAB_HOOK_MAPPED) : 0)});
	EventLog log(device);
	const Mapping map(device, pages(4));
	const bool writable = state_of(device, map, 0) & PTELAB_PTE_WRITE;
	map.write(0, 1);
	map.write(8, 1);
	return {writable, count_of(log.take(), hook)};
}

RULE("prepare.page_mkwrite_on_eager_pages",
     .says = "Pages of mmap_action_map_kernel_pages are mapped with the VMA's final protection, and page_mkwrite is "
           "called at the first write; those that ->mmap "
	     "inserts are writable at once, and it never is",
     .source = "mm/vma.c:__mmap_complete, mm/memory.c:map_kernel_pages_complete",
     .needs = {node(PTELAB_PREPARE_MAP_PAGES)})
{
	const FirstWrite prepared = first_write(PTELAB_PREPARE_MAP_PAGES, PTELAB_HOOK_PAGE_MKWRITE);
	rule.expect("->mmap_prepare: writable at once", prepared.writable, false);
	rule.expect("->mmap_prepare: calls of page_mkwrite", prepared.told, 1U);
	const FirstWrite mapped = first_write(PTELAB_MAP_PAGES, PTELAB_HOOK_PAGE_MKWRITE);
	rule.expect("->mmap: writable at once", mapped.writable, true);
	rule.expect("->mmap: calls of page_mkwrite", mapped.told, 0U);
}

RULE_PER_NODE("pfn_mkwrite_is_not_called", kRemappingNodes, .contract = "IF-13",
	      .says = "What the remap actions map is writable at once and pfn_mkwrite is never called, as after "
	            "remap_pfn_range in ->mmap",
	      .source = "include/linux/mm.h:mmap_action_remap")
{
	const FirstWrite prepared = first_write(rule.node().method, PTELAB_HOOK_PFN_MKWRITE);
	rule.expect("writable at once", prepared.writable, true);
	rule.expect("calls of pfn_mkwrite", prepared.told, 0U);
}

RULE_PER_NODE("protection_is_taken", kActingNodes, .contract = "PP-06",
	      .says = "mmap_action_remap and _ioremap take page_prot when they are called, _simple_ioremap when "
	            "->mmap_prepare has returned, and "
		      "_map_kernel_pages not at all: it uses what the VMA has in the end",
	      .source = "include/linux/mm.h:mmap_action_remap, mm/memory.c:simple_ioremap_prepare, "
		        "mm/memory.c:map_kernel_pages_complete")
{
	const auto writable = [&](__u32 flags) {
		const Device device = prepared(rule.node().method, {.flags = flags});
		const Mapping map(device, pages(4));
		const bool at_once = state_of(device, map, 0) & PTELAB_PTE_WRITE;
		rule.expect(fmt::format("a write, flags {:#x}", flags), map.write(0, 1).outcome(), kOk);
		return at_once;
	};
	const ptelab_method method = rule.node().method;
	const bool final = method == PTELAB_PREPARE_MAP_PAGES;
	const bool late = method == PTELAB_PREPARE_SIMPLE_IOREMAP;

	rule.expect("untouched", writable(0), true);
	rule.expect("made read-only before", writable(PTELAB_VMA_SETUP_READ_PROT), final);
	rule.expect("made read-only after", writable(PTELAB_VMA_SETUP_READ_PROT_LATE), !late);
}

RULE("prepare.protection_has_the_memory_type",
     .says = "The memory type in page_prot is what pages of mmap_action_map_kernel_pages are mapped with, whether ->mmap_prepare takes "
	     "the right to write from it before or after that is asked for",
     .source = "mm/vma.c:__mmap_complete, mm/memory.c:map_kernel_pages_complete", .needs = {node(PTELAB_PREPARE_MAP_PAGES)})
{
	const auto cache = [](__u32 flags, ptelab_cache wanted) {
		const Device device = prepared(PTELAB_PREPARE_MAP_PAGES, {.flags = flags, .cache = wanted});
		const Mapping map(device, pages(4));
		return device.lookup(map.page(0)).front().cache;
	};
	if (cache(0, {}) == 0)
		rule.skip("this architecture does not tell the memory type of an entry");
	for (const __u32 flags : {0U, PTELAB_VMA_SETUP_READ_PROT, PTELAB_VMA_SETUP_READ_PROT_LATE}) {
		rule.expect(fmt::format("uncached, flags {:#x}", flags), cache(flags, PTELAB_CACHE_UNCACHED), __u32{PTELAB_CACHE_UNCACHED});
		rule.expect(fmt::format("as it is, flags {:#x}", flags), cache(flags, {}), __u32{PTELAB_CACHE_WRITE_BACK});
	}
}

RULE_PER_NODE("a_part", kActingNodes & ~bit_of(PTELAB_PREPARE_SIMPLE_IOREMAP), .contract = "PP-07",
	      .says = "An action for a part of the VMA maps that part; of a private remap a part is EINVAL; a part "
	            "that leaves the VMA is EFAULT, and no hook but "
		      "->mmap_prepare hears of it",
	      .source = "mm/memory.c:remap_pfn_range_prepare, mm/memory.c:map_kernel_pages_prepare", .needs = {root()})
{
	const bool remaps = rule.node().method != PTELAB_PREPARE_MAP_PAGES;
	{
		Device device = prepared(rule.node().method, {.action_first = 1, .action_pages = 2});
		device.write(0, pattern(pages(kPages), 7));
		const Mapping map(device, pages(4), {.offset = pages(2)});
		std::string seen;
		for (const ptelab_pte &entry : device.lookup(map.bytes()))
			seen += fmt::format("{} ", entry.page);
		rule.expect("pages mapped", seen, "0 4 5 0 ");
		rule.expect("before it", map.touch(0).outcome(), kSigbus);
		rule.expect("in it", map.touch(1).outcome(), kOk);
		rule.expect("behind it", map.touch(3).outcome(), kSigbus);
		rule.expect("VmFlags", driver_flags(map), remaps ? "io pf de dd" : "mm");
	}
	const Device whole = prepared(rule.node().method, {.action_first = 0, .action_pages = 4});
	const Mapping all(whole, pages(4));
	rule.expect("of all: pages", present(whole, all), 4U);
	const Device half = prepared(rule.node().method, {.action_first = 1, .action_pages = 2});
	rule.expect("private", map_errno(half.fd(), 4, {.flags = MAP_PRIVATE}), remaps ? EINVAL : 0);

	const Device beyond = prepared(rule.node().method, {.action_first = 3, .action_pages = 2});
	EventLog log(beyond);
	// What warns is inline: it is a part of the driver's own function.
	const std::string line = warning_in("[^ ]*include/linux/mm\\.h", "[^ ]+ \\[ptelab]");
	if (remaps)
		rule.declare_kernel_line(line);
	rule.expect("beyond the end", map_errno(beyond.fd(), 4), EFAULT);
	if (remaps)
		rule.expect("the kernel warned since boot", kernel_said(line), true);
	rule.expect("hooks", hook_names(log.take()), Names{"mmap_prepare"});
}

RULE_PER_NODE("both_hooks", kPrepareNodes, .contract = "PP-01",
	      .says = "A file_operations with ->mmap beside ->mmap_prepare maps nothing: mmap is ENODEV before either is called, with a "
		      "warning, the first time since boot",
	      .source = "include/linux/fs.h:can_mmap_file")
{
	const Device device = prepared(rule.node().method, {.flags = PTELAB_VMA_SETUP_BOTH_MMAPS});
	EventLog log(device);
	const std::string line = warning_in("[^ ]*include/linux/fs\\.h", "do_mmap");

	rule.declare_kernel_line(line);
	for (const int flags : {MAP_SHARED, MAP_PRIVATE})
		rule.expect(flags == MAP_SHARED ? "shared" : "private", map_errno(device.fd(), 4, {.flags = flags}), ENODEV);
	rule.expect("the kernel warned since boot", kernel_said(line), true);
	rule.expect("hooks", hook_names(log.take()), Names{});
}

RULE("prepare.vm_ops", .contract = "PP-02",
     .says = "vm_ops that ->mmap_prepare leaves alone fault with SIGBUS; vm_ops set to NULL make the memory "
           "anonymous, and the driver's bytes are out of reach",
     .source = "mm/vma.c:set_vma_user_defined_fields", .needs = {node(PTELAB_PREPARE_FAULT_PAGE)})
{
	{
		const Device device = prepared(PTELAB_PREPARE_FAULT_PAGE, {.flags = PTELAB_VMA_SETUP_NO_VM_OPS});
		const Mapping map(device, pages(2));
		rule.expect("left alone", map.touch(0).outcome(), kSigbus);
	}
	Device device = prepared(PTELAB_PREPARE_FAULT_PAGE, {.flags = PTELAB_VMA_SETUP_NULL_VM_OPS});
	device.write(0, std::vector<std::byte>(8, std::byte{0x55}));
	const Mapping map(device, pages(2), {.flags = MAP_PRIVATE});
	rule.expect("NULL", map.touch(0).outcome(), kOk);
	rule.expect("NULL: the word", map.get<__u64>(0), 0U);
	map.put(0, __u64{9});
	std::array<std::byte, 8> bytes{};
	device.read(0, bytes);
	rule.expect("NULL: the driver's word after a write", std::bit_cast<__u64>(bytes), 0x5555555555555555U);
	rule.expect("calls of ->fault", device.stats().faults, 0U);
	const Device other = prepared(PTELAB_PREPARE_FAULT_PAGE, {.flags = PTELAB_VMA_SETUP_NULL_VM_OPS});
	rule.expect("NULL, shared", Mapping(other, pages(2)).touch(0).outcome(), kSigbus);
}

} // namespace
} // namespace ptelab
