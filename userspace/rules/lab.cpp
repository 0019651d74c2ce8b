// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab.hpp"

#include <algorithm>

#include "release.hpp"

namespace ptelab {

std::size_t pages(std::size_t count)
{
	return count * page_size();
}

Device own_region(const Node &node, std::size_t page_count, Setup setup)
{
	Device device(node);
	if (node.method != PTELAB_IOMAP) {
		setup.pages = page_count;
		device.setup(setup);
	}
	return device;
}

Errno map_errno(int fd, std::size_t page_count, const MapOptions &options)
{
	return errno_of([&] { Mapping(fd, pages(page_count), options); });
}

std::vector<std::byte> pattern(std::size_t bytes, unsigned seed)
{
	std::vector<std::byte> data(bytes);
	std::uint32_t state = 2654435761U * (seed + 1);
	for (std::byte &byte : data) {
		state = state * 1664525U + 1013904223U;
		byte = static_cast<std::byte>(state >> 24);
	}
	return data;
}

std::size_t present(const Device &device, const Mapping &map)
{
	return static_cast<std::size_t>(std::ranges::count_if(
		device.lookup(map.bytes()), [](const ptelab_pte &entry) { return (entry.state & PTELAB_PTE_PRESENT) != 0; }));
}

__u32 state_of(const Device &device, const Mapping &map, std::size_t page_index)
{
	return device.lookup(map.page(page_index)).front().state;
}

std::size_t touch_all(const Mapping &map)
{
	const Probe probe;
	std::size_t done = 0;
	for (std::size_t index = 0; index < map.pages(); ++index)
		done += probe.read(map.page(index).data()).done();
	return done;
}

ptelab_zap_how effective_zap(const Node &node)
{
	return node.pfn ? PTELAB_ZAP_SPECIAL : PTELAB_ZAP_VMA;
}

Expected<std::size_t> in_core_of_pfns(std::size_t present)
{
	return choose(older_than(7, 3), std::size_t{0}, present,
		      "do_mincore walks with walk_page_range, which skips VM_PFNMAP; since 7.3 with walk_page_range_vma, which does not");
}

std::int64_t pages_in_use(const Device &device)
{
	return pages_of_files(device.stats(PTELAB_SCOPE_MODULE));
}

} // namespace ptelab
