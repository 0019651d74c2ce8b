// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/device.hpp>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/core.h>

namespace ptelab {
namespace {

__u64 address_of(const void *pointer)
{
	return reinterpret_cast<__u64>(pointer);
}

} // namespace

std::string explain_abi(std::uint32_t module)
{
	if (module == PTELAB_ABI)
		return "";
	return fmt::format("ptelab.ko speaks version {} of the ABI and this program version {}: the {} is the older one: build both from one "
			   "checkout (make module userspace), and load that module (ptelab unload, ptelab load)",
			   module, PTELAB_ABI, module < PTELAB_ABI ? "module" : "program");
}

// The first node that a process opens says whether the module is of its age.
Device::Device(const Node &node, int flags) : Device(node.path(), flags)
{
	static const bool checked = [this] {
		if (const std::string why = explain_abi(query().abi); !why.empty())
			throw std::runtime_error(why);
		return true;
	}();
	static_cast<void>(checked);
}

Device::Device(const std::string &path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)), path_(path)
{
	if (fd_ < 0)
		throw_errno("open " + path_);
}

Device::Device(Device &&other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

Device &Device::operator=(Device &&other) noexcept
{
	std::swap(fd_, other.fd_);
	std::swap(path_, other.path_);
	return *this;
}

Device::~Device()
{
	close();
}

void Device::close()
{
	if (fd_ >= 0)
		::close(std::exchange(fd_, -1));
}

Errno Device::call(unsigned long request, void *argument) const
{
	return ::ioctl(fd_, request, argument) < 0 ? errno : 0;
}

void Device::must(unsigned long request, void *argument, const char *name) const
{
	if (const Errno error = call(request, argument); error.value != 0)
		throw_errno(error.value, std::string(name) + " on " + path_);
}

ptelab_query Device::query() const
{
	ptelab_query query{};
	must(PTELAB_IOC_QUERY, &query, "QUERY");
	return query;
}

std::size_t Device::size() const
{
	const ptelab_query answer = query();
	return static_cast<std::size_t>(answer.pages) << answer.page_shift;
}

void Device::setup(const Setup &setup)
{
	ptelab_region_setup argument{};
	argument.backing = setup.backing;
	argument.pages = setup.pages;
	argument.cache = setup.cache;
	argument.fault_action = setup.fault_action;
	argument.fault_after = setup.fault_after;
	argument.fault_times = setup.fault_times;
	argument.fault_delay_ms = setup.fault_delay_ms;
	must(PTELAB_IOC_REGION_SETUP, &argument, "REGION_SETUP");
}

ptelab_zap Device::zap(std::span<const std::byte> range, ptelab_zap_how how)
{
	ptelab_zap zap{};
	zap.how = how;
	zap.address = address_of(range.data());
	zap.bytes = range.size();
	must(PTELAB_IOC_ZAP, &zap, "ZAP");
	return zap;
}

void Device::unmap(__u64 offset, __u64 bytes, __u32 flags)
{
	ptelab_unmap unmap{};
	unmap.flags = flags;
	unmap.offset = offset;
	unmap.bytes = bytes;
	must(PTELAB_IOC_UNMAP, &unmap, "UNMAP");
}

void Device::revoke()
{
	ptelab_revoke revoke{};
	must(PTELAB_IOC_REVOKE, &revoke, "REVOKE");
}

void Device::restore()
{
	ptelab_revoke revoke{};
	must(PTELAB_IOC_RESTORE, &revoke, "RESTORE");
}

std::vector<ptelab_pte> Device::lookup(std::span<const std::byte> range) const
{
	std::vector<ptelab_pte> entries(range.size() / page_size());
	ptelab_lookup lookup{};
	lookup.address = address_of(range.data());
	lookup.bytes = range.size();
	lookup.buffer = address_of(entries.data());
	must(PTELAB_IOC_LOOKUP, &lookup, "LOOKUP");
	return entries;
}

ptelab_stats Device::stats(ptelab_scope scope) const
{
	ptelab_stats stats{};
	stats.scope = scope;
	must(PTELAB_IOC_STATS, &stats, "STATS");
	return stats;
}

std::size_t Device::read(std::size_t offset, std::span<std::byte> into) const
{
	const ssize_t done = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
	if (done < 0)
		throw_errno("read " + path_);
	return static_cast<std::size_t>(done);
}

std::size_t Device::write(std::size_t offset, std::span<const std::byte> from)
{
	const ssize_t done = ::pwrite(fd_, from.data(), from.size(), static_cast<off_t>(offset));
	if (done < 0)
		throw_errno("write " + path_);
	return static_cast<std::size_t>(done);
}

off_t Device::seek(off_t offset, int whence)
{
	const off_t position = ::lseek(fd_, offset, whence);
	if (position < 0)
		throw_errno("seek in " + path_);
	return position;
}

void Device::sync()
{
	if (::fsync(fd_) < 0)
		throw_errno("fsync " + path_);
}

} // namespace ptelab
