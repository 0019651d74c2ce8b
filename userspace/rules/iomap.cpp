// SPDX-License-Identifier: GPL-2.0-or-later
// Real device memory: the host on its other side, and the memory types that only a device has.
#include <cstring>
#include <string>

#include "hygiene.hpp"
#include "lab.hpp"

namespace ptelab {
namespace {

constexpr std::size_t kAnswer = 0x2000; // where the host looks for what the guest wrote
constexpr std::string_view kHostPattern = "ptelab host pattern ";
constexpr std::string_view kGuestPattern = "ptelab guest pattern ";

const Node &iomap()
{
	return node_of(PTELAB_IOMAP);
}

RULE("iomap.guest_reads_what_host_wrote", .says = "What the host wrote into the device's memory is read through the mapping, and the host reads the answer",
     .source = "mm/memory.c:vm_iomap_memory", .needs = {node(PTELAB_IOMAP)}, .answers_host = true)
{
	const Device device(iomap());
	const Mapping map(device, pages(kPages));
	char text[256] = {};

	map.copy_out(kHostWindow, std::as_writable_bytes(std::span(text)).first(sizeof(text) - 1));
	const std::string_view seen(text);
	if (seen.empty())
		rule.skip("the host wrote no pattern into the device's memory: scripts/run-cell does, with --start boot");
	rule.expect("the host's words", std::string(seen.substr(0, kHostPattern.size())), std::string(kHostPattern));
	const std::string nonce(seen.substr(std::min(seen.size(), kHostPattern.size())));
	rule.varies("nonce");
	rule.varies("the driver sees the answer");
	rule.observe("nonce", nonce);

	const std::string answer = std::string(kGuestPattern) + nonce;
	map.copy_in(kAnswer, std::as_bytes(std::span(answer.c_str(), answer.size() + 1)));
	std::string back(answer.size(), '?');
	device.read(kAnswer, std::as_writable_bytes(std::span(back)));
	rule.expect("the driver sees the answer", back, answer);
}

RULE("iomap.memory_types", .says = "The device is mapped uncached unless write-combining is asked for, and the page table entry has that type",
     .source = "arch/x86/mm/pat/memtype.c:reserve_pfn_range", .needs = {node(PTELAB_IOMAP)})
{
	for (const ptelab_cache cache : {ptelab_cache{}, PTELAB_CACHE_UNCACHED, PTELAB_CACHE_WRITE_COMBINING}) {
		Device device(iomap());
		const std::string name(name_of(cache));
		if (!rule.expect(name + " REGION_SETUP", errno_of([&] { device.setup({.cache = cache}); }), 0))
			continue;
		const Mapping map(device, pages(kPages));
		const __u32 wanted = cache ? cache : PTELAB_CACHE_UNCACHED;
		rule.expect(name + " by QUERY", device.query().cache, wanted);
		rule.expect(name + " by LOOKUP", device.lookup(map.bytes()).front().cache, wanted);
		rule.expect(name + " accessible", touch_all(map), kPages);
	}
}

RULE("iomap.one_memory_type_at_a_time", .says = "While one file has the device with one memory type, another type is EBUSY and the same one is fine",
     .source = "arch/x86/mm/pat/memtype.c:memtype_reserve", .needs = {node(PTELAB_IOMAP)})
{
	Device one(iomap());
	one.setup({.cache = PTELAB_CACHE_WRITE_COMBINING});
	const Mapping map(one, pages(kPages));
	Device other(iomap());

	rule.expect("another type", errno_of([&] { other.setup({.cache = PTELAB_CACHE_UNCACHED}); }), EBUSY);
	rule.expect("the same type", errno_of([&] { other.setup({.cache = PTELAB_CACHE_WRITE_COMBINING}); }), 0);
	rule.expect("and its mapping", errno_of([&] { Mapping(other, pages(kPages)); }), 0);
}

RULE("iomap.region_setup_selects_the_type_only", .says = "REGION_SETUP of the device takes no size, no kind of page and no write-back",
     .source = "mm/memory.c:vm_iomap_memory", .needs = {node(PTELAB_IOMAP)})
{
	Device device(iomap());

	rule.observe("a size", errno_of([&] { device.setup({.pages = 4}); }));
	rule.expect("RAM", errno_of([&] { device.setup({.backing = PTELAB_BACKING_SINGLE}); }), EOPNOTSUPP);
	rule.expect("the device", errno_of([&] { device.setup({.backing = PTELAB_BACKING_DEVICE}); }), 0);
	rule.observe("write-back", errno_of([&] { device.setup({.cache = PTELAB_CACHE_WRITE_BACK}); }));
}

} // namespace
} // namespace ptelab
