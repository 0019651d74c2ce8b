// SPDX-License-Identifier: GPL-2.0-or-later
// Core dumps: a process dies with a driver's mapping, and what it left behind is read back.
#include <algorithm>
#include <cstring>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <ptelab/direct.hpp>
#include <ptelab/temporary_folder.hpp>

#include "core_dump.hpp"
#include "lab.hpp"

namespace ptelab {
namespace {

// Bits of /proc/PID/coredump_filter.
constexpr unsigned kMappedShared = 1U << 3;
constexpr unsigned kDefaultFilter = 0x33; // anonymous memory, private or shared, and ELF headers
constexpr unsigned kEverything = 0xff;

using tables::CoreDump;
using Segment = CoreDump::Segment;

Segment dump(unsigned filter, const CoreDump::Life &life)
{
	return CoreDump(filter, life).of_life();
}

bool all_zero(const std::vector<std::byte> &bytes)
{
	return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

const Need kDumps = kconfig("CONFIG_ELF_CORE", "/proc/self/coredump_filter");

RULE_PER_NODE("core_has_no_device_memory", kPfnNodes & kFirstNodes, .contract = "CD-01",
	      .says = "A mapping with VM_IO or VM_DONTDUMP is mentioned in a core file without its content, whatever coredump_filter says",
	      .source = "fs/coredump.c:vma_dump_size", .needs = {kDumps, root()})
{
	const Device device = own_region(rule.node());
	const Segment segment = dump(kEverything, [&] {
		Mapping map(device, pages(kPages));
		touch_all(map);
		return map;
	});
	rule.expect("bytes of memory", segment.memory, pages(kPages));
	rule.expect("bytes in the file", segment.content.size(), 0U);
}

RULE_PER_NODE("core_of_a_named_mapping", bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PFN), .contract = "CD-02",
	      .says = "A VMA whose ->name answers is dumped in full whatever its flags and coredump_filter; pages that cannot be read are zeros",
	      .source = "fs/coredump.c:always_dump_vma", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 2);

	device.write(0, bytes);
	vma_setup(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
				hook_bit(PTELAB_HOOK_NAME)});
	const Segment segment = dump(0, [&] {
		Mapping map(device, pages(kPages));
		touch_all(map);
		return map;
	});
	rule.expect("bytes in the file", segment.content.size(), pages(kPages));
	rule.expect("they are the driver's", segment.content == bytes, !rule.node().pfn);
	rule.expect("they are zeros", all_zero(segment.content), rule.node().pfn);
}

RULE_PER_NODE("core_of_a_shared_mapping", bit_of(PTELAB_INSERT_PAGE), .contract = "CD-03",
	      .says = "A shared mapping of a node is dumped only with bit 3 of coredump_filter, and as anonymous memory once the node is unlinked",
	      .source = "fs/coredump.c:vma_dump_size", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 3);
	const auto dump_of = [](const Device &of, unsigned filter) {
		return dump(filter, [&] { return Mapping(of, pages(kPages)); });
	};

	device.write(0, bytes);
	rule.expect("bytes by default", dump_of(device, kDefaultFilter).content.size(), 0U);
	rule.expect("the bytes with bit 3", dump_of(device, kMappedShared).content == bytes, true);

	struct stat status {};
	if (::stat(device.path().c_str(), &status) < 0)
		throw_errno("stat " + device.path());
	const TemporaryFolder folder;
	const std::string other = folder.file("node");
	if (::mknod(other.c_str(), S_IFCHR | 0600, status.st_rdev) < 0)
		throw_errno("mknod " + other);
	Device unlinked(other);
	::unlink(other.c_str());
	unlinked.setup({.pages = kPages});
	unlinked.write(0, bytes);
	rule.expect("the bytes of an unlinked node, by default", dump_of(unlinked, kDefaultFilter).content == bytes, true);
	rule.expect("bytes of an unlinked node, with bit 3 alone", dump_of(unlinked, kMappedShared).content.size(), 0U);
}

RULE_PER_NODE("core_calls_fault", bit_of(PTELAB_FAULT_PAGE), .contract = "CD-04",
	      .says = "Dumping calls the driver's ->fault for each page that was not touched, from the process that dies",
	      .source = "mm/gup.c:get_dump_page", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 4);

	device.write(0, bytes);
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS});
	EventLog log(device);
	const Segment segment = dump(kMappedShared, [&] { return Mapping(device, pages(kPages)); });
	rule.expect("faults", device.stats().faults, kPages);
	rule.expect("the driver's bytes", segment.content == bytes, true);

	std::size_t by_the_dying = 0;
	for (const ptelab_event &event : log.take())
		by_the_dying += event.hook == PTELAB_HOOK_FAULT && event.pid != static_cast<__u32>(::getpid());
	rule.expect("faults by the dying process", by_the_dying, kPages);
}

RULE_PER_NODE("core_has_holes_for_special_ptes", bit_of(PTELAB_FAULT_INSERT_MIXED), .contract = "CD-05",
	      .says = "A page behind a special PTE is a hole of zeros in the core file, and no error",
	      .source = "mm/gup.c:follow_page_pte", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());

	device.write(0, pattern(pages(kPages), 5));
	const Segment segment = dump(kMappedShared, [&] {
		Mapping map(device, pages(kPages));
		touch_all(map);
		return map;
	});
	rule.expect("bytes in the file", segment.content.size(), pages(kPages));
	rule.expect("they are zeros", all_zero(segment.content), true);
}

RULE_PER_NODE("core_of_a_private_mapping", bit_of(PTELAB_INSERT_PAGE), .contract = "CD-06",
	      .says = "A private mapping is dumped by default once something was written to it: the copies, and the driver's pages beside them",
	      .source = "fs/coredump.c:vma_dump_size", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	std::vector<std::byte> bytes = pattern(pages(kPages), 6);
	const auto dump_after = [&](bool write) {
		return dump(kDefaultFilter, [&] {
			Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
			touch_all(map);
			if (write)
				map.put(pages(1), std::uint64_t{0x5049524154450000});
			return map;
		});
	};

	device.write(0, bytes);
	rule.expect("bytes before a write", dump_after(false).content.size(), 0U);
	const std::uint64_t written = 0x5049524154450000;
	std::memcpy(bytes.data() + pages(1), &written, sizeof(written));
	rule.expect("the bytes after a write", dump_after(true).content == bytes, true);
}

} // namespace
} // namespace ptelab
