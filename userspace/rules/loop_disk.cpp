// SPDX-License-Identifier: GPL-2.0-or-later
#include "loop_disk.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ptelab/error.hpp>

namespace ptelab {
namespace {

class Descriptor {
public:
	Descriptor(int fd, const std::string &what) : fd_(fd)
	{
		if (fd < 0)
			throw_errno(what);
	}
	~Descriptor() { ::close(fd_); }
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;

	operator int() const { return fd_; }

private:
	int fd_;
};

// The name of one that nobody uses.
std::string free_loop_device()
{
	const Descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC), "open /dev/loop-control");
	const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		throw_errno("LOOP_CTL_GET_FREE");
	return "/dev/loop" + std::to_string(number);
}

} // namespace

LoopDisk::LoopDisk(off_t bytes, const std::string &first_bytes) : path_(free_loop_device())
{
	const Descriptor memory(::memfd_create("ptelab-disk", MFD_CLOEXEC), "memfd_create");
	if (::ftruncate(memory, bytes) < 0)
		throw_errno("ftruncate");
	if (::pwrite(memory, first_bytes.data(), first_bytes.size(), 0) != static_cast<ssize_t>(first_bytes.size()))
		throw_errno("write to a memfd");
	fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
	if (fd_ < 0)
		throw_errno("open " + path_);
	loop_config config{};
	config.fd = static_cast<__u32>(static_cast<int>(memory));
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (::ioctl(fd_, LOOP_CONFIGURE, &config) < 0) {
		const int error = errno;
		::close(fd_);
		throw_errno(error, "LOOP_CONFIGURE " + path_);
	}
}

LoopDisk::~LoopDisk()
{
	::close(fd_);
}

} // namespace ptelab
