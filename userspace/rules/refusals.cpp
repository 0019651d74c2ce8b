// SPDX-License-Identifier: GPL-2.0-or-later
// What a module must never let user space do, whatever it asks for. One rule for each way that was open once; the number is that of
// docs/refusals.md. Each is refused with the errno of the guard that stands there now.
#include <array>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "capability.hpp"
#include "huge_lab.hpp"
#include "misuse_module.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {


ptelab_call of_source(const Mapping &map, ptelab_call_id id, ptelab_page_source source, __u64 argument = 0)
{
	ptelab_call call = call_on(map, id);
	call.source = source;
	call.argument = argument;
	return call;
}

RULE("refusal.bare_pfn_of_others", .says = "1.1: No bare pfn of a slab page, nor of the zero page where it could be written, gets into user space",
     .source = "mm/memory.c:insert_pfn")
{
	const Device pfns = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	const Mapping pfnmap(pfns, pages(1));
	const Device mixes = own_region(node_of(PTELAB_FAULT_INSERT_MIXED));
	const Mapping mixed(mixes, pages(1));

	for (const ptelab_page_source source : {PTELAB_SOURCE_SLAB, PTELAB_SOURCE_ZERO}) {
		const std::string name = source == PTELAB_SOURCE_SLAB ? "slab" : "zero";
		rule.expect(name + ", insert_pfn", ask(pfns, of_source(pfnmap, PTELAB_CALL_INSERT_PFN, source)), EPERM);
		rule.expect(name + ", insert_pfn_prot", ask(pfns, of_source(pfnmap, PTELAB_CALL_INSERT_PFN_PROT, source)), EPERM);
		rule.expect(name + ", insert_mixed", ask(mixes, of_source(mixed, PTELAB_CALL_INSERT_MIXED, source)), EPERM);
		rule.expect(name + ", insert_mixed_prot", ask(mixes, of_source(mixed, PTELAB_CALL_INSERT_MIXED_PROT, source)), EPERM);
		rule.expect(name + ", insert_mixed_mkwrite", ask(mixes, of_source(mixed, PTELAB_CALL_INSERT_MIXED_MKWRITE, source)), EPERM);
	}
	rule.expect("present", present(pfns, pfnmap) + present(mixes, mixed), 0U);
	rule.expect("a page of its own", ask(pfns, of_source(pfnmap, PTELAB_CALL_INSERT_PFN, PTELAB_SOURCE_FRESH)), 0);

	const Device bares = bare({.vm_set = PTELAB_VM_MIXEDMAP});
	const Mapping copied(bares, pages(1), {.flags = MAP_PRIVATE});
	rule.expect("a private mapping, for writing", ask(bares, of_source(copied, PTELAB_CALL_INSERT_MIXED_MKWRITE, PTELAB_SOURCE_FRESH)), EPERM);
	const Device plains = bare();
	const Mapping plain(plains, pages(1));
	ptelab_call counted = of_source(plain, PTELAB_CALL_INSERT_PAGE, PTELAB_SOURCE_ZERO);
	counted.flags = PTELAB_CALL_WRITE_LOCK;
	rule.expect("the zero page, counted", ask(plains, counted), EPERM);
}

RULE("refusal.page_of_a_file", .says = "1.2: A page of a file is no anonymous page, and gives nobody the right to write into it",
     .source = "mm/gup.c:get_user_pages_fast")
{
	const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const Mapping readable(file, pages(1), {.prot = PROT_READ});
	const Mapping untouched(-1, pages(1), {.prot = PROT_READ, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	Mapping anonymous(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	::close(file);
	readable.read(0);
	untouched.read(0);
	anonymous.put(0, 1);
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_PAGE));
	const Mapping map(device, pages(1));
	const auto with = [&](__u64 argument) { return ask(device, of_source(map, PTELAB_CALL_INSERT_PAGE, PTELAB_SOURCE_ANON, argument)); };

	rule.expect("a file's", with(address_of(readable)), EINVAL);
	rule.expect("the zero page", with(address_of(untouched)), EINVAL);
	rule.expect("nothing there", with(0x10000), EFAULT);
	rule.expect("an anonymous one", with(address_of(anonymous)), 0);
	rule.expect("present", present(device, map), 0U); // the kernel refuses it itself
}

RULE("refusal.small_page_over_a_leaf", .says = "1.3: Where one entry maps a PMD no small page is put, nor looked for",
     .source = "mm/memory.c:walk_to_pmd, do_set_pmd", .needs = {node(PTELAB_HUGE_PFN), thp()})
{
	const auto leaf_on = [&](ptelab_method method, const char *name) {
		const Device device = own_region(node_of(method), pmd_pages(), {.backing = PTELAB_BACKING_COMPOUND});
		const HugePlace place;
		const Mapping map = place.map(device, pmd_bytes());
		const auto start = reinterpret_cast<std::uintptr_t>(map.data());
		map.put(0, std::uint8_t{1});
		const bool leaf = device.lookup(map.bytes(0, page_size())).front().state & PTELAB_PTE_HUGE;
		rule.because(std::string(name) + ": a leaf", "whether the kernel maps a whole PMD for ->fault, and for us");
		rule.observe(std::string(name) + ": a leaf", leaf);
		ptelab_call call{};
		call.anchor = start;
		call.address = start + page_size();
		call.index = 1;
		call.bytes = page_size();
		for (const __u32 id : {PTELAB_CALL_INSERT_PAGE, PTELAB_CALL_INSERT_PFN, PTELAB_CALL_APPLY, PTELAB_CALL_INSERT_PAGE_MKWRITE}) {
			call.call = id;
			call.flags = 0;
			rule.expect(std::string(name) + ": at any moment, call " + std::to_string(id), ask(device, call), EPERM);
			call.flags = PTELAB_CALL_WRITE_LOCK;
			if (leaf)
				rule.expect(std::string(name) + ": over it, call " + std::to_string(id), ask(device, call), EPERM);
		}
	};
	leaf_on(PTELAB_FAULT_PAGE, "fault_page");
	leaf_on(PTELAB_HUGE_PFN, "huge_pfn");
}

RULE("refusal.remap_over_a_marker", .says = "1.4: remap_pfn_range is not called where there is a guard page: that is not present, and not none",
     .source = "mm/memory.c:remap_pte_range")
{
	constexpr int kGuardInstall = 102;
	const Device device = bare();
	const Mapping map(device, pages(2));
	const bool guarded = ::madvise(map.data(), page_size(), kGuardInstall) == 0;

	rule.because("*", "guards in files' mappings are there since 6.15");
	rule.observe("guarded", guarded);
	rule.expect("a marker", (state_of(device, map, 0) & PTELAB_PTE_MARKER) != 0, guarded);
	for (const ptelab_call_id id : {PTELAB_CALL_REMAP, PTELAB_CALL_IO_REMAP})
		if (guarded)
			rule.expect("call " + std::to_string(id), ask(device, call_on(map, id, PTELAB_CALL_WRITE_LOCK)), EPERM);
	ptelab_call all = call_on(map, PTELAB_CALL_IOMAP, PTELAB_CALL_WRITE_LOCK);
	all.bytes = pages(2);
	if (guarded)
		rule.expect("iomap", ask(device, all), EPERM);
	ptelab_call beside = call_on(map, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK);
	beside.address += page_size();
	rule.expect("beside it", ask(device, beside), 0);
}

RULE("refusal.remap_under_the_vma_lock", .says = "1.5: A fault that remaps and ->map_pages do not go together: it would wait for its own VMA",
     .source = "include/linux/mm.h:vm_flags_set, mm/memory.c:vmf_can_call_fault", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	Device device = own_region(node_of(PTELAB_BARE), kPages, {.fault_action = PTELAB_FAULT_REMAP});
	const auto told = [&](__u64 hooks) {
		ptelab_vma_setup vma_setup{};
		vma_setup.flags = PTELAB_VMA_SETUP_HOOKS;
		vma_setup.hooks = hooks;
		return device.call(PTELAB_IOC_VMA_SETUP, &vma_setup);
	};
	rule.expect("with ->map_pages", told(hook_bit(PTELAB_HOOK_FAULT) | hook_bit(PTELAB_HOOK_MAP_PAGES)), EOPNOTSUPP);
	rule.expect("without", told(hook_bit(PTELAB_HOOK_FAULT)), 0);
}

RULE("refusal.zap_into_hugetlb", .says = "1.6: zap_page_range is not called where it would run into a mapping of hugetlb",
     .source = "mm/hugetlb.c:__unmap_hugepage_range", .needs = {feature(PTELAB_HAS_ZAP_MANY)})
{
	constexpr std::size_t kHuge = 2UL << 20;
	const Mapping room(-1, 3 * kHuge, {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	const auto border = (reinterpret_cast<std::uintptr_t>(room.data()) + kHuge) / kHuge * kHuge;
	const Device device = bare();
	char *const ours = reinterpret_cast<char *>(border) - page_size();
	void *const huge = ::mmap(reinterpret_cast<void *>(border), kHuge, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE | MAP_FIXED, -1, 0);
	rule.because("*", "CONFIG_HUGETLBFS");
	rule.observe("a mapping of hugetlb", huge != MAP_FAILED);
	if (huge == MAP_FAILED)
		return;
	if (::mmap(ours, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device.fd(), 0) == MAP_FAILED)
		throw_errno("mmap");
	ptelab_call zap{};
	zap.call = PTELAB_CALL_ZAP_MANY;
	zap.anchor = zap.address = reinterpret_cast<__u64>(ours);
	zap.bytes = 2 * page_size();
	rule.expect("into it", ask(device, zap), EPERM);
	zap.bytes = page_size();
	rule.expect("up to it", ask(device, zap), 0);
}

// Whether a child in which the kernel itself writes into the mapping is gone within five seconds of SIGKILL. Not class Child: that
// one would wait for it for ever.
bool can_be_killed(const Device &device)
{
	const pid_t pid = ::fork();
	if (pid == 0) {
		const Mapping map(device, page_size());
		const int zeros = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
		(void)!::read(zeros, map.data(), 1);
		::_exit(0);
	}
	::usleep(300'000);
	::kill(pid, SIGKILL);
	for (int tries = 0; tries < 250; tries++) {
		int status = 0;
		if (::waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status);
		::usleep(20'000);
	}
	return false;
}

RULE("refusal.faults_without_end", .says = "1.7: A task that the kernel sends round a fault without end ends when it is killed",
     .source = "arch/x86/mm/fault.c:do_user_addr_fault", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	rule.expect("no entry: killed", can_be_killed(own_region(node_of(PTELAB_FAULT_PAGE), kPages, {.fault_action = PTELAB_FAULT_NOTHING})), true);
	Device again = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(again, {.hooks = kOpenAndClose | hook_bit(PTELAB_HOOK_FAULT) | hook_bit(PTELAB_HOOK_PAGE_MKWRITE)});
	inject(again, {.hook = PTELAB_HOOK_PAGE_MKWRITE, .answer = PTELAB_ANSWER_AGAIN});
	rule.expect("page_mkwrite again: killed", can_be_killed(again), true);
}

RULE("refusal.hooks_and_no_vm_ops", .says = "1.8: A mapping that mmap fills has ->close, so HOOKS with NO_VM_OPS or NULL_VM_OPS is refused",
     .source = "mm/mmap.c:remove_vma")
{
	for (const ptelab_method method : {PTELAB_INSERT_PAGE, PTELAB_REMAP_PFN, PTELAB_FAULT_PAGE})
		for (const __u32 none : {PTELAB_VMA_SETUP_NO_VM_OPS, PTELAB_VMA_SETUP_NULL_VM_OPS}) {
			const Device device = own_region(node_of(method));
			ptelab_vma_setup vma_setup{};
			vma_setup.flags = PTELAB_VMA_SETUP_HOOKS | none;
			vma_setup.hooks = kOpenAndClose;
			rule.expect(std::string(node_of(method).name) + ", flag " + std::to_string(none),
				    device.call(PTELAB_IOC_VMA_SETUP, &vma_setup), EINVAL);
		}
}

RULE("refusal.iomap_of_a_large_mapping", .says = "1.9: A mapping that mremap has made larger than the region is refused without a look at each of its pages",
     .source = "mm/memory.c:vm_iomap_memory")
{
	const Device device = bare();
	const int fd = device.fd();
	void *const small = ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *const large = ::mremap(small, page_size(), 1UL << 44, MREMAP_MAYMOVE);

	rule.expect("16 TiB", large != MAP_FAILED, true);
	if (large == MAP_FAILED)
		return;
	ptelab_call call{};
	call.call = PTELAB_CALL_IOMAP;
	call.flags = PTELAB_CALL_WRITE_LOCK;
	call.anchor = call.address = reinterpret_cast<__u64>(large);
	call.bytes = page_size();
	rule.expect("what the kernel says", answer_to(device, call), EINVAL);
	::munmap(large, 1UL << 44);
}

RULE("setup.beside_a_mmap_that_fails", .says = "1.10: A mmap that was under way when REGION_SETUP gave the file a region leaves later mmaps what they were",
     .source = "mm/mmap.c:mmap_region, include/linux/fs.h:mapping_map_writable")
{
	Device device(node_of(PTELAB_FAULT_INSERT_PAGE));
	int refused = 0;
	std::thread setup([&] { device.setup({.pages = 20000}); }); // holds the lock that ->mmap waits for, for a tenth of a second or more
	::usleep(3000);
	for (int i = 0; i < 20; i++)
		refused += ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, device.fd(), 0) == MAP_FAILED;
	setup.join();
	rule.expect("refused", refused, 20);
	for (int i = 0; i < 3; i++) {
		void *const map = ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, device.fd(), 0);
		rule.expect("a mapping that may be written", Errno(map == MAP_FAILED ? errno : 0), 0);
		if (map != MAP_FAILED)
			::munmap(map, page_size());
	}
}

RULE("vma_setup.own_inode_of_a_hole", .says = "1.11: A hole does not hang on the node's inode, where another file could unmap a part of it",
     .source = "mm/huge_memory.c:__split_huge_pud_locked", .needs = {feature(PTELAB_HAS_INSERT_PFN_PUD), node(PTELAB_HUGE_PFN)})
{
	Device device(node_of(PTELAB_HUGE_PFN));
	device.setup({.backing = PTELAB_BACKING_HOLE});
	ptelab_vma_setup vma_setup{};
	vma_setup.flags = PTELAB_VMA_SETUP_OWN_INODE;
	rule.expect("OWN_INODE", device.call(PTELAB_IOC_VMA_SETUP, &vma_setup), EOPNOTSUPP);
}

RULE("revoke.goes_with_its_file", .says = "1.12: A REVOKE of a node's region ends when the last file that made one is closed",
     .source = "kmod/core/region.hpp:withdraw")
{
	const Device watcher(node_of(PTELAB_FAULT_PAGE));
	const auto revoked = [&] { return watcher.query().revoked != 0; };
	{
		Device first(node_of(PTELAB_FAULT_PAGE));
		{
			Device second(node_of(PTELAB_FAULT_PAGE));
			first.revoke();
			second.revoke();
			second.revoke();
		}
		rule.expect("the second is closed", revoked(), true);
	}
	rule.expect("both are", revoked(), false);
	{
		Device first(node_of(PTELAB_FAULT_PAGE));
		first.revoke();
		first.setup({.pages = kPages});
		rule.expect("the first has a region of its own", revoked(), false);
	}
	Device again(node_of(PTELAB_FAULT_PAGE));
	{
		Device first(node_of(PTELAB_FAULT_PAGE));
		first.revoke();
		again.restore();
		again.revoke();
	}
	rule.expect("another has revoked it anew", revoked(), true);
	again.restore();
}

RULE("lookup.page_at_another_offset", .says = "1.13: LOOKUP finds the region's page wherever it is mapped, and calls it ours at its own offset alone",
     .source = "kmod/core/live.hpp:lookup")
{
	for (const ptelab_backing backing : {PTELAB_BACKING_SINGLE, PTELAB_BACKING_SPLIT, PTELAB_BACKING_COMPOUND, PTELAB_BACKING_VMALLOC}) {
		const Device device = bare({.vm_set = PTELAB_VM_MIXEDMAP}, kPages, backing);
		const Mapping map(device, pages(2));
		const std::string name(name_of(backing));
		for (const std::size_t index : {5U, 1U}) {
			ptelab_call call = call_on(map, PTELAB_CALL_INSERT_PAGE);
			call.address += index == 1 ? page_size() : 0;
			call.index = index;
			rule.expect(name + ": inserted", answer_to(device, call), 0);
		}
		const std::vector<ptelab_pte> entries = device.lookup(map.bytes());
		rule.expect(name + ": page 5 at 0", entries[0].page, 6U);
		rule.expect(name + ": page 5 at 0 is ours", (entries[0].state & PTELAB_PTE_OURS) != 0, false);
		rule.expect(name + ": page 1 at 1", entries[1].page, 2U);
		rule.expect(name + ": page 1 at 1 is ours", (entries[1].state & PTELAB_PTE_OURS) != 0, true);
	}
}

RULE("lookup.tracking_and_rights", .says = "LOOKUP tells whether an entry was written since clear_refs, and whether user space may use or run it",
     .source = "fs/proc/task_mmu.c:clear_soft_dirty, mm/mprotect.c:change_pte_range")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(2));
	map.put(0, 1);
	map.put(pages(1), 1);
	rule.expect("may be used", (state_of(device, map, 0) & PTELAB_PTE_USER) != 0, true);
	rule.expect("may be run", (state_of(device, map, 0) & PTELAB_PTE_EXEC) != 0, false);
	const int refs = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	const bool tracked = (state_of(device, map, 0) & PTELAB_PTE_SOFT_DIRTY) != 0 && refs >= 0 && ::write(refs, "4", 1) == 1;
	::close(refs);
	rule.because("*", "CONFIG_MEM_SOFT_DIRTY");
	rule.observe("the kernel tracks writes", tracked);
	rule.expect("after clear_refs", (state_of(device, map, 0) & PTELAB_PTE_SOFT_DIRTY) != 0, false);
	map.put(0, 2);
	rule.expect("written since", (state_of(device, map, 0) & PTELAB_PTE_SOFT_DIRTY) != 0, tracked);
	rule.expect("not written since", (state_of(device, map, 1) & PTELAB_PTE_SOFT_DIRTY) != 0, false);
	rule.expect("mprotect", ::mprotect(map.data(), map.size(), PROT_NONE), 0);
	rule.expect("PROT_NONE: present", (state_of(device, map, 0) & PTELAB_PTE_PRESENT) != 0, true);
	rule.expect("PROT_NONE: may be used", (state_of(device, map, 0) & PTELAB_PTE_USER) != 0, false);
}

RULE("events.pid_of_the_reader", .says = "1.16: An event tells the thread as the reader's pid namespace sees it", .source = "kernel/pid.c:pid_vnr",
     .needs = {root()})
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS});
	EventLog log(device);
	int pipe[2];
	if (::pipe(pipe) < 0)
		throw_errno("pipe");
	const pid_t outer = ::fork();
	if (outer == 0) {
		pid_t inner = -1;
		if (::unshare(CLONE_NEWPID) == 0) {
			inner = ::fork();
			if (inner == 0)
				::_exit(::mmap(nullptr, page_size(), PROT_READ, MAP_SHARED, device.fd(), 0) == MAP_FAILED);
			::waitpid(inner, nullptr, 0);
		}
		(void)!::write(pipe[1], &inner, sizeof(inner));
		::_exit(0);
	}
	pid_t inner = 0;
	(void)!::read(pipe[0], &inner, sizeof(inner));
	::waitpid(outer, nullptr, 0);
	::close(pipe[0]);
	::close(pipe[1]);
	rule.expect("a namespace", inner > 0, true);
	bool seen = false;
	for (const ptelab_event &event : log.take())
		seen = seen || (event.hook == PTELAB_HOOK_MMAP && event.pid == static_cast<__u32>(inner));
	rule.expect("its mmap, with its pid here", seen, true);
}

RULE("setup.charged_to_the_opener", .says = "1.18: Memory that REGION_SETUP or REMAP_VMALLOC takes, or PIN keeps, counts against RLIMIT_MEMLOCK of who has no CAP_IPC_LOCK",
     .source = "drivers/infiniband/core/umem.c:__ib_umem_get", .needs = {root()})
{
	const auto answers = in_child([] {
		Device large(node_of(PTELAB_BARE));
		const Device buffer = bare();
		const Device pins = own_region(node_of(PTELAB_FAULT_PAGE));
		const Mapping map(buffer, pages(1)), pinned(pins, pages(kPages));
		const rlimit limit{pages(8), pages(8)};
		::setrlimit(RLIMIT_MEMLOCK, &limit);
		become_nobody();
		std::array<int, 3> seen{};
		seen[0] = errno_of([&] { large.setup({.pages = 64}); }).value;
		ptelab_call call = call_on(map, PTELAB_CALL_REMAP_VMALLOC, PTELAB_CALL_WRITE_LOCK);
		call.source = PTELAB_SOURCE_USER_VMALLOC;
		call.count = 64;
		seen[1] = ask(buffer, call).value;
		ptelab_pin pin{};
		pin.how = PTELAB_PIN_PIN;
		pin.flags = PTELAB_PIN_KEEP;
		pin.address = address_of(pinned);
		pin.pages = kPages;
		seen[2] = pins.call(PTELAB_IOC_PIN, &pin).value;
		return seen;
	});
	rule.expect("REGION_SETUP", Errno(answers[0]), ENOMEM);
	rule.expect("a buffer", Errno(answers[1]), ENOMEM);
	rule.expect("pages that are kept", Errno(answers[2]), ENOMEM);
}

RULE("refusal.warnings_at_will", .says = "1.19: What makes the kernel print a warning is done for a file that was opened with CAP_SYS_ADMIN, and for no other",
     .source = "mm/memory.c:remap_pfn_range, __apply_to_page_range, mm/gup.c:is_valid_gup_args", .needs = {root()})
{
	const auto answers = in_child([] {
		give_up(kCapSysAdmin);
		const Device device = bare();
		const Mapping map(device, pages(2));
		std::array<int, 4> seen{};
		ptelab_call odd = call_on(map, PTELAB_CALL_REMAP, PTELAB_CALL_WRITE_LOCK);
		odd.address += 8;
		seen[0] = ask(device, odd).value;
		ptelab_call nothing = call_on(map, PTELAB_CALL_APPLY);
		nothing.bytes = 0;
		seen[1] = ask(device, nothing).value;
		ptelab_pin pin{};
		pin.how = PTELAB_PIN_GET;
		pin.flags = PTELAB_PIN_LONGTERM;
		pin.address = address_of(map);
		pin.pages = 1;
		seen[2] = device.call(PTELAB_IOC_PIN, &pin).value;
		pin.flags = 0;
		seen[3] = device.call(PTELAB_IOC_PIN, &pin).value;
		return seen;
	});
	rule.expect("remap at an address inside a page", Errno(answers[0]), EPERM);
	rule.expect("apply to nothing", Errno(answers[1]), EPERM);
	rule.expect("FOLL_LONGTERM without FOLL_PIN", Errno(answers[2]), EPERM);
	rule.expect("what warns of nothing", Errno(answers[3]), 0);
}

RULE("pin.lent_memory", .says = "1.19: PIN looks into another process only if that has lent its memory to the file", .source = "kmod/glue/direct/pin.c:mm_of")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(1));
	const auto pinned = [&](pid_t pid) {
		ptelab_pin pin{};
		pin.how = PTELAB_PIN_GET_REMOTE;
		pin.address = address_of(map);
		pin.pages = 1;
		pin.pid = static_cast<__u32>(pid);
		return device.call(PTELAB_IOC_PIN, &pin);
	};
	Child child([&](Channel &channel) {
		channel.receive<int>();
		channel.send(::ioctl(device.fd(), PTELAB_IOC_LEND));
		channel.receive<int>();
	});
	rule.expect("before", pinned(child.pid()), EPERM);
	child.channel().send(0);
	rule.expect("lent", child.channel().receive<int>(), 0);
	rule.expect("after", pinned(child.pid()), 0);
	rule.expect("another pid", pinned(::getppid()), EPERM);
	child.channel().send(0);
	child.wait();
	rule.expect("when it is gone", pinned(child.pid()) == 0, false);
}

} // namespace
} // namespace ptelab
