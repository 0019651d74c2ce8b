// SPDX-License-Identifier: GPL-2.0-or-later
#include "injection.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include <ptelab/error.hpp>
#include <ptelab/procfs.hpp>

namespace ptelab {
namespace {

constexpr const char *kFailNth = "/proc/thread-self/fail-nth";
constexpr const char *kSlab = "/sys/kernel/debug/failslab";
constexpr const char *kPageAlloc = "/sys/kernel/debug/fail_page_alloc";

void write_text(const std::string &path, const std::string &text)
{
	const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		throw_errno("open " + path);
	const ssize_t written = ::write(fd, text.data(), text.size());
	const int error = errno;
	::close(fd);
	if (written < 0)
		throw_errno(error, "write " + path);
}

} // namespace

Injection::Injection()
{
	set(std::string(kSlab) + "/ignore-gfp-wait", "N");
	set(std::string(kPageAlloc) + "/ignore-gfp-wait", "N");
	set(std::string(kPageAlloc) + "/ignore-gfp-highmem", "N");
	set(std::string(kPageAlloc) + "/min-order", "0");
	set(std::string(kSlab) + "/verbose", "0");
	set(std::string(kPageAlloc) + "/verbose", "0");
	set("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

Injection::~Injection()
{
	for (const auto &[path, text] : before_) {
		try {
			write_text(path, text);
		} catch (const std::system_error &) {
			// the next rule that injects sets it again
		}
	}
}

void Injection::arm(int n)
{
	write_text(kFailNth, std::to_string(n));
}

// 0: it was used up. What is left must not hit whoever allocates next.
bool Injection::disarm()
{
	const std::string left = read_line(kFailNth);
	write_text(kFailNth, "0");
	return left == "0";
}

void Injection::set(const std::string &path, const std::string &text)
{
	const std::string old = read_line(path);
	if (old.empty() || old == text)
		return;
	write_text(path, text);
	before_.emplace_back(path, old);
}

std::vector<Need> injection_needs()
{
	return {root(), kconfig("CONFIG_FAULT_INJECTION_DEBUG_FS", kFailNth), kconfig("CONFIG_FAILSLAB", kSlab),
		kconfig("CONFIG_FAIL_PAGE_ALLOC", kPageAlloc)};
}

} // namespace ptelab
