// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.hpp"

#include <algorithm>

namespace ptelab::tables {
namespace {

constexpr std::size_t kDevicePage = 8; // on the device, pages below are for the talk between guest and host
constexpr std::uint64_t kMark = 0x6c62'6174'6500'0001;

// The device exists once; every other node gives a region to this file alone.
bool is_shared(const Node &node)
{
	return node.method == PTELAB_IOMAP;
}

Device open_for(const Node &node)
{
	Device device(node);
	// A node that maps a PMD at a time is at its best with its own size.
	if (!is_shared(node))
		device.setup({.pages = node.method == PTELAB_HUGE_PFN || node.method == PTELAB_HUGE_FOLIO ? 0 : kBenchPages});
	return device;
}

} // namespace

Bench::Bench(const Node &node)
	: node_(node), device_(open_for(node)), offset_(is_shared(node) ? kDevicePage * page_size() : 0)
{
	if (is_shared(node)) {
		before_.resize(kBenchPages * page_size());
		device_.read(offset_, before_);
	}
	fill();
}

Bench::~Bench()
{
	if (!before_.empty())
		(void)errno_of([&] { device_.write(offset_, before_); });
}

Mapping Bench::map() const
{
	return Mapping(device_, kBenchPages * page_size(), {.offset = offset_});
}

Mapping Bench::touched() const
{
	Mapping mapping = map();
	const Probe probe;
	for (std::size_t index = 0; index < mapping.pages(); ++index)
		probe.read(mapping.page(index).data());
	return mapping;
}

std::size_t Bench::present(const Mapping &map) const
{
	return static_cast<std::size_t>(std::ranges::count_if(
		device_.lookup(map.bytes()), [](const ptelab_pte &entry) { return (entry.state & PTELAB_PTE_PRESENT) != 0; }));
}

std::uint64_t Bench::mark(std::size_t page_index)
{
	return kMark + page_index;
}

void Bench::fill()
{
	for (std::size_t index = 0; index < kBenchPages; ++index) {
		const std::uint64_t value = mark(index);
		device_.write(offset_ + index * page_size(), std::as_bytes(std::span(&value, 1)));
	}
}

std::uint64_t Bench::driver_has(std::size_t page_index) const
{
	std::uint64_t value = 0;
	device_.read(offset_ + page_index * page_size(), std::as_writable_bytes(std::span(&value, 1)));
	return value;
}

} // namespace ptelab::tables
