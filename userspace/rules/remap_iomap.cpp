// SPDX-License-Identifier: GPL-2.0-or-later
// vm_iomap_memory: how it works out what of a device's memory a mapping may show. On RAM, where every byte can be looked at.
#include "calls.hpp"

namespace ptelab {
namespace {

// vm_iomap_memory(vma, start of the region + offset, bytes) for a mapping of this length at page pgoff of the file.
struct Area {
	std::size_t pgoff;
	std::size_t length;
	std::uint64_t bytes;
	std::uint64_t offset = 0;
	std::uint32_t flags = 0;
};

struct Iomapped {
	Errno error;
	std::vector<__u64> found; // which page of the region, counted from 1, each page is
	std::string flags;
};

Iomapped iomap(const Area &area)
{
	const Device device = bare();
	const Mapping map(device, pages(area.length), {.offset = pages(area.pgoff)});
	ptelab_call wanted{};
	wanted.flags = PTELAB_CALL_WRITE_LOCK | area.flags;
	wanted.call = PTELAB_CALL_IOMAP;
	wanted.address = address_of(map);
	wanted.bytes = area.bytes;
	wanted.offset = area.offset;

	Iomapped mapped{.error = answer_to(device, wanted), .found = {}, .flags = driver_flags(map)};
	for (const ptelab_pte &entry : device.lookup(map.bytes()))
		mapped.found.push_back(entry.page);
	return mapped;
}

RULE("iomap.arithmetic", .contract = "RM-12",
     .says = "vm_iomap_memory maps from page vm_pgoff of the memory on, and is EINVAL where offset and length leave it or the address wraps",
     .source = "mm/memory.c:vm_iomap_memory")
{
	const std::uint64_t four = pages(4);

	rule.expect("an address that wraps", iomap({.pgoff = 0, .length = 1, .bytes = pages(2), .flags = PTELAB_CALL_WRAP}).error, EINVAL);
	rule.expect("an offset behind the end", iomap({.pgoff = 5, .length = 1, .bytes = four}).error, EINVAL);
	rule.expect("an offset at the end", iomap({.pgoff = 4, .length = 1, .bytes = four}).error, EINVAL);
	const Iomapped too_long = iomap({.pgoff = 2, .length = 3, .bytes = four});
	rule.expect("longer than the rest", too_long.error, EINVAL);
	rule.expect("longer than the rest, VmFlags", too_long.flags, "");
	const Iomapped whole = iomap({.pgoff = 0, .length = 4, .bytes = four});
	rule.expect("an exact fit", whole.error, 0);
	rule.expect("an exact fit, mapped", whole.found, std::vector<__u64>{1, 2, 3, 4});
	rule.expect("an exact fit, VmFlags", whole.flags, "io pf de dd");
	const Iomapped rest = iomap({.pgoff = 2, .length = 2, .bytes = four});
	rule.expect("the rest", rest.error, 0);
	rule.expect("the rest, mapped", rest.found, std::vector<__u64>{3, 4});
}

RULE("iomap.unaligned_start", .contract = "RM-13",
     .says = "vm_iomap_memory of memory that starts inside a page shows that page, and a page more than the length says",
     .source = "mm/memory.c:vm_iomap_memory")
{
	const Iomapped two = iomap({.pgoff = 0, .length = 2, .bytes = pages(1), .offset = 0x100});
	rule.expect("two pages of one page's bytes", two.error, 0);
	rule.expect("two pages of one page's bytes, mapped", two.found, std::vector<__u64>{1, 2});
	rule.expect("three pages", iomap({.pgoff = 0, .length = 3, .bytes = pages(1), .offset = 0x100}).error, EINVAL);
	rule.expect("two pages when aligned", iomap({.pgoff = 0, .length = 2, .bytes = pages(1)}).error, EINVAL);
}

} // namespace
} // namespace ptelab
