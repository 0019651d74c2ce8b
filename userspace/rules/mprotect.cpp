// SPDX-License-Identifier: GPL-2.0-or-later
// mprotect(2) on a driver's mapping, and the soft-dirty bits, which are write-protection too.
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr std::uint64_t kSoftDirty = 1ULL << 55; // Documentation/admin-guide/mm/pagemap.rst

bool soft_dirty(const Mapping &map)
{
	return (pagemap_entry(map.data()) & kSoftDirty) != 0;
}

void clear_soft_dirty()
{
	const int fd = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		throw_errno("open /proc/self/clear_refs");
	const ssize_t written = ::write(fd, "4", 1);
	const int error = errno;
	::close(fd);
	if (written != 1)
		throw_errno(error, "write /proc/self/clear_refs");
}

// x86 has the bit, and no file tells of the option: a page just written is soft-dirty only with it.
Need soft_dirty_bits()
{
	return {"CONFIG_MEM_SOFT_DIRTY", [] {
			const Mapping page(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
			page.put(0, std::uint8_t{1});
			return soft_dirty(page) ? std::string()
						: std::string("this kernel was built without CONFIG_MEM_SOFT_DIRTY (no bit 55 in pagemap)");
		}};
}

RULE_PER_NODE("mprotect_needs_maywrite", kRamNodes & kFirstNodes, .contract = "MP-01",
	      .says = "A driver that clears VM_MAYWRITE forbids mprotect(PROT_WRITE) for ever: EACCES",
	      .source = "mm/mprotect.c:do_mprotect_pkey")
{
	Device device = own_region(rule.node());
	vma_setup(device, {.vm_clear = PTELAB_VM_MAYWRITE});
	Mapping map(device, pages(kPages), {.prot = PROT_READ});

	rule.expect("PROT_WRITE", errno_of([&] { map.protect(PROT_READ | PROT_WRITE); }), EACCES);
	rule.expect("a write", map.write(0, 1).outcome(), kForbidden);
	rule.expect("PROT_NONE", errno_of([&] { map.protect(PROT_NONE); }), 0);
	rule.expect("PROT_READ", errno_of([&] { map.protect(PROT_READ); }), 0);
	rule.expect("a read", map.read(0).outcome(), kOk);
}

// The memory type of the first page's entry.
std::string cache_in_pte(const Device &device, const Mapping &map)
{
	return std::string(name_of(static_cast<ptelab_cache>(device.lookup(map.page(0)).front().cache)));
}

RULE("iomap.mprotect_keeps_the_memory_type", .contract = "MP-02",
     .says = "mprotect keeps the memory type of the entries that are there, and of vm_page_prot for those to come",
     .source = "arch/x86/include/asm/pgtable.h:pte_modify", .needs = {node(PTELAB_IOMAP)})
{
	for (const ptelab_cache cache : {PTELAB_CACHE_UNCACHED, PTELAB_CACHE_WRITE_COMBINING}) {
		Device device(node_of(PTELAB_IOMAP));
		device.setup({.cache = cache});
		Mapping map(device, pages(kPages));
		const std::string wanted(name_of(cache));

		rule.expect(wanted + " at mmap", cache_in_pte(device, map), wanted);
		map.protect(PROT_READ);
		rule.expect(wanted + " when read-only", cache_in_pte(device, map), wanted);
		map.protect(PROT_READ | PROT_WRITE);
		rule.expect(wanted + " when writable again", cache_in_pte(device, map), wanted);
		device.revoke();
		device.restore();
		map.touch(0);
		rule.expect(wanted + " of a new entry", cache_in_pte(device, map), wanted);
	}
}

RULE("fault_page.mprotect_asks_the_driver", .contract = "MP-03",
     .says = "mprotect calls ->mprotect with the new flags and fails with its errno, and nothing has changed then",
     .source = "mm/mprotect.c:do_mprotect_pkey", .needs = {feature(PTELAB_HAS_MPROTECT_HOOK)})
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS,
		       .hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
				hook_bit(PTELAB_HOOK_MPROTECT)});
	Mapping map(device, pages(kPages));
	EventLog log(device);
	constexpr __u64 kVmWrite = 2; // include/linux/mm.h: VM_WRITE

	inject(device, {.hook = PTELAB_HOOK_MPROTECT, .answer = PTELAB_ANSWER_ERROR, .error = EPERM, .times = 1});
	rule.expect("refused", errno_of([&] { map.protect(PROT_READ); }), EPERM);
	rule.expect("a write after the refusal", map.write(0, 1).outcome(), kOk);
	rule.expect("allowed", errno_of([&] { map.protect(PROT_READ); }), 0);
	rule.expect("a write after the change", map.write(0, 1).outcome(), kForbidden);
	std::size_t calls = 0;
	for (const ptelab_event &event : log.take()) {
		if (event.hook != PTELAB_HOOK_MPROTECT)
			continue;
		++calls;
		rule.expect("the new flags have VM_WRITE", (event.flags & kVmWrite) != 0, false);
	}
	rule.expect("calls", calls, 2U);
}

RULE("fault_insert_pfn.mprotect_none_keeps_entries", .contract = "MP-04",
     .says = "PROT_NONE on a PFN mapping keeps the entries: with PROT_READ again no fault is taken",
     .source = "mm/mprotect.c:change_pte_range")
{
	Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	Mapping map(device, pages(kPages));

	map.put(0, std::uint8_t{0x5a});
	touch_all(map);
	const __u64 faults = device.stats().faults;
	map.protect(PROT_NONE);
	rule.expect("a read under PROT_NONE", map.read(0).outcome(), kForbidden);
	rule.expect("entries under PROT_NONE", present(device, map), kPages);
	map.protect(PROT_READ);
	rule.expect("pages read", touch_all(map), kPages);
	rule.expect("the byte", map.get<std::uint8_t>(0), 0x5a);
	rule.expect("faults", device.stats().faults - faults, 0U);
}

RULE("fault_page.soft_dirty", .contract = "MP-10", .says = "clear_refs takes the soft-dirty bit of a page away, and a write brings it back",
     .source = "fs/proc/task_mmu.c:clear_soft_dirty", .needs = {soft_dirty_bits()})
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	struct Seen {
		bool written, cleared, read, again;
	};

	// In a process of its own: clearing acts on everything that is mapped.
	const Seen seen = in_child([&] {
		const Mapping map(device, pages(kPages));
		Seen now{};
		map.put(0, std::uint8_t{1});
		now.written = soft_dirty(map);
		clear_soft_dirty();
		now.cleared = soft_dirty(map);
		map.touch(0);
		now.read = soft_dirty(map);
		map.put(0, std::uint8_t{2});
		now.again = soft_dirty(map);
		return now;
	});
	rule.expect("after a write", seen.written, true);
	rule.expect("cleared", seen.cleared, false);
	rule.expect("after a read", seen.read, false);
	rule.expect("after another write", seen.again, true);
}

RULE("fault_insert_pfn.soft_dirty", .contract = "MP-10",
     .says = "pagemap shows no entry of a PFN mapping: its soft-dirty bit is the mapping's own, goes with clear_refs, and no write brings it back",
     .source = "fs/proc/task_mmu.c:clear_refs_test_walk, fs/proc/task_mmu.c:pagemap_pte_hole", .needs = {soft_dirty_bits()})
{
	Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	// With ->pfn_mkwrite the first write is a fault of its own, which makes the entry soft-dirty.
	vma_setup(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
				hook_bit(PTELAB_HOOK_PFN_MKWRITE)});
	struct Seen {
		bool mapped, cleared, again, writable;
	};

	const Seen seen = in_child([&] {
		const Mapping map(device, pages(kPages));
		Seen now{};
		map.put(0, std::uint8_t{1});
		now.mapped = soft_dirty(map);
		clear_soft_dirty();
		now.cleared = soft_dirty(map);
		now.writable = (state_of(device, map, 0) & PTELAB_PTE_WRITE) != 0;
		map.put(0, std::uint8_t{2});
		map.put(pages(1), std::uint8_t{2});
		now.again = soft_dirty(map);
		return now;
	});
	rule.expect("of a new mapping", seen.mapped, true);
	rule.expect("cleared", seen.cleared, false);
	rule.expect("the entry is still writable", seen.writable, true);
	rule.expect("after another write", seen.again, false);
}

} // namespace
} // namespace ptelab
