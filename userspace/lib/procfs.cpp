// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/procfs.hpp>

#include <array>
#include <charconv>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include <ptelab/error.hpp>
#include <ptelab/node.hpp>

namespace ptelab {
namespace {

std::string proc(pid_t pid, std::string_view file)
{
	return "/proc/" + (pid ? std::to_string(pid) : "self") + "/" + std::string(file);
}

std::string text_of(const std::string &path)
{
	std::optional<std::string> text = read_text(path);
	if (!text)
		throw_errno("read " + path);
	return *std::move(text);
}

// "start-end perms offset dev inode path": nothing if the line is none of those.
std::optional<Vma> parse_vma(const std::string &line)
{
	Vma vma;
	char dash = 0;
	std::string device, inode;
	std::istringstream in(line);

	in >> std::hex >> vma.start >> dash >> vma.end >> vma.perms >> vma.offset >> device >> inode;
	if (!in || dash != '-')
		return std::nullopt;
	in >> std::ws;
	std::getline(in, vma.path);
	return vma;
}

// The number after "Field:" in a file of such lines, in kB.
std::uint64_t field_kb(const std::string &path, const std::string &field)
{
	std::istringstream in(text_of(path));
	for (std::string line; std::getline(in, line);) {
		if (!line.starts_with(field + ":"))
			continue;
		return std::stoull(line.substr(field.size() + 1));
	}
	throw std::out_of_range(path + " has no field " + field);
}

std::uint64_t entry(const std::string &path, std::uint64_t index)
{
	const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		throw_errno("open " + path);
	std::uint64_t value = 0;
	const ssize_t got = ::pread(fd, &value, sizeof(value), static_cast<off_t>(index * sizeof(value)));
	const int error = errno;
	::close(fd);
	if (got != sizeof(value))
		throw_errno(got < 0 ? error : EIO, "read " + path);
	return value;
}

} // namespace

std::optional<std::string> read_text(const std::string &path)
{
	const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return std::nullopt;
	std::string text;
	std::array<char, 16384> buffer;
	ssize_t got;
	while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
		text.append(buffer.data(), static_cast<std::size_t>(got));
	::close(fd);
	if (got < 0)
		return std::nullopt;
	return text;
}

std::string read_line(const std::string &path)
{
	std::string text = read_text(path).value_or("");
	text.erase(text.find_last_not_of(" \t\r\n") + 1);
	return text;
}

bool Vma::contains(const void *address) const
{
	const auto number = reinterpret_cast<std::uintptr_t>(address);
	return start <= number && number < end;
}

std::uint64_t Smaps::kb(const std::string &field) const
{
	return kilobytes.at(field);
}

std::vector<Vma> vmas(pid_t pid)
{
	std::vector<Vma> found;
	std::istringstream in(text_of(proc(pid, "maps")));
	for (std::string line; std::getline(in, line);)
		if (std::optional<Vma> vma = parse_vma(line))
			found.push_back(*std::move(vma));
	return found;
}

std::optional<Vma> vma_at(const void *address, pid_t pid)
{
	for (Vma &vma : vmas(pid))
		if (vma.contains(address))
			return std::move(vma);
	return std::nullopt;
}

std::optional<Smaps> smaps_at(const void *address, pid_t pid)
{
	std::istringstream in(text_of(proc(pid, "smaps")));
	std::optional<Smaps> found;

	for (std::string line; std::getline(in, line);) {
		const std::size_t colon = line.find(':');
		// A field's name has no blank before its colon; in the line of a mapping the first colon is the device's.
		if (colon == std::string::npos || line.find(' ') < colon) {
			if (found)
				break;
			if (std::optional<Vma> vma = parse_vma(line); vma && vma->contains(address))
				found.emplace().vma = *std::move(vma);
			continue;
		}
		if (!found)
			continue;
		const std::string field = line.substr(0, colon);
		std::istringstream rest(line.substr(colon + 1));
		if (field == "VmFlags") {
			for (std::string flag; rest >> flag;)
				found->flags.insert(flag);
		} else if (std::uint64_t number = 0; rest >> number) {
			found->kilobytes[field] = number;
		}
	}
	return found;
}

std::size_t count_vmas_of(std::string_view path_prefix, pid_t pid)
{
	std::size_t count = 0;
	for (const Vma &vma : vmas(pid))
		count += vma.path.starts_with(path_prefix);
	return count;
}

std::uint64_t status_kb(const std::string &field, pid_t pid)
{
	return field_kb(proc(pid, "status"), field);
}

std::uint64_t meminfo_kb(const std::string &field)
{
	return field_kb("/proc/meminfo", field);
}

std::uint64_t pagemap_entry(const void *address, pid_t pid)
{
	return entry(proc(pid, "pagemap"), reinterpret_cast<std::uintptr_t>(address) / page_size());
}

std::uint64_t kpage_count(std::uint64_t pfn)
{
	return entry("/proc/kpagecount", pfn);
}

std::uint64_t kpage_flags(std::uint64_t pfn)
{
	return entry("/proc/kpageflags", pfn);
}

} // namespace ptelab
