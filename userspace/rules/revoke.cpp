// SPDX-License-Identifier: GPL-2.0-or-later
// REVOKE and RESTORE: every mapping of a region, in every process, loses its memory and gets it back.
#include <ptelab/child.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

RULE_PER_NODE("revoke_is_sigbus", kAllNodes | kPrepareNodes, .says = "After REVOKE every access gets SIGBUS, and read(2) and write(2) get ENODEV",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	std::byte byte{};

	map.touch(0);
	device.revoke();
	rule.expect("a page that was touched", map.touch(0).outcome(), kSigbus);
	rule.expect("a page that was not", map.touch(1).outcome(), kSigbus);
	rule.expect("a write", map.write(pages(4), 1).outcome(), kSigbus);
	rule.expect("read(2)", errno_of([&] { device.read(0, {&byte, 1}); }), ENODEV);
	rule.expect("write(2)", errno_of([&] { device.write(0, {&byte, 1}); }), ENODEV);
	rule.expect("QUERY says so", device.query().revoked, 1U);
	rule.expect("present", present(device, map), 0U);
	rule.expect("LOOKUP says so", (state_of(device, map, 0) & PTELAB_PTE_REVOKED) != 0, true);
	device.restore();
}

RULE_PER_NODE("restore_brings_it_back", kAllNodes | kPrepareNodes, .says = "After RESTORE every page is served again with the bytes that it had",
	      .source = "mm/memory.c:do_fault")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.put(pages(4), std::uint8_t{0x21});
	device.revoke();
	device.restore();
	rule.expect("QUERY says so", device.query().revoked, 0U);
	rule.expect("the byte", map.get<std::uint8_t>(pages(4)), 0x21);
	rule.expect("pages", touch_all(map), kPages);
	map.put(pages(4), std::uint8_t{0});
	std::byte byte{};
	rule.expect("read(2)", errno_of([&] { device.read(0, {&byte, 1}); }), 0);
}

RULE_PER_NODE("revoke_and_restore_repeat", kFirstNodes, .says = "REVOKE and RESTORE may each be repeated, and RESTORE needs no REVOKE before it",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	rule.expect("RESTORE of what is not revoked", errno_of([&] { device.restore(); }), 0);
	for (int round = 0; round < 3; ++round) {
		device.revoke();
		rule.expect("REVOKE again", errno_of([&] { device.revoke(); }), 0);
		rule.expect("revoked", map.touch(0).outcome(), kSigbus);
		device.restore();
		rule.expect("restored", map.touch(0).outcome(), kOk);
	}
	rule.expect("revokes counted", device.stats().revokes, 6U);
}

// A child's part: the pages that it can touch, each time that it is asked.
void tell_what_is_there(Channel &channel, const Mapping &map)
{
	for (int i = 0; i < 3; ++i) {
		channel.send(touch_all(map));
		channel.receive<int>();
	}
}

void expect_revoked_and_restored(Rule &rule, Device &device, Child &child)
{
	rule.expect("before", child.channel().receive<std::size_t>(), kPages);
	device.revoke();
	child.channel().send(0);
	rule.expect("revoked", child.channel().receive<std::size_t>(), 0U);
	device.restore();
	child.channel().send(0);
	rule.expect("restored", child.channel().receive<std::size_t>(), kPages);
	child.channel().send(0);
	child.wait();
}

RULE_PER_NODE("revoke_reaches_a_forked_child", kFirstNodes, .says = "REVOKE takes the memory from a forked child too, and RESTORE gives it back",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	Child child([&](Channel &channel) {
		tell_what_is_there(channel, map);
	});
	expect_revoked_and_restored(rule, device, child);
}

RULE_PER_NODE("revoke_reaches_another_process", kFirstNodes, .says = "REVOKE through one file reaches a process that opened the node itself",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device(rule.node()); // the node's own region, which everybody shares

	Child child([&](Channel &channel) {
		const Device theirs(rule.node());
		const Mapping map(theirs, pages(kPages));
		tell_what_is_there(channel, map);
	});
	expect_revoked_and_restored(rule, device, child);
}

RULE_PER_NODE("revoke_spares_other_regions", kRamNodes & kFirstNodes, .says = "REVOKE of one region leaves the other regions of the node alone",
	      .source = "mm/memory.c:unmap_mapping_range")
{
	Device device = own_region(rule.node());
	const Device other = own_region(rule.node());
	const Mapping map(other, pages(kPages));

	touch_all(map);
	device.revoke();
	rule.expect("pages still there", present(other, map), kPages);
	rule.expect("pages read", touch_all(map), kPages);
	device.restore();
}

RULE_PER_NODE("revoke_drops_private_copies", kPrivateNodes,
	      .says = "REVOKE drops private copies; RESTORE gives the driver's bytes, except to a private mapping of remap_pfn and iomap",
	      .source = "mm/memory.c:vmf_insert_pfn_prot")
{
	Device device = own_region(rule.node());
	const std::size_t at = pages(4);
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
	const auto original = map.get<std::uint8_t>(at);
	const auto changed = static_cast<std::uint8_t>(~original);

	map.put(at, changed);
	device.revoke();
	rule.expect("revoked", map.read(at).outcome(), kSigbus);
	device.restore();
	const Touch touch = map.read(at);
	rule.expect("restored", touch.outcome(), rule.node().pfn ? kSigbus : kOk);
	if (touch.done())
		rule.expect("the driver's byte", touch.value, original);
	rule.expect("mapped anew", Mapping(device, pages(kPages), {.flags = MAP_PRIVATE}).read(at).outcome(), kOk);
}

RULE_PER_NODE("a_mapping_made_while_revoked", kFirstNodes, .says = "A mapping made while the region is revoked gives SIGBUS until RESTORE",
	      .source = "mm/mmap.c:mmap_region")
{
	Device device = own_region(rule.node());

	device.revoke();
	try {
		const Mapping map(device, pages(kPages));
		rule.observe("mmap", "ok");
		rule.expect("revoked", map.touch(0).outcome(), kSigbus);
		device.restore();
		rule.expect("restored", map.touch(0).outcome(), kOk);
	} catch (const std::system_error &error) {
		rule.expect("mmap", Errno(error.code().value()), ENODEV);
		device.restore();
	}
}

} // namespace
} // namespace ptelab
