// SPDX-License-Identifier: GPL-2.0-or-later
// The ABI of VMA setups, injections and events as it is: every field that can be wrong is, once, with everything else right.
#include "abi.hpp"
#include "calls.hpp"

namespace ptelab {
namespace {

constexpr __u32 kVmaSetupFlags = PTELAB_VMA_SETUP_HOOKS | PTELAB_VMA_SETUP_NO_VM_OPS | PTELAB_VMA_SETUP_OWN_INODE | PTELAB_VMA_SETUP_RESERVED |
			      PTELAB_VMA_SETUP_EVENTS | PTELAB_VMA_SETUP_MISUSE;
constexpr __u32 kPrepareFlags = PTELAB_VMA_SETUP_READ_PROT | PTELAB_VMA_SETUP_READ_PROT_LATE | PTELAB_VMA_SETUP_NULL_VM_OPS | PTELAB_VMA_SETUP_BOTH_MMAPS;

Errno vma_setup_of(const Device &device, ptelab_vma_setup argument)
{
	return device.call(PTELAB_IOC_VMA_SETUP, &argument);
}

ptelab_vma_setup hooks(__u64 bits)
{
	ptelab_vma_setup vma_setup{};
	vma_setup.flags = PTELAB_VMA_SETUP_HOOKS;
	vma_setup.hooks = bits;
	return vma_setup;
}

ptelab_vma_setup flags(__u32 bits)
{
	ptelab_vma_setup vma_setup{};
	vma_setup.flags = bits;
	return vma_setup;
}

ptelab_vma_setup vm_set(__u32 bits)
{
	ptelab_vma_setup vma_setup{};
	vma_setup.vm_set = bits;
	return vma_setup;
}

RULE("abi.vma_setup_rejects", .says = "VMA_SETUP refuses unknown bits, what may only be cleared, and two ->access at once",
     .source = "kmod/glue/driver/vma_setup.c:check")
{
	const Device device = own_region(node_of(PTELAB_BARE));
	using S = ptelab_vma_setup;
	const auto hook = [](unsigned bit) { return [bit](S &vma_setup) { vma_setup.hooks |= 1ULL << bit; }; };
	rejects<S>(rule, device, PTELAB_IOC_VMA_SETUP, hooks(hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE)),
		   {{"hook 0", hook(0)},
		    {"the hook mmap", hook(PTELAB_HOOK_MMAP)},
		    {"the hook release", hook(PTELAB_HOOK_RELEASE)},
		    {"the hook mmap_prepare", hook(PTELAB_HOOK_MMAP_PREPARE)},
		    {"an unknown hook", hook(PTELAB_HOOKS)},
		    {"a hook far out", hook(63)},
		    {"hooks without HOOKS", [](S &vma_setup) { vma_setup.flags = 0; }},
		    {"two ->access",
		     [](S &vma_setup) { vma_setup.hooks |= hook_bit(PTELAB_HOOK_ACCESS) | hook_bit(PTELAB_HOOK_GENERIC_ACCESS); }},
		    {"an unknown memory type", [](S &vma_setup) { vma_setup.cache = PTELAB_CACHES; }},
		    {"an unknown VM flag to set", [](S &vma_setup) { vma_setup.vm_set = 1U << 8; }},
		    {"an unknown VM flag to clear", [](S &vma_setup) { vma_setup.vm_clear = 1U << 8; }},
		    {"VM_WRITE set", [](S &vma_setup) { vma_setup.vm_set = PTELAB_VM_WRITE; }},
		    {"VM_MAYWRITE set", [](S &vma_setup) { vma_setup.vm_set = PTELAB_VM_MAYWRITE; }}},
		   kVmaSetupFlags | kPrepareFlags);
	const auto part = [&](__u64 first, __u64 count) {
		ptelab_vma_setup vma_setup{};
		vma_setup.action_first = first;
		vma_setup.action_pages = count;
		return vma_setup_of(own_region(node_of(PTELAB_BARE)), vma_setup);
	};
	rule.expect("a part of no pages", part(1, 0), EINVAL);
	rule.expect("a part of too many pages", part(0, PTELAB_LOOKUP_MAX + 1), EINVAL);
	rule.expect("a part too far out", part(PTELAB_LOOKUP_MAX + 1, 1), EINVAL);
}

RULE("abi.vma_setup_refuses", .says = "VMA_SETUP is EOPNOTSUPP where the node, the region or the kernel cannot be custom like that",
     .source = "kmod/glue/driver/vma_setup.c:check")
{
	const struct {
		const char *what;
		ptelab_method method;
		ptelab_vma_setup vma_setup;
		Setup setup = {};
	} cases[] = {
		{"no ->close where mmap fills", PTELAB_INSERT_PAGE, hooks(hook_bit(PTELAB_HOOK_OPEN))},
		{"no ->open where mmap fills", PTELAB_REMAP_PFN, hooks(hook_bit(PTELAB_HOOK_CLOSE))},
		{"no vm_ops where mmap fills", PTELAB_INSERT_PAGES, flags(PTELAB_VMA_SETUP_NO_VM_OPS)},
		{"->huge_fault of a node that has none", PTELAB_FAULT_PAGE, hooks(hook_bit(PTELAB_HOOK_HUGE_FAULT))},
		{"VM_PFNMAP where pages are given", PTELAB_FAULT_PAGE, vm_set(PTELAB_VM_PFNMAP)},
		{"VM_MIXEDMAP where pfns are inserted", PTELAB_FAULT_INSERT_PFN, vm_set(PTELAB_VM_MIXEDMAP)},
		{"reserved pages that are counted", PTELAB_FAULT_PAGE, flags(PTELAB_VMA_SETUP_RESERVED)},
		{"reserved pages of a compound one", PTELAB_BARE, flags(PTELAB_VMA_SETUP_RESERVED), {.backing = PTELAB_BACKING_COMPOUND}},
	};
	for (const auto &one : cases)
		rule.expect(one.what, vma_setup_of(own_region(node_of(one.method), kPages, one.setup), one.vma_setup), EOPNOTSUPP);
	for (const __u32 flag : {PTELAB_VMA_SETUP_READ_PROT, PTELAB_VMA_SETUP_READ_PROT_LATE, PTELAB_VMA_SETUP_NULL_VM_OPS, PTELAB_VMA_SETUP_BOTH_MMAPS})
		for (const ptelab_method method : {PTELAB_REMAP_PFN, PTELAB_FAULT_PAGE})
			rule.expect("flag " + std::to_string(flag) + " with ->mmap", vma_setup_of(own_region(node_of(method)), flags(flag)), EOPNOTSUPP);
	ptelab_vma_setup part{};
	part.action_pages = 1;
	rule.expect("a part with ->mmap", vma_setup_of(own_region(node_of(PTELAB_REMAP_PFN)), part), EOPNOTSUPP);
	for (const __u32 flag : {PTELAB_VMA_SETUP_OWN_INODE, PTELAB_VMA_SETUP_RESERVED})
		rule.expect("flag " + std::to_string(flag) + " of the node's region",
			    vma_setup_of(Device(node_of(PTELAB_FAULT_INSERT_PFN)), flags(flag)), EOPNOTSUPP);
	const auto needs = [&](const char *what, ptelab_hook hook, __u64 feature) {
		rule.expect(what, vma_setup_of(own_region(node_of(PTELAB_BARE)), hooks(hook_bit(hook))),
			    by_feature(feature, 0, EOPNOTSUPP, "a hook is there for the kernels that call it, or have what it calls"));
	};
	needs("->mprotect", PTELAB_HOOK_MPROTECT, PTELAB_HAS_MPROTECT_HOOK);
	needs("->mapped", PTELAB_HOOK_MAPPED, PTELAB_HAS_MMAP_ACTIONS);
	needs("generic_access_phys", PTELAB_HOOK_GENERIC_ACCESS, PTELAB_HAS_GENERIC_ACCESS);
}

RULE_PER_NODE("vma_setup_refuses", kPrepareNodes,
	      .says = "What an action fills needs ->open, ->close and ->mapped; a part is for those that take one, vm_ops of NULL for what is not filled",
	      .source = "kmod/glue/driver/vma_setup.c:check_prepare")
{
	const ptelab_method method = rule.node().method;
	const bool acts = method != PTELAB_PREPARE_FAULT_PAGE;
	const auto told = [&](const ptelab_vma_setup &vma_setup) { return vma_setup_of(own_region(rule.node()), vma_setup); };
	ptelab_vma_setup part{};
	part.action_pages = 1;

	rule.expect("without ->mapped", told(hooks(hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE))), acts ? EOPNOTSUPP : 0);
	rule.expect("without ->close", told(hooks(hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_MAPPED))), acts ? EOPNOTSUPP : 0);
	rule.expect("without vm_ops", told(flags(PTELAB_VMA_SETUP_NO_VM_OPS)), acts ? EOPNOTSUPP : 0);
	rule.expect("with vm_ops of NULL", told(flags(PTELAB_VMA_SETUP_NULL_VM_OPS)), acts ? EOPNOTSUPP : 0);
	rule.expect("a part", told(part), acts && method != PTELAB_PREPARE_SIMPLE_IOREMAP ? 0 : EOPNOTSUPP);
	rule.expect("a protection", told(flags(PTELAB_VMA_SETUP_READ_PROT)), 0);
	rule.expect("VM_PFNMAP", told(vm_set(PTELAB_VM_PFNMAP)), EOPNOTSUPP);
}

RULE("abi.vma_setup_once", .says = "A file is custom once, after REGION_SETUP and before its first mmap, else EBUSY",
     .source = "kmod/glue/driver/vma_setup.c:ptelab_vma_setup_set")
{
	Device device = own_region(node_of(PTELAB_BARE));
	rule.expect("refused", vma_setup_of(device, hooks(1)), EINVAL);
	rule.expect("after a refusal", vma_setup_of(device, {}), 0);
	rule.expect("twice", vma_setup_of(device, {}), EBUSY);
	Device custom(node_of(PTELAB_BARE));
	rule.expect("before REGION_SETUP", vma_setup_of(custom, {}), 0);
	rule.expect("REGION_SETUP after it", errno_of([&] { custom.setup({.pages = kPages}); }), EBUSY);
	const Device mapped = own_region(node_of(PTELAB_BARE));
	{
		const Mapping map(mapped, page_size());
		rule.expect("mapped", vma_setup_of(mapped, {}), EBUSY);
	}
	rule.expect("no longer mapped", vma_setup_of(mapped, {}), EBUSY);
}

RULE("abi.vma_setup_reserved_and_revoked", .says = "Reserved pages of a region that is revoked when its file is closed are given back in order",
     .source = "mm/page_alloc.c:free_page_is_bad")
{
	KernelLog log;
	{
		Device device = own_region(node_of(PTELAB_BARE));
		rule.expect("reserved", vma_setup_of(device, flags(PTELAB_VMA_SETUP_RESERVED)), 0);
		device.revoke();
	}
	rule.expect("bad pages", log.count("Bad page state"), 0U);
	Device revoked = own_region(node_of(PTELAB_BARE));
	revoked.revoke();
	rule.expect("reserved when revoked", vma_setup_of(revoked, flags(PTELAB_VMA_SETUP_RESERVED)), ENODEV);
}

RULE("abi.inject_rejects", .says = "INJECT refuses a hook without such an answer, and errors and pages where they mean nothing",
     .source = "kmod/core/injection.hpp:Injection::of")
{
	const Device device = own_region(node_of(PTELAB_BARE));
	using P = ptelab_injection;
	ptelab_injection right{};
	right.hook = PTELAB_HOOK_MMAP;
	right.answer = PTELAB_ANSWER_ERROR;
	right.error = EIO;
	right.after = 1;
	right.pages = 1;
	const auto hook = [](__u32 number) { return [number](P &injection) { injection.hook = number; }; };
	const auto answer = [](__u32 of_hook, __u32 wanted) {
		return [=](P &injection) {
			injection = {};
			injection.hook = of_hook;
			injection.answer = wanted;
		};
	};
	rejects<P>(rule, device, PTELAB_IOC_INJECT, right,
		   {{"hook 0", hook(0)},
		    {"an unknown hook", hook(PTELAB_HOOKS)},
		    {"a hook far out", hook(~0U)},
		    {"a hook that is not injected", hook(PTELAB_HOOK_FAULT)},
		    {"pages for another hook", hook(PTELAB_HOOK_MREMAP)},
		    {"answer 0", answer(PTELAB_HOOK_MMAP, 0)},
		    {"an unknown answer", answer(PTELAB_HOOK_MMAP, PTELAB_ANSWERS)},
		    {"SIGBUS from mmap", answer(PTELAB_HOOK_MMAP, PTELAB_ANSWER_SIGBUS)},
		    {"a zap from page_mkwrite", answer(PTELAB_HOOK_PAGE_MKWRITE, PTELAB_ANSWER_ZAP)},
		    {"a fallback from mremap", answer(PTELAB_HOOK_MREMAP, PTELAB_ANSWER_FALLBACK)},
		    {"an error from huge_fault", answer(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_ERROR)},
		    {"ERROR without an error", [](P &injection) { injection.error = 0; }},
		    {"an error of the kernel's own, ERESTARTSYS", [](P &injection) { injection.error = 512; }},
		    {"an error without ERROR",
		     [](P &injection) {
			     injection.answer = PTELAB_ANSWER_ZAP;
			     injection.pages = 0;
		     }},
		    {"pages without ERROR", [](P &injection) {
			     injection.answer = PTELAB_ANSWER_ZAP;
			     injection.error = 0;
		     }}});
	const auto map = [&] { return errno_of([&] { Mapping(device, page_size()); }); };
	rule.expect("the first mmap", map(), 0);
	rule.expect("the injected one", map(), EIO);
}

RULE("abi.plan_of_mmap_spares_pfnmap", .says = "An mmap that is injected to fail inserts no page into a VM_PFNMAP, where that is a BUG",
     .source = "mm/memory.c:vm_insert_page")
{
	const Device device = own_region(node_of(PTELAB_BARE));
	rule.expect("custom", vma_setup_of(device, vm_set(PTELAB_VM_PFNMAP)), 0);
	ptelab_injection injection{};
	injection.hook = PTELAB_HOOK_MMAP;
	injection.answer = PTELAB_ANSWER_ERROR;
	injection.error = EIO;
	injection.pages = 4;
	rule.expect("injected", device.call(PTELAB_IOC_INJECT, &injection), 0);
	rule.expect("mmap", errno_of([&] { Mapping(device, pages(4)); }), EIO);
}

RULE("abi.events_rejects", .says = "EVENTS refuses flags, reserved words and a buffer that cannot be written to",
     .source = "kmod/glue/driver/events.c:ptelab_events_read")
{
	Device device = own_region(node_of(PTELAB_BARE));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS});
	const EventLog log(device);
	const Mapping map(device, page_size());
	std::vector<ptelab_event> seen(4);
	ptelab_events right{};
	right.count = static_cast<__u32>(seen.size());
	right.sequence = 1;
	right.buffer = reinterpret_cast<__u64>(seen.data());
	using E = ptelab_events;
	rejects<E>(rule, device, PTELAB_IOC_EVENTS, right,
		   {{"no buffer", [](E &events) { events.buffer = 0; }, EFAULT},
		    {"a buffer in the kernel", [](E &events) { events.buffer = ~0ULL - 0xfff; }, EFAULT}});
	ptelab_events far = right;
	far.sequence = ~0ULL;
	far.buffer = 0;
	rule.expect("events that are still to come", device.call(PTELAB_IOC_EVENTS, &far), 0);
	rule.expect("how many", far.count, 0U);
	rule.expect("the next to come is after the last", far.sequence > seen.front().sequence, true);
}

RULE("abi.direct_bad_pointer_is_efault", .says = "The argument of every newer ioctl that is not mapped, or not wholly, is EFAULT",
     .source = "lib/usercopy.c:_copy_from_user")
{
	const Device device = own_region(node_of(PTELAB_BARE));
	Mapping two(-1, pages(2), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	two.split(page_size()).unmap();
	std::byte *const edge = two.data() + page_size() - 8; // 8 bytes, and then nothing
	for (const unsigned long request : {PTELAB_IOC_VMA_SETUP, PTELAB_IOC_INJECT, PTELAB_IOC_EVENTS, PTELAB_IOC_CALL,
					    PTELAB_IOC_PAGE_INFO, PTELAB_IOC_PIN, PTELAB_IOC_UNPIN}) {
		const std::string name = "ioctl " + std::to_string(_IOC_NR(request));
		rule.expect(name + ", null", device.call(request, nullptr), EFAULT);
		rule.expect(name + ", half mapped", device.call(request, edge), EFAULT);
		rule.expect(name + ", in the kernel", device.call(request, reinterpret_cast<void *>(~0UL - 0xffff)), EFAULT);
		std::vector<std::byte> argument(512);
		for (const int by : {-8, 8})
			rule.expect(name + (by < 0 ? ", smaller" : ", larger"),
				    device.call(_IOC(_IOC_DIR(request), PTELAB_IOC_MAGIC, _IOC_NR(request), _IOC_SIZE(request) + by),
						argument.data()),
				    ENOTTY);
	}
	Mapping memory(-1, page_size(), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	memory.protect(PROT_READ);
	rule.expect("EVENTS into memory that can only be read", device.call(PTELAB_IOC_EVENTS, memory.data()), EFAULT);
	rule.expect("PAGE_INFO into memory that can only be read", device.call(PTELAB_IOC_PAGE_INFO, memory.data()), EFAULT);
	rule.expect("the file is as it was", vma_setup_of(device, {}), 0);
}

} // namespace
} // namespace ptelab
