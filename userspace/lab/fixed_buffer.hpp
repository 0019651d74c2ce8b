// SPDX-License-Identifier: GPL-2.0-or-later
// io_uring's fixed buffers: memory that is pinned for long and for writing when it is registered.
#ifndef PTELAB_LAB_FIXED_BUFFER_HPP
#define PTELAB_LAB_FIXED_BUFFER_HPP

#include <cstddef>
#include <span>
#include <string>

#include <ptelab/error.hpp>

namespace ptelab::tables {

struct FixedBuffer {
	std::string why_not; // no ring was to be had, and why; else ""
	Errno error;	     // of the registration
};

// Registers the bytes as the one buffer of a ring of its own, and takes them back.
FixedBuffer register_fixed_buffer(std::span<std::byte> bytes);

} // namespace ptelab::tables

#endif
