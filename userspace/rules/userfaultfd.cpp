// SPDX-License-Identifier: GPL-2.0-or-later
#include "userfaultfd.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ptelab {

Need userfaultfd()
{
	return {"CONFIG_USERFAULTFD", [] {
			const long fd = ::syscall(SYS_userfaultfd, O_CLOEXEC);
			if (fd < 0)
				return "this kernel has no userfaultfd for us: " + errno_name(errno);
			::close(static_cast<int>(fd));
			return std::string();
		}};
}

Userfault::Userfault() : fd_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC)))
{
	if (fd_ < 0)
		throw_errno("userfaultfd");
}

Userfault::~Userfault()
{
	::close(fd_);
}

Errno Userfault::agree(__u64 features) const
{
	uffdio_api api{};
	api.api = UFFD_API;
	api.features = features;
	return ::ioctl(fd_, UFFDIO_API, &api) < 0 ? errno : 0;
}

Errno Userfault::enroll(const Mapping &map, __u64 mode) const
{
	return enroll(reinterpret_cast<__u64>(map.data()), map.size(), mode);
}

Errno Userfault::enroll(__u64 start, __u64 length, __u64 mode) const
{
	uffdio_register enrolment{};
	enrolment.range.start = start;
	enrolment.range.len = length;
	enrolment.mode = mode;
	return ::ioctl(fd_, UFFDIO_REGISTER, &enrolment) < 0 ? errno : 0;
}

Errno Userfault::protect(const Mapping &map) const
{
	uffdio_writeprotect protection{};
	protection.range.start = reinterpret_cast<__u64>(map.data());
	protection.range.len = map.size();
	protection.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	return ::ioctl(fd_, UFFDIO_WRITEPROTECT, &protection) < 0 ? errno : 0;
}

} // namespace ptelab
