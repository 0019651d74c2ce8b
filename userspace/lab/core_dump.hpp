// SPDX-License-Identifier: GPL-2.0-or-later
// A real core dump of a forked process, which has this one's mappings, read back.
#ifndef PTELAB_LAB_CORE_DUMP_HPP
#define PTELAB_LAB_CORE_DUMP_HPP

#include <cstdint>
#include <optional>
#include <string>

namespace ptelab::tables {

class CoreDump {
public:
	// filter: /proc/PID/coredump_filter. kernel.core_pattern is changed for the time of the dump, which takes root.
	explicit CoreDump(unsigned filter);

	const std::string &why_not() const { return why_not_; } // "" if there is a dump
	// Bytes of the mapping that begins at the address which are in the file; nothing if the dump does not list it.
	std::optional<std::uint64_t> dumped(const void *address) const;
	// 8 bytes as the dump has them; nothing if it has not.
	std::optional<std::uint64_t> word(const void *address) const;

private:
	struct Segment {
		std::uintptr_t address;
		std::uint64_t bytes; // in the file
		std::uint64_t offset;
	};
	std::optional<Segment> segment_of(std::uintptr_t address, bool first_only) const;

	std::string text_;
	std::string why_not_;
};

inline constexpr unsigned kSharedMappings = 0x0a; // shared memory, and shared mappings of files: what devices are

} // namespace ptelab::tables

#endif
