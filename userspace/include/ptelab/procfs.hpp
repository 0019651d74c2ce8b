// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel tells user space about mappings and pages: /proc, read into values.
#ifndef PTELAB_PROCFS_HPP
#define PTELAB_PROCFS_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace ptelab {

// The whole of a (small or virtual) file; nothing if it cannot be read.
std::optional<std::string> read_text(const std::string &path);
// The same without the white space at its end; "" if it cannot be read.
std::string read_line(const std::string &path);

struct Vma {
	std::uintptr_t start = 0;
	std::uintptr_t end = 0;
	std::string perms; // "rw-s"
	std::uint64_t offset = 0;
	std::string path;

	std::size_t size() const { return end - start; }
	bool contains(const void *address) const;
};

// One mapping with what smaps says of it.
struct Smaps {
	Vma vma;
	std::map<std::string, std::uint64_t> kilobytes; // "Rss", "Size", ...
	std::set<std::string> flags;			// VmFlags: "mm", "pf", ...

	std::uint64_t kb(const std::string &field) const; // std::out_of_range: this kernel has no such field
	bool has(const std::string &flag) const { return flags.contains(flag); }
};

// pid 0: this process.
std::vector<Vma> vmas(pid_t pid = 0);
std::optional<Vma> vma_at(const void *address, pid_t pid = 0);
std::optional<Smaps> smaps_at(const void *address, pid_t pid = 0);
std::size_t count_vmas_of(std::string_view path_prefix, pid_t pid = 0);

std::uint64_t status_kb(const std::string &field, pid_t pid = 0);    // "RssFile"
std::uint64_t meminfo_kb(const std::string &field);		     // "MemAvailable"
std::uint64_t pagemap_entry(const void *address, pid_t pid = 0);     // Documentation/admin-guide/mm/pagemap.rst
std::uint64_t kpage_count(std::uint64_t pfn);			     // how often the page is mapped
std::uint64_t kpage_flags(std::uint64_t pfn);

} // namespace ptelab

#endif
