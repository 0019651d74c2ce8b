// SPDX-License-Identifier: GPL-2.0-or-later
// The memory type of a remap: overridden for RAM, reserved for a device's memory, and what becomes of the reservation.
#include <sstream>

#include <fmt/core.h>

#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "machine.hpp"
#include "symbols.hpp"

namespace ptelab {
namespace {

// Up to 6.12 a VMA had the flag VM_PAT, since 6.16 it has a counted pfnmap_track_ctx.
constexpr __u64 kCountedReservation = PTELAB_HAS_MMAP_PREPARE;
constexpr const char *kCounted = "the reservation is counted by the VMAs that use it since 6.16, which has mmap_prepare too";

RULE("remap_pfn.write_combining_of_ram", .contract = "RM-11",
     .says = "Write-combining asked for RAM becomes write-back on x86: with a line in the log if the whole VMA is remapped, silently if a part is",
     .source = "arch/x86/mm/pat/memtype.c:reserve_pfn_range, track_pfn_remap", .needs = {root()})
{
	constexpr const char *kLine = "x86/PAT: .* map pfn RAM range req write-combining for .*, got write-back";
	rule.declare_kernel_line(kLine);
	KernelLog log;

	for (const std::size_t count : {std::size_t{4}, std::size_t{2}}) {
		const std::string what = count == 4 ? "the whole VMA" : "a part of it";
		const Device device = bare({.cache = PTELAB_CACHE_WRITE_COMBINING});
		const Mapping map(device, pages(4));
		ptelab_call wanted{};
		wanted.flags = PTELAB_CALL_WRITE_LOCK;
		wanted.call = PTELAB_CALL_REMAP;
		wanted.address = address_of(map);
		wanted.bytes = pages(count);
		rule.expect(what, answer_to(device, wanted), 0);
		for (std::size_t page = 0; page < count; ++page)
			rule.expect(what + ", its memory type", device.lookup(map.page(page)).front().cache,
				    choose<__u32>(keeps_memory_types(), PTELAB_CACHE_WRITE_BACK, PTELAB_CACHE_WRITE_COMBINING, kMemtypesReason));
		rule.expect(what + ", lines of the kernel", log.count(kLine), choose(keeps_memory_types() && count == 4, 1U, 0U, kMemtypesReason));
	}
}

// How many reservations there are of exactly these bytes of physical memory.
std::size_t reservations(std::uint64_t start, std::uint64_t bytes)
{
	const std::string range = fmt::format("[mem {:#018x}-{:#018x}]", start, start + bytes);
	std::istringstream list(read_text(kMemtypes).value_or(""));
	std::size_t found = 0;

	for (std::string line; std::getline(list, line);)
		found += line.find(range) != std::string::npos;
	return found;
}

RULE_PER_NODE("shows_its_reservation", bit_of(PTELAB_REMAP_PFN) | bit_of(PTELAB_IOMAP),
	      .says = "x86 marks a VMA that is remapped as a whole and so has its memory type reserved: smaps shows it as ar; a counted reservation has no mark",
	      .source = "arch/x86/mm/pat/memtype.c:track_pfn_remap, mm/memory.c:remap_pfn_range_track")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(4));

	// Without CONFIG_X86_PAT, and on other machines, no kernel has this function.
	rule.expect("VmFlags ar", smaps_at(map.data()).value().has("ar"),
		    choose(has_global_function("track_pfn_remap"), true, false,
			   "x86's track_pfn_remap marks the VMA; no other machine keeps memory types, and what counts them came in its place"));
	const Device part = bare();
	const Mapping half(part, pages(4));
	ptelab_call wanted{};
	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = PTELAB_CALL_REMAP;
	wanted.address = address_of(half);
	wanted.bytes = pages(2);
	rule.expect("a part", answer_to(part, wanted), 0);
	rule.expect("a part: VmFlags ar", smaps_at(half.data()).value().has("ar"), false);
}

std::uint64_t physical(const Device &device, const Mapping &map)
{
	return device.lookup(map.bytes()).front().pfn * page_size();
}

std::vector<Need> device_needs()
{
	return {root(), node(PTELAB_IOMAP), kconfig("CONFIG_X86_PAT", kMemtypes)};
}

RULE("iomap.zap_drops_the_reservation", .contract = "RM-16",
     .says = "A zap of one page of a device mapping dropped the memory type reservation of all of it, until it was counted",
     .source = "mm/memory.c:unmap_single_vma, arch/x86/mm/pat/memtype.c:untrack_pfn", .needs = device_needs())
{
	// A range of its own: what other rules map must not be counted.
	Device device(node_of(PTELAB_IOMAP));
	Mapping map(device, pages(8), {.offset = pages(64)});
	const std::uint64_t start = physical(device, map);

	rule.expect("reserved at mmap", reservations(start, map.size()), 1U);
	device.zap(map.page(4), PTELAB_ZAP_SPECIAL);
	rule.expect("present after the zap", present(device, map), 7U);
	rule.expect("reserved after the zap", reservations(start, map.size()), by_feature(kCountedReservation, 1U, 0U, kCounted));
	rule.expect("first page", map.touch(0).outcome(), kOk);
	map.unmap();
	rule.expect("reserved after munmap", reservations(start, map.size() + pages(8)), 0U);
}

RULE("iomap.munmap_of_the_head", .contract = "RM-17",
     .says = "munmap of the head of a device mapping printed a complaint and left its memory type reserved for ever, until it was counted",
     .source = "arch/x86/mm/pat/memtype.c:memtype_free, mm/memory.c:unmap_single_vma", .needs = device_needs(), .suite = kScarSuite)
{
	constexpr const char *kLine = "x86/PAT: .* freeing invalid memtype";
	rule.declare_kernel_line(kLine);
	// The end of the device, where no other rule asks for another memory type: the kernel gives nobody the means to put back
	// what stays reserved here. Each run adds one reservation, of the same type.
	Device device(node_of(PTELAB_IOMAP));
	Mapping head(device, pages(8), {.offset = device.size() - pages(8)});
	Mapping tail = head.split(pages(3));
	const std::uint64_t start = physical(device, head);
	const std::size_t whole = reservations(start, pages(8)); // those of earlier runs too
	KernelLog log;

	rule.expect("reserved at mmap", whole > 0, true);
	head.unmap();
	rule.expect("complaints", log.count(kLine), by_feature(kCountedReservation, 0U, 1U, kCounted));
	rule.expect("reserved after the head is gone", reservations(start, pages(8)), whole);
	rule.expect("the tail", touch_all(tail), 5U);
	tail.unmap();
	rule.expect("still reserved when all is unmapped", reservations(start, pages(8)),
		    by_feature(kCountedReservation, whole - 1, whole, kCounted));
}

} // namespace
} // namespace ptelab
