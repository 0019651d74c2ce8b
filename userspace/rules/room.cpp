// SPDX-License-Identifier: GPL-2.0-or-later
#include "room.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>

#include <ptelab/procfs.hpp>

#include "lab.hpp"

namespace ptelab {

Mapping reserve(std::size_t page_count)
{
	return Mapping(-1, pages(page_count), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE});
}

Mapping map_into(Mapping &&room, const Device &device, MapOptions options, std::size_t bytes)
{
	options.at = room.data();
	options.flags |= MAP_FIXED;
	Mapping map(device, bytes ? bytes : room.size(), options);
	if (map.size() < room.size())
		room.split(map.size()).unmap();
	room.release();
	return map;
}

Errno move_into(Mapping &map, Mapping &&room)
{
	const Errno error = errno_of([&] { map.remap(map.size(), MREMAP_MAYMOVE | MREMAP_FIXED, room.data()); });
	if (error == Errno{} || !vma_at(room.data()))
		room.release();
	return error;
}

Errno remap_raw(const std::byte *from, std::size_t old_bytes, std::size_t bytes, int flags, Mapping &room)
{
	void *at = ::mremap(const_cast<std::byte *>(from), old_bytes, bytes, flags | MREMAP_MAYMOVE | MREMAP_FIXED, room.data());
	const Errno error = at == MAP_FAILED ? errno : 0;
	if (!vma_at(room.data()))
		room.release();
	return error;
}

Errno answer_of(long result)
{
	return result < 0 ? errno : 0;
}

Errno advise(std::span<std::byte> range, int advice)
{
	return answer_of(::madvise(range.data(), range.size(), advice));
}

std::size_t count_vmas(std::span<const std::byte> range)
{
	const __u64 start = address_of(range);
	const std::vector<Vma> all = vmas();
	return static_cast<std::size_t>(
		std::ranges::count_if(all, [&](const Vma &vma) { return vma.start < start + range.size() && vma.end > start; }));
}

__u64 address_of(std::span<const std::byte> range)
{
	return reinterpret_cast<__u64>(range.data());
}

} // namespace ptelab
