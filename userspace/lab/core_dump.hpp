// SPDX-License-Identifier: GPL-2.0-or-later
// A real core dump of a forked process, which has this one's mappings, read back.
#ifndef PTELAB_LAB_CORE_DUMP_HPP
#define PTELAB_LAB_CORE_DUMP_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <elf.h>

#include <ptelab/mapping.hpp>

namespace ptelab::tables {

class CoreDump {
public:
	// What a process does before it dies: the mapping that it hands over is the one of interest.
	using Life = std::function<Mapping()>;

	// filter: /proc/PID/coredump_filter. kernel.core_pattern is changed for the time of the dump, which takes root. With a life,
	// the process' own memory is left out of the file: to write it takes far longer than all the rest.
	explicit CoreDump(unsigned filter, const Life &life = {});

	const std::string &why_not() const { return why_not_; } // "" if there is a dump
	// Bytes of the mapping that begins at the address which are in the file; nothing if the dump does not list it.
	std::optional<std::uint64_t> dumped(const void *address) const;
	// 8 bytes as the dump has them; nothing if it has not.
	std::optional<std::uint64_t> word(const void *address) const;

	struct Segment {
		std::size_t memory = 0; // 0: the dump does not list it
		std::vector<std::byte> content;
	};
	// The mapping of the life. Throws if there is no dump.
	Segment of_life() const;

private:
	std::optional<Elf64_Phdr> segment_of(std::uintptr_t address) const;

	std::string text_;
	std::string why_not_;
	std::uintptr_t mapped_at_ = 0;
};

inline constexpr unsigned kSharedMappings = 0x0a; // shared memory, and shared mappings of files: what devices are

} // namespace ptelab::tables

#endif
