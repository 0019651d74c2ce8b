// SPDX-License-Identifier: GPL-2.0-or-later
// What breaks a driver's contract on purpose is not in ptelab.ko: refused without ptelab_misuse.ko, done with it, and what no module
// may do is refused all the same.
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/loader.hpp>

#include "calls.hpp"
#include "capability.hpp"
#include "lab.hpp"
#include "misuse_module.hpp"
#include "symbols.hpp"

namespace ptelab {
namespace {

constexpr std::size_t kPages = 4;

struct Misuse {
	const char *name;
	std::function<Errno(const Device &)> ask;
	ptelab_method method;
};

Errno setup_errno(const Device &device, __u32 action, __u32 delay_ms = 0)
{
	ptelab_region_setup setup{};
	setup.pages = kPages;
	setup.fault_action = action;
	setup.fault_delay_ms = delay_ms;
	return device.call(PTELAB_IOC_REGION_SETUP, &setup);
}

Errno plan_errno(const Device &device, __u32 hook, __u32 answer)
{
	ptelab_injection injection{};
	injection.hook = hook;
	injection.answer = answer;
	return device.call(PTELAB_IOC_INJECT, &injection);
}

// A page of a slab as a bare pfn: finding 1.1, the first of its class.
Errno insert_slab(const Device &device, const Mapping &map, __u32 flags)
{
	ptelab_call call{};
	call.flags = flags;
	call.call = PTELAB_CALL_INSERT_PFN;
	call.anchor = call.address = reinterpret_cast<__u64>(map.data());
	call.source = PTELAB_SOURCE_SLAB;
	return device.call(PTELAB_IOC_CALL, &call);
}

std::vector<Misuse> misuses()
{
	std::vector<Misuse> all = {
		{"a stale page", [](const Device &d) { return setup_errno(d, PTELAB_FAULT_STALE, 1); }, PTELAB_FAULT_PAGE},
		{"a remap from ->fault", [](const Device &d) { return setup_errno(d, PTELAB_FAULT_REMAP); }, PTELAB_BARE},
		{"no entry, without end", [](const Device &d) { return setup_errno(d, PTELAB_FAULT_NOTHING); }, PTELAB_FAULT_PAGE},
		{"page_mkwrite again, without end",
		 [](const Device &d) { return plan_errno(d, PTELAB_HOOK_PAGE_MKWRITE, PTELAB_ANSWER_AGAIN); }, PTELAB_FAULT_PAGE},
		{"pfn_mkwrite again, without end",
		 [](const Device &d) { return plan_errno(d, PTELAB_HOOK_PFN_MKWRITE, PTELAB_ANSWER_AGAIN); }, PTELAB_FAULT_INSERT_PFN},
		{"another huge page", [](const Device &d) { return plan_errno(d, PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER); },
		 PTELAB_BARE},
		{"another huge page for a PUD",
		 [](const Device &d) { return plan_errno(d, PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD); }, PTELAB_BARE},
		{"a bad page", [](const Device &d) { return plan_errno(d, PTELAB_HOOK_MMAP_PREPARE, PTELAB_ANSWER_BAD_PAGE); },
		 PTELAB_BARE},
		{"VMA_SETUP's word",
		 [](const Device &d) {
			 ptelab_vma_setup vma_setup{};
			 vma_setup.flags = PTELAB_VMA_SETUP_MISUSE;
			 return d.call(PTELAB_IOC_VMA_SETUP, &vma_setup);
		 },
		 PTELAB_BARE},
		{"CALL's word",
		 [](const Device &d) {
			 const Mapping map(d, page_size());
			 return insert_slab(d, map, PTELAB_CALL_MISUSE);
		 },
		 PTELAB_FAULT_INSERT_PFN},
	};
	return all;
}

RULE("misuse.eperm_without_its_module", .says = "What breaks a driver's contract is EPERM where ptelab_misuse.ko is not loaded",
     .source = "kmod/glue/port/misuse.c:port_misuse_hold")
{
	const NoMisuseModule without;
	for (const Misuse &misuse : misuses())
		rule.expect(misuse.name, misuse.ask(Device(node_of(misuse.method))), EPERM);
}

RULE("misuse.permitted_with_it", .says = "With ptelab_misuse.ko an opener with CAP_SYS_ADMIN may ask for each",
     .source = "kmod/glue/port/misuse.c:port_misuse_hold", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	for (const Misuse &misuse : misuses())
		rule.expect(misuse.name, misuse.ask(Device(node_of(misuse.method))), 0);
}

RULE("misuse.needs_cap_sys_admin", .says = "Who opened the file without CAP_SYS_ADMIN gets EPERM all the same, and whoever has it opened by another does not",
     .source = "kmod/glue/driver/file_ops.c:node_open", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	for (const Misuse &misuse : misuses()) {
		const Device ours(node_of(misuse.method));
		const auto without_it = [&](auto &&ask) {
			return in_child([&] {
				give_up(kCapSysAdmin);
				return ask();
			});
		};
		rule.expect(std::string(misuse.name) + ", opened without",
			    without_it([&] { return misuse.ask(Device(node_of(misuse.method))); }), EPERM);
		rule.expect(std::string(misuse.name) + ", opened with", without_it([&] { return misuse.ask(ours); }), 0);
	}
}

RULE("misuse.the_module_stays_while_it_is_used", .says = "ptelab_misuse.ko cannot go while a file has asked for a misuse",
     .source = "kernel/module/main.c:try_stop_module", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	{
		const Device device(node_of(PTELAB_FAULT_PAGE));
		rule.expect("asked for", setup_errno(device, PTELAB_FAULT_NOTHING), 0);
		rule.expect("references", Loader::refcount("ptelab_misuse"), std::string("1"));
	}
	rule.expect("references when it is closed", Loader::refcount("ptelab_misuse"), std::string("0"));
}

RULE("misuse.a_slab_page_gets_mapped", .says = "vmf_insert_pfn does not look what a page is: one that holds objects of the kernel's gets into user space",
     .source = "mm/memory.c:insert_pfn", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	// PAGE_TABLE_CHECK counts user mappings of every page, and does not take one of a slab (mm/page_table_check.c).
	if (has_global_function("__page_table_check_zero"))
		rule.skip("a kernel with CONFIG_PAGE_TABLE_CHECK has a BUG for it (mm/page_table_check.c:page_table_check_set)");
	const Device device(node_of(PTELAB_FAULT_INSERT_PFN));
	const Mapping map(device, page_size());
	rule.expect("without the word", insert_slab(device, map, 0), EPERM);
	rule.expect("with it", insert_slab(device, map, PTELAB_CALL_MISUSE), 0);
	rule.expect("present", (state_of(device, map, 0) & PTELAB_PTE_PRESENT) != 0, true);
	rule.expect("one of the region's", state_of(device, map, 0) & PTELAB_PTE_OURS, 0U);
	rule.expect("read", map.read(0).outcome(), kOk);
}

RULE("misuse.never_is_never", .says = "What no module may let user space do is refused with ptelab_misuse.ko, too",
     .source = "kmod/misuse/module.c:dares", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	const Device device = bare();
	const Mapping map(device, pages(kPages));
	const Mapping file_page = [] {
		const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		Mapping of_file(fd, page_size(), {.prot = PROT_READ, .flags = MAP_PRIVATE});
		::close(fd);
		return of_file;
	}();
	rule.expect("the file is read", file_page.read(0).outcome(), kOk);
	const auto call = [&](auto &&change) {
		ptelab_call wanted{};
		wanted.flags = PTELAB_CALL_MISUSE | PTELAB_CALL_WRITE_LOCK;
		wanted.call = PTELAB_CALL_INSERT_PAGE;
		wanted.anchor = wanted.address = reinterpret_cast<__u64>(map.data());
		change(wanted);
		return device.call(PTELAB_IOC_CALL, &wanted);
	};
	rule.expect("1.2: a page of a file", call([&](ptelab_call &c) {
			    c.source = PTELAB_SOURCE_ANON;
			    c.argument = reinterpret_cast<__u64>(file_page.data());
		    }),
		    EINVAL);
	rule.expect("a pfn into a VMA without VM_PFNMAP, which is a BUG", call([](ptelab_call &c) { c.call = PTELAB_CALL_INSERT_PFN; }), EPERM);
	rule.expect("a remap under the read lock", call([](ptelab_call &c) {
			    c.call = PTELAB_CALL_REMAP;
			    c.bytes = page_size();
			    c.flags = PTELAB_CALL_MISUSE;
		    }),
		    EPERM);
}

} // namespace
} // namespace ptelab
