// SPDX-License-Identifier: GPL-2.0-or-later
#include "core_dump.hpp"

#include <csignal>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/child.hpp>
#include <ptelab/error.hpp>
#include <ptelab/procfs.hpp>
#include <ptelab/temporary_folder.hpp>

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
	Place() : before_(read_line(kPattern)), error_(write_text(kPattern, folder_.file("core.%p\n"))) {} // %p: nothing is appended
	Place(const Place &) = delete;
	Place &operator=(const Place &) = delete;
	~Place()
	{
		if (error_ == 0)
			write_text(kPattern, before_ + "\n");
	}

	int error() const { return error_; }
	std::string file(pid_t pid) const { return folder_.file(fmt::format("core.{}", pid)); }

private:
	TemporaryFolder folder_;
	std::string before_;
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

// What cannot be left out, as the vDSO, stays in.
void leave_out_all_but(const Mapping &map)
{
	for (const Vma &vma : vmas())
		if (!vma.contains(map.data()))
			::madvise(reinterpret_cast<void *>(vma.start), vma.size(), MADV_DONTDUMP);
}

} // namespace

CoreDump::CoreDump(unsigned filter, const Life &life)
{
	const Place place;
	if (place.error()) {
		why_not_ = fmt::format("{} cannot be written ({}): run as root", kPattern, errno_name(place.error()));
		return;
	}
	Child child([&](Channel &channel) {
		const std::optional<Mapping> map = life ? std::optional(life()) : std::nullopt;
		if (map)
			leave_out_all_but(*map);
		channel.send(map ? reinterpret_cast<std::uintptr_t>(map->data()) : std::uintptr_t{0});
		dump_core(filter);
	});
	const std::string file = place.file(child.pid());
	if (child.wait() == SIGABRT)
		mapped_at_ = child.channel().receive<std::uintptr_t>();
	const std::optional<std::string> text = read_text(file);
	if (!text || text->size() < sizeof(Elf64_Ehdr) || std::memcmp(text->data(), ELFMAG, SELFMAG) != 0)
		why_not_ = "the kernel wrote no core file (CONFIG_COREDUMP, CONFIG_ELF_CORE)";
	else
		text_ = *text;
}

std::optional<Elf64_Phdr> CoreDump::segment_of(std::uintptr_t address) const
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
		if (entry.p_type == PT_LOAD && entry.p_vaddr <= address && address - entry.p_vaddr < entry.p_memsz)
			return entry;
	}
	return std::nullopt;
}

std::optional<std::uint64_t> CoreDump::dumped(const void *address) const
{
	const auto number = reinterpret_cast<std::uintptr_t>(address);
	const std::optional<Elf64_Phdr> segment = segment_of(number);
	return segment && segment->p_vaddr == number ? std::optional<std::uint64_t>(segment->p_filesz) : std::nullopt;
}

std::optional<std::uint64_t> CoreDump::word(const void *address) const
{
	const auto number = reinterpret_cast<std::uintptr_t>(address);
	const std::optional<Elf64_Phdr> segment = segment_of(number);
	std::uint64_t value = 0;
	if (!segment || number - segment->p_vaddr + sizeof(value) > segment->p_filesz ||
	    segment->p_offset + (number - segment->p_vaddr) + sizeof(value) > text_.size())
		return std::nullopt;
	std::memcpy(&value, text_.data() + segment->p_offset + (number - segment->p_vaddr), sizeof(value));
	return value;
}

CoreDump::Segment CoreDump::of_life() const
{
	if (!why_not_.empty())
		throw std::runtime_error(why_not_);
	const std::optional<Elf64_Phdr> segment = segment_of(mapped_at_);
	if (!segment)
		return {};
	if (segment->p_offset + segment->p_filesz > text_.size())
		throw std::runtime_error("the core file ends before a segment does");
	Segment found{segment->p_memsz, std::vector<std::byte>(segment->p_filesz)};
	std::memcpy(found.content.data(), text_.data() + segment->p_offset, segment->p_filesz);
	return found;
}

} // namespace ptelab::tables
