// SPDX-License-Identifier: GPL-2.0-or-later
// Where mappings lie: room kept for them, and calls that put one mapping in the place of another.
#ifndef PTELAB_RULES_ROOM_HPP
#define PTELAB_RULES_ROOM_HPP

#include <cstddef>
#include <span>

#include <ptelab/device.hpp>
#include <ptelab/mapping.hpp>

namespace ptelab {

// Addresses that nothing else gets, until they are mapped over or the owner goes.
Mapping reserve(std::size_t page_count);

// Maps the device where the room was, over the whole of it unless bytes says less; the rest of the room is unmapped.
Mapping map_into(Mapping &&room, const Device &device, MapOptions options = {}, std::size_t bytes = 0);

// mremap(2) to the room, whose addresses pass to the mapping if that works and are a hole if the kernel says no after it has
// unmapped them.
Errno move_into(Mapping &map, Mapping &&room);

// mremap(2) as it is. What the kernel did to the room, its owner is told by room itself: released if it is a hole now.
Errno remap_raw(const std::byte *from, std::size_t old_bytes, std::size_t bytes, int flags, Mapping &room);

// The errno of a system call that has just returned this.
Errno answer_of(long result);

Errno advise(std::span<std::byte> range, int advice);

// How many VMAs lie in the range, at least in part.
std::size_t count_vmas(std::span<const std::byte> range);

__u64 address_of(std::span<const std::byte> range);

} // namespace ptelab

#endif
