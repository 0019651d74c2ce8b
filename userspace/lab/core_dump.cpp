// SPDX-License-Identifier: GPL-2.0-or-later
#include "core_dump.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <elf.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/child.hpp>
#include <ptelab/error.hpp>
#include <ptelab/procfs.hpp>

namespace ptelab::tables {
namespace {

constexpr const char *kPattern = "/proc/sys/kernel/core_pattern";

int write_text(const std::string &path, const std::string &text)
{
	const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	const int error = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
	::close(fd);
	return error;
}

// A folder of its own, and the pattern that points there; both gone at the end.
class Place {
public:
	Place() : before_(read_line(kPattern))
	{
		std::array<char, 32> name{"/tmp/ptelab-core-XXXXXX"};
		if (!::mkdtemp(name.data()))
			throw_errno("mkdtemp");
		folder_ = name.data();
		error_ = write_text(kPattern, folder_ + "/core.%p\n"); // %p: nothing is appended
	}
	Place(const Place &) = delete;
	Place &operator=(const Place &) = delete;
	~Place()
	{
		if (error_ == 0)
			write_text(kPattern, before_ + "\n");
		std::error_code ignored;
		std::filesystem::remove_all(folder_, ignored);
	}

	int error() const { return error_; }
	std::string file(pid_t pid) const { return fmt::format("{}/core.{}", folder_, pid); }

private:
	std::string before_;
	std::string folder_;
	int error_;
};

[[noreturn]] void dump_core(unsigned filter)
{
	const rlimit unlimited{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

	if (::setrlimit(RLIMIT_CORE, &unlimited) < 0)
		throw_errno("setrlimit");
	::prctl(PR_SET_DUMPABLE, 1);
	if (const int error = write_text("/proc/self/coredump_filter", fmt::format("{:#x}\n", filter)))
		throw_errno(error, "coredump_filter");
	std::signal(SIGABRT, SIG_DFL);
	std::abort();
}

} // namespace

CoreDump::CoreDump(unsigned filter)
{
	const Place place;
	if (place.error()) {
		why_not_ = fmt::format("{} cannot be written ({}): run as root", kPattern, errno_name(place.error()));
		return;
	}
	Child child([filter](Channel &) { dump_core(filter); });
	const std::string file = place.file(child.pid());
	child.wait();
	const std::optional<std::string> text = read_text(file);
	if (!text || text->size() < sizeof(Elf64_Ehdr) || std::memcmp(text->data(), ELFMAG, SELFMAG) != 0)
		why_not_ = "the kernel wrote no core file (CONFIG_COREDUMP, CONFIG_ELF_CORE)";
	else
		text_ = *text;
}

std::optional<CoreDump::Segment> CoreDump::segment_of(std::uintptr_t address, bool first_only) const
{
	Elf64_Ehdr header{};
	if (text_.size() < sizeof(header))
		return std::nullopt;
	std::memcpy(&header, text_.data(), sizeof(header));
	for (unsigned i = 0; i < header.e_phnum; ++i) {
		const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr entry{};
		if (at + sizeof(entry) > text_.size())
			break;
		std::memcpy(&entry, text_.data() + at, sizeof(entry));
		const bool matches = first_only ? entry.p_vaddr == address
						: entry.p_vaddr <= address && address - entry.p_vaddr < entry.p_memsz;
		if (entry.p_type == PT_LOAD && matches)
			return Segment{entry.p_vaddr, entry.p_filesz, entry.p_offset};
	}
	return std::nullopt;
}

std::optional<std::uint64_t> CoreDump::dumped(const void *address) const
{
	const std::optional<Segment> segment = segment_of(reinterpret_cast<std::uintptr_t>(address), true);
	return segment ? std::optional(segment->bytes) : std::nullopt;
}

std::optional<std::uint64_t> CoreDump::word(const void *address) const
{
	const auto number = reinterpret_cast<std::uintptr_t>(address);
	const std::optional<Segment> segment = segment_of(number, false);
	std::uint64_t value = 0;
	if (!segment || number - segment->address + sizeof(value) > segment->bytes ||
	    segment->offset + (number - segment->address) + sizeof(value) > text_.size())
		return std::nullopt;
	std::memcpy(&value, text_.data() + segment->offset + (number - segment->address), sizeof(value));
	return value;
}

} // namespace ptelab::tables
