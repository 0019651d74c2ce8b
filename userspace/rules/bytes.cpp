// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of a region: the same through the mapping and through read(2) and write(2).
#include <ptelab/child.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr std::size_t kLeast = 4U << 20;

RULE_PER_NODE("region_is_4_mib_or_more", kFirstNodes,
	      .says = "A node's own region has at least 4 MiB, and seeking to its end tells the size",
	      .source = "fs/read_write.c:fixed_size_llseek")
{
	Device device(rule.node(), O_RDONLY);
	const std::size_t size = device.size();

	rule.observe("bytes", size);
	rule.expect("at least 4 MiB", size >= kLeast, true);
	rule.expect("SEEK_END", static_cast<std::size_t>(device.seek(0, SEEK_END)), size);
	rule.expect("seek to a byte", device.seek(5, SEEK_SET), 5);
	rule.expect("seek from there", device.seek(7, SEEK_CUR), 12);
	rule.expect("seek past the end", errno_of([&] { device.seek(static_cast<off_t>(size) + 1, SEEK_SET); }), EINVAL);
	rule.expect("seek before the start", errno_of([&] { device.seek(-1, SEEK_SET); }), EINVAL);
}

RULE_PER_NODE("fresh_reads_zero", kRamNodes & kFirstNodes, .says = "A fresh region reads as zeros through the mapping and through read(2)",
	      .source = "mm/page_alloc.c:post_alloc_hook")
{
	const Device device = own_region(rule.node(), 64);
	const Mapping map(device, pages(64));
	const std::vector<std::byte> zeros(map.size());
	std::vector<std::byte> seen(map.size(), std::byte{1});

	rule.expect("read(2) bytes", device.read(0, seen), map.size());
	rule.expect("read(2) reads zeros", seen == zeros, true);
	map.copy_out(0, seen);
	rule.expect("the mapping reads zeros", seen == zeros, true);
}

RULE_PER_NODE("mapping_reaches_read", kFirstNodes, .says = "What is written through the mapping is what read(2) reads, in the whole region",
	      .source = "mm/memory.c:handle_mm_fault")
{
	const Device device = own_region(rule.node(), kLeast / page_size());
	const Mapping map(device, kLeast);
	const std::vector<std::byte> sent = pattern(map.size(), rule.node().method);
	std::vector<std::byte> seen(map.size());

	map.copy_in(0, sent);
	rule.expect("read(2) bytes", device.read(0, seen), map.size());
	rule.expect("same bytes", seen == sent, true);
}

RULE_PER_NODE("write_reaches_mapping", kFirstNodes, .says = "What write(2) writes is what the mapping reads, in the whole region",
	      .source = "mm/memory.c:handle_mm_fault")
{
	Device device = own_region(rule.node(), kLeast / page_size());
	const Mapping map(device, kLeast);
	const std::vector<std::byte> sent = pattern(map.size(), 100U + rule.node().method);
	std::vector<std::byte> seen(map.size());

	rule.expect("write(2) bytes", device.write(0, sent), map.size());
	device.sync();
	map.copy_out(0, seen);
	rule.expect("same bytes", seen == sent, true);
}

RULE_PER_NODE("first_and_last_byte", kAllNodes, .says = "The first and the last byte of a node's own region are mapped where they belong",
	      .source = "mm/memory.c:remap_pfn_range")
{
	Device device(rule.node());
	const std::size_t size = device.size();
	const Mapping map(device, size);

	for (const std::size_t offset : {std::size_t{0}, size - 1}) {
		const auto before = map.get<std::uint8_t>(offset);
		const auto changed = static_cast<std::uint8_t>(~before);
		std::byte seen{};
		map.put(offset, changed);
		device.read(offset, {&seen, 1});
		const std::string name = offset == 0 ? "first" : "last";
		rule.expect(name + " byte", std::to_integer<std::uint8_t>(seen), changed);
		const std::byte back{before};
		device.write(offset, {&back, 1});
		rule.expect(name + " byte back", map.get<std::uint8_t>(offset), before);
	}
}

RULE_PER_NODE("reads_end_at_the_end", kFirstNodes, .says = "read(2) gives what is left before the end, and 0 bytes from there on",
	      .source = "fs/read_write.c:vfs_read")
{
	Device device(rule.node(), O_RDONLY);
	const std::size_t size = device.size();
	std::vector<std::byte> into(pages(1));

	rule.expect("across the end", device.read(size - 3, into), 3U);
	rule.expect("at the end", device.read(size, into), 0U);
	rule.expect("beyond the end", device.read(size + pages(1), into), 0U);
	rule.expect("nothing asked for", device.read(0, std::span(into).first(0)), 0U);
}

RULE_PER_NODE("writes_end_at_the_end", kFirstNodes, .says = "write(2) takes what fits before the end, and fails with ENOSPC from there on",
	      .source = "fs/read_write.c:vfs_write")
{
	Device device(rule.node());
	const std::size_t size = device.size();
	std::vector<std::byte> last(3);
	device.read(size - last.size(), last);
	const std::vector<std::byte> sent = pattern(8, 1);

	rule.expect("across the end", device.write(size - last.size(), sent), last.size());
	rule.expect("at the end", errno_of([&] { device.write(size, sent); }), ENOSPC);
	rule.expect("beyond the end", errno_of([&] { device.write(size + pages(1), sent); }), ENOSPC);
	device.write(size - last.size(), last);
}

RULE_PER_NODE("bad_buffer_is_efault", kFirstNodes, .says = "read(2) and write(2) with a buffer that is not mapped fail with EFAULT",
	      .source = "lib/iov_iter.c:copy_page_to_iter")
{
	Device device = own_region(rule.node());
	Mapping hole(-1, pages(1), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});

	rule.expect("read(2)", errno_of([&] { device.read(0, hole.bytes()); }), EFAULT);
	rule.expect("write(2)", errno_of([&] { device.write(0, hole.bytes()); }), EFAULT);
}

RULE_PER_NODE("fsync_succeeds", kFirstNodes, .says = "fsync(2) succeeds, also on a mapping by msync(2)", .source = "fs/sync.c:vfs_fsync_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(1));

	rule.expect("fsync", errno_of([&] { device.sync(); }), 0);
	rule.expect("msync", Errno(::msync(map.data(), map.size(), MS_SYNC) == 0 ? 0 : errno), 0);
}

RULE_PER_NODE("content_outlives_the_process", kFirstNodes, .says = "What one process wrote into the node's own region another reads after it has ended",
	      .source = "drivers/char/misc.c:misc_open")
{
	constexpr std::size_t kOffset = 5;
	Device device(rule.node());
	const std::size_t at = pages(kOffset);
	std::vector<std::byte> before(64);
	device.read(at, before);
	const std::vector<std::byte> sent = pattern(before.size(), 7);

	in_child([&] {
		const Device theirs(rule.node());
		Mapping(theirs, pages(kOffset + 1)).copy_in(at, sent);
		return true;
	});
	std::vector<std::byte> seen(before.size());
	Mapping(Device(rule.node()), pages(kOffset + 1)).copy_out(at, seen);
	rule.expect("same bytes", seen == sent, true);
	device.write(at, before);
}

RULE_PER_NODE("own_regions_are_apart", kRamNodes & kFirstNodes, .says = "Two files with regions of their own do not see each other's bytes",
	      .source = "mm/memory.c:handle_mm_fault")
{
	const Device one = own_region(rule.node());
	const Device other = own_region(rule.node());
	const Mapping of_one(one, pages(kPages));
	const Mapping of_other(other, pages(kPages));

	of_one.put(0, std::uint8_t{0x11});
	rule.expect("the other one's byte", of_other.get<std::uint8_t>(0), 0);
}

} // namespace
} // namespace ptelab
