// SPDX-License-Identifier: GPL-2.0-or-later
#include "memory_limit.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/error.hpp>
#include <ptelab/mapping.hpp>

namespace ptelab {
namespace {

constexpr const char *kCgroup = "ptelab";

void write_to(int fd, std::string_view text, const std::string &what)
{
	if (fd < 0)
		throw_errno("open " + what);
	const ssize_t written = ::write(fd, text.data(), text.size());
	const int error = errno;
	::close(fd);
	if (written < 0)
		throw_errno(error, "write " + what);
}

// The hierarchy, never attached to a path: it goes with the descriptor. -1 and errno.
int mount_hierarchy(const char *filesystem, const char *controller)
{
	const int context = ::fsopen(filesystem, FSOPEN_CLOEXEC);
	if (context < 0)
		return -1;
	int mount = controller ? ::fsconfig(context, FSCONFIG_SET_FLAG, controller, nullptr, 0) : 0;
	if (mount == 0)
		mount = ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
	if (mount == 0)
		mount = ::fsmount(context, FSMOUNT_CLOEXEC, 0);
	const int error = errno;
	::close(context);
	errno = error;
	return mount;
}

} // namespace

MemoryLimit::Pipe::Pipe()
{
	std::array<int, 2> ends{};
	if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0)
		throw_errno("pipe");
	out = ends[0];
	in = ends[1];
	::fcntl(in, F_SETPIPE_SZ, 1 << 20);
}

MemoryLimit::Pipe::~Pipe()
{
	::close(in);
	::close(out);
}

struct MemoryLimit::Version {
	const char *filesystem;
	const char *controller; // to mount with
	const char *limit, *usage, *none;
};

MemoryLimit::MemoryLimit()
{
	static constexpr Version kVersions[] = {
		{"cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "-1"},
		{"cgroup2", nullptr, "memory.max", "memory.current", "max"},
	};
	for (const Version &version : kVersions) {
		version_ = &version;
		mount_ = mount_hierarchy(version.filesystem, version.controller);
		if (mount_ >= 0)
			break;
	}
	if (mount_ < 0)
		throw_errno("mount memory cgroups");
	try {
		make_group();
		limit_ = open(version_->limit, O_WRONLY);
		usage_ = open(version_->usage, O_RDONLY);
	} catch (...) {
		remove();
		throw;
	}
}

MemoryLimit::~MemoryLimit()
{
	remove();
}

void MemoryLimit::make_group()
{
	if (!version_->controller) {
		std::array<char, 256> controllers{};
		const int fd = ::openat(mount_, "cgroup.subtree_control", O_RDWR | O_CLOEXEC);
		if (fd < 0 || ::read(fd, controllers.data(), controllers.size() - 1) < 0)
			throw_errno("read cgroup.subtree_control");
		enabled_ = std::string_view(controllers.data()).find("memory") == std::string_view::npos;
		if (enabled_)
			write_to(fd, "+memory", "cgroup.subtree_control");
		else
			::close(fd);
	}
	if (::mkdirat(mount_, kCgroup, 0700) < 0)
		throw_errno("make a memory cgroup");
	// No killing: an allocation of the kernel's own is refused then (mm/memcontrol.c: mem_cgroup_oom).
	if (version_->controller)
		write("memory.oom_control", "1");
}

void MemoryLimit::remove() const
{
	::close(usage_);
	::close(limit_);
	::unlinkat(mount_, kCgroup, AT_REMOVEDIR);
	if (enabled_) {
		const int fd = ::openat(mount_, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && ::write(fd, "-memory", 7) < 0) {
			// it stays enabled, which changes nothing for who is in no group
		}
		::close(fd);
	}
	::close(mount_);
}

void MemoryLimit::join() const
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
	// Each processor holds back what it has charged in advance (mm/memcontrol.c: refill_stock).
	if (::sched_setaffinity(0, sizeof(one), &one) < 0)
		throw_errno("sched_setaffinity");
	if (!version_->controller)
		write_to(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), "-1000", "oom_score_adj");
	write("cgroup.procs", "0");
	if (::mlockall(MCL_CURRENT) < 0)
		throw_errno("mlockall");
}

int MemoryLimit::open(const char *name, int flags) const
{
	const int fd = ::openat(mount_, fmt::format("{}/{}", kCgroup, name).c_str(), flags | O_CLOEXEC);
	if (fd < 0)
		throw_errno(fmt::format("open {} of a memory cgroup", name));
	return fd;
}

void MemoryLimit::write(const char *name, std::string_view text) const
{
	write_to(open(name, O_WRONLY), text, fmt::format("{} of a memory cgroup", name));
}

std::size_t MemoryLimit::usage() const
{
	std::array<char, 32> text{};
	std::size_t bytes = 0;

	const ssize_t length = ::pread(usage_, text.data(), text.size(), 0);
	if (length <= 0 || std::from_chars(text.data(), text.data() + length, bytes).ec != std::errc())
		throw std::runtime_error("the usage of a memory cgroup is no number");
	return bytes;
}

bool MemoryLimit::set(std::size_t bytes) const
{
	std::array<char, 32> text{};
	const char *const end = std::to_chars(text.data(), text.data() + text.size(), bytes).ptr;

	if (::write(limit_, text.data(), static_cast<std::size_t>(end - text.data())) >= 0)
		return true;
	if (errno != EBUSY)
		throw_errno("limit a memory cgroup");
	return false;
}

// What a processor has charged in advance counts as used, and is there to be had: a page of the kernel's in a pipe takes one,
// until none is left.
void MemoryLimit::exhaust(const Pipe &pipe) const
{
	static const std::array<char, 4096> kFilling{};

	while (::write(pipe.in, kFilling.data(), kFilling.size()) > 0)
		;
	if (errno != ENOMEM)
		throw_errno("fill a pipe up to the limit of a memory cgroup");
}

void MemoryLimit::leave(const Pipe &pipe, std::size_t page_count) const
{
	std::size_t bytes = usage();

	while (!set(bytes)) // what is freed late may be charged again
		bytes += page_size();
	exhaust(pipe);
	set(bytes + page_count * page_size());
}

void MemoryLimit::lift() const
{
	if (::write(limit_, version_->none, std::strlen(version_->none)) < 0)
		throw_errno("lift the limit of a memory cgroup");
}

Need memory_limit()
{
	return {"memory cgroups", [] {
			static std::optional<std::string> known;
			if (!known) {
				try {
					MemoryLimit();
					known = "";
				} catch (const std::exception &error) {
					known = fmt::format("no limit for the kernel's own memory: {}", error.what());
				}
			}
			return *known;
		}};
}

} // namespace ptelab
