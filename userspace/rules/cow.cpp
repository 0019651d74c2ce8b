// SPDX-License-Identifier: GPL-2.0-or-later
// MAP_PRIVATE: who gets a copy of a driver's page, of what, and who may write at all.
#include <cstdlib>
#include <string>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include <sys/uio.h>

#include "calls.hpp"
#include "release.hpp"
#include "room.hpp"

namespace ptelab {
namespace {

// So many that what the kernel's per-thread or per-CPU counters hold back does not matter.
constexpr std::size_t kManyPages = 512;

struct Resident {
	std::int64_t file;
	std::int64_t anonymous;
};

Resident resident()
{
	return {static_cast<std::int64_t>(status_kb("RssFile")), static_cast<std::int64_t>(status_kb("RssAnon"))};
}

// Up to a quarter may be in the counters' batches (SPLIT_RSS_COUNTING, percpu_counter).
bool about(std::int64_t kb, std::size_t page_count)
{
	const auto wanted = static_cast<std::int64_t>(pages(page_count) / 1024);
	return std::abs(kb - wanted) < wanted / 4;
}

std::uint8_t driver_byte(const Device &device, std::size_t offset)
{
	std::byte byte{};
	device.read(offset, {&byte, 1});
	return std::to_integer<std::uint8_t>(byte);
}

// What a thread has counted reaches the process after 64 of its faults (mm/memory.c: check_sync_rss_stat, until 6.2).
Mapping settle_counters()
{
	Mapping memory(-1, pages(128), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	for (std::size_t index = 0; index < memory.pages(); ++index)
		memory.put(pages(index), std::uint8_t{1});
	return memory;
}

RULE("cow.private_page_is_copied", .contract = "CW-01",
     .says = "A write to a private mapping of pages copies: RssFile gives a page to RssAnon, the driver's page loses a reference and keeps its bytes",
     .source = "mm/memory.c:wp_page_copy")
{
	Device device = own_region(node_of(PTELAB_INSERT_PAGE), kManyPages);
	device.write(0, pattern(pages(kManyPages), 1));
	const std::uint8_t original = driver_byte(device, 5);
	const Mapping map(device, pages(kManyPages), {.flags = MAP_PRIVATE});
	const Mapping settled = settle_counters();
	const Resident before = resident();
	const __s64 references = page_info(device, 0).references;

	for (std::size_t index = 0; index < kManyPages; ++index)
		map.put(pages(index) + 5, static_cast<std::uint8_t>(original + 1));
	const Resident after = resident();
	rule.expect("references", page_info(device, 0).references - references, -1);
	rule.expect("RssFile falls by the pages", about(before.file - after.file, kManyPages), true);
	rule.expect("RssAnon rises by the pages", about(after.anonymous - before.anonymous, kManyPages), true);
	rule.expect("smaps Anonymous", smaps_at(map.data())->kb("Anonymous"), pages(kManyPages) / 1024);
	rule.expect("we read what we wrote", map.get<std::uint8_t>(5) == static_cast<std::uint8_t>(original + 1), true);
	rule.expect("the driver has its byte", driver_byte(device, 5) == original, true);
	rule.expect("the rest of the page is the driver's", map.get<std::uint8_t>(6) == driver_byte(device, 6), true);
}

RULE("cow.private_remap_is_copied", .contract = "CW-02",
     .says = "A write to a private remap_pfn_range mapping copies the bytes into an anonymous page inside the PFN mapping",
     .source = "mm/memory.c:__wp_page_copy_user")
{
	Device device = own_region(node_of(PTELAB_REMAP_PFN), 4);
	device.write(0, pattern(pages(4), 2));
	const Mapping map(device, pages(4), {.flags = MAP_PRIVATE});
	const std::uint8_t original = driver_byte(device, pages(1));
	const auto written = static_cast<std::uint8_t>(~original);
	Child child([&](Channel &channel) {
		channel.receive<int>();
		channel.send(map.get<std::uint8_t>(pages(1)));
	});

	rule.expect("special before", (state_of(device, map, 1) & PTELAB_PTE_SPECIAL) != 0, true);
	map.put(pages(1), written);
	const __u32 state = state_of(device, map, 1);
	rule.expect("special after", (state & PTELAB_PTE_SPECIAL) != 0, false);
	rule.expect("the driver's page after", (state & PTELAB_PTE_OURS) != 0, false);
	rule.expect("its neighbour is the driver's", (state_of(device, map, 2) & PTELAB_PTE_OURS) != 0, true);
	rule.expect("VM_PFNMAP", smaps_at(map.data())->has("pf"), true);
	rule.expect("we read what we wrote", map.get<std::uint8_t>(pages(1)) == written, true);
	rule.expect("the last byte of the page is the driver's", map.get<std::uint8_t>(pages(2) - 1) == driver_byte(device, pages(2) - 1), true);
	rule.expect("the driver has its byte", driver_byte(device, pages(1)) == original, true);
	child.channel().send(0);
	rule.expect("another process reads the driver's", child.channel().receive<std::uint8_t>() == original, true);
	child.wait();
}

RULE("cow.private_remap_in_smaps", .contract = "CW-03",
     .says = "The copies inside a PFN mapping count in RssAnon; smaps, which stepped over such mappings, sees them since 6.2",
     .source = "mm/pagewalk.c:walk_page_vma")
{
	const Device device = own_region(node_of(PTELAB_REMAP_PFN), kManyPages);
	const Mapping map(device, pages(kManyPages), {.flags = MAP_PRIVATE});
	const Resident before = resident();

	rule.expect("smaps Rss before", smaps_at(map.data())->kb("Rss"), 0U);
	for (std::size_t index = 0; index < kManyPages; ++index)
		map.put(pages(index), std::uint8_t{1});
	rule.expect("RssAnon rises by the pages", about(resident().anonymous - before.anonymous, kManyPages), true);
	rule.expect("smaps Rss", smaps_at(map.data())->kb("Rss"),
		    choose(older_than(6, 2), std::size_t{0}, pages(kManyPages) / 1024, "since 6.2 walk_page_vma no longer calls walk_page_test, which skips VM_PFNMAP"));
}

struct Bytes {
	std::uint8_t written;
	std::uint8_t beside;
};

RULE("cow.private_special_page_is_copied_from_the_writer", .contract = "CW-04",
     .says = "A write from another process into a private special page copies what the writer has at that address, or zeroes with a warning; "
	     "where stable kernels took a later mend it is EFAULT, and nothing is copied",
     .source = "mm/memory.c:__wp_page_copy_user", .needs = {root()})
{
	constexpr std::uint8_t kWriters = 0xEE;
	constexpr std::uint8_t kWritten = 0x42;
	constexpr std::uint8_t kDrivers = 0x11;
	Device device = own_region(node_of(PTELAB_FAULT_INSERT_MIXED), 2);
	device.write(0, std::vector<std::byte>(pages(2), std::byte{kDrivers}));
	Mapping ours = reserve(2);
	ours.protect(PROT_READ | PROT_WRITE);
	ours.put(100, kWriters);

	// Into which function the compiler has put the copy differs.
	const std::string line = warning_in("mm/memory\\.c", "(__wp_page_copy_user|wp_page_copy|do_wp_page)");
	rule.declare_kernel_line(line);
	Child child([&](Channel &channel) {
		const Mapping map(device, pages(2), {.flags = MAP_PRIVATE | MAP_FIXED, .at = ours.data()});
		channel.send(touch_all(map));
		channel.receive<int>();
		for (const std::size_t at : {std::size_t{0}, pages(1)})
			channel.send(Bytes{map.get<std::uint8_t>(at), map.get<std::uint8_t>(at + 100)});
		ours.release();
	});
	rule.expect("the target's pages", child.channel().receive<std::size_t>(), 2U);
	Mapping second = ours.split(pages(1));
	const auto write_to = [&](std::span<std::byte> page) {
		std::uint8_t value = kWritten;
		const iovec from{&value, 1};
		const iovec to{page.data(), 1};
		return ::process_vm_writev(child.pid(), &from, 1, &to, 1, 0);
	};
	const std::span<std::byte> hole = second.bytes();
	second.unmap();
	// No symbol and no build shows the mend: the first write does.
	const std::string reason = "in 6.12.118 a copy from the writer's address is refused, as it is not the target's (-EFAULT of __wp_page_copy_user)";
	const ssize_t first = write_to(ours.bytes());
	const bool refuses = first < 0 && errno == EFAULT;
	rule.expect("process_vm_writev where the writer has bytes", first, choose<ssize_t>(refuses, -1, 1, reason));
	rule.expect("process_vm_writev where it has nothing", write_to(hole), choose<ssize_t>(refuses, -1, 1, reason));
	child.channel().send(0);

	const Bytes copied = child.channel().receive<Bytes>();
	rule.expect("the byte written", copied.written, choose(refuses, kDrivers, kWritten, reason));
	rule.expect("a byte beside it is the writer's", copied.beside, choose(refuses, kDrivers, kWriters, reason));
	const Bytes zeroed = child.channel().receive<Bytes>();
	rule.expect("the other byte written", zeroed.written, choose(refuses, kDrivers, kWritten, reason));
	rule.expect("a byte beside that one", zeroed.beside, choose<std::uint8_t>(refuses, kDrivers, 0, reason));
	child.wait();
	rule.expect("the driver's byte", driver_byte(device, 100), kDrivers);
	static bool warned = false; // by an earlier run: the log may have dropped it since
	warned = warned || kernel_said(line);
	rule.expect("the warning, at least once since boot", warned, choose(refuses, false, true, reason));
}

RULE("cow.write_without_maywrite", .contract = "CW-05",
     .says = "A driver that clears VM_MAYWRITE but not VM_WRITE gets its write faults served, or since 6.2 a warning and SIGSEGV",
     .source = "mm/memory.c:sanitize_fault_flags")
{
	const bool trusts = older_than(6, 2);
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(device, {.vm_clear = PTELAB_VM_MAYWRITE});
	const Mapping map(device, pages(2));

	if (!trusts)
		rule.declare_kernel_line(warning_in("mm/memory\\.c", "(sanitize_fault_flags|handle_mm_fault)"));
	rule.expect("a read", map.touch(0).outcome(), kOk);
	rule.expect("a write to a page not there", map.write(pages(1), 1).outcome(),
		    choose(trusts, std::string(kOk), std::string(kUnmapped), "6.2 added the check of VM_MAYWRITE at write faults"));

	Device right = own_region(node_of(PTELAB_FAULT_PAGE));
	vma_setup(right, {.vm_clear = PTELAB_VM_WRITE | PTELAB_VM_MAYWRITE});
	Mapping read_only(right, pages(2));
	rule.expect("both cleared: a read", read_only.touch(0).outcome(), kOk);
	rule.expect("both cleared: a write", read_only.write(pages(1), 1).outcome(), kForbidden);
	rule.expect("both cleared: mprotect", errno_of([&] { read_only.protect(PROT_READ | PROT_WRITE); }), EACCES);
}

RULE_PER_NODE("shared_mapping_of_a_read_only_file", kFirstNodes, .contract = "CW-06",
	      .says = "A shared mapping of a file opened for reading loses VM_SHARED and VM_MAYWRITE, so it is not copy-on-write and never writable",
	      .source = "mm/mmap.c:do_mmap")
{
	const Device device(rule.node(), O_RDONLY);
	Mapping map(device, pages(4), {.prot = PROT_READ});
	const Smaps smaps = smaps_at(map.data()).value();

	rule.expect("maps", smaps.vma.perms, "r--s");
	rule.expect("VM_SHARED", smaps.has("sh"), false);
	rule.expect("VM_MAYSHARE", smaps.has("ms"), true);
	rule.expect("VM_MAYWRITE", smaps.has("mw"), false);
	rule.expect("pages", touch_all(map), 4U);
	rule.expect("a write", map.write(0, 1).outcome(), kForbidden);
	rule.expect("mprotect", errno_of([&] { map.protect(PROT_READ | PROT_WRITE); }), EACCES);
}

} // namespace
} // namespace ptelab
