// SPDX-License-Identifier: GPL-2.0-or-later
#include "direct_file.hpp"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/error.hpp>
#include <ptelab/node.hpp>

namespace ptelab::tables {
namespace {

constexpr const char *kLoopControl = "/dev/loop-control";

bool copies(int fd)
{
	struct statfs system {};
	return ::fstatfs(fd, &system) < 0 || system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
}

} // namespace

DirectFile::DirectFile()
{
	const char *chosen = std::getenv("TMPDIR");
	for (const std::string folder : {chosen ? chosen : "/var/tmp", "/var/tmp", "/tmp"})
		if (try_folder(folder))
			return;
	if (!try_loop())
		why_not_ = fmt::format("no file here takes O_DIRECT without copying: no disk filesystem below $TMPDIR, /var/tmp or /tmp, and {}",
				       why_not_);
}

DirectFile::~DirectFile()
{
	if (fd_ >= 0)
		::close(fd_);
}

bool DirectFile::try_folder(const std::string &folder)
{
	const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (copies(fd) || ::ftruncate(fd, static_cast<off_t>(page_size())) < 0) {
		::close(fd);
		return false;
	}
	fd_ = fd;
	return true;
}

bool DirectFile::try_loop()
{
	const int control = ::open(kLoopControl, O_RDWR | O_CLOEXEC);
	if (control < 0) {
		why_not_ = errno == ENOENT ? "no loop device (CONFIG_BLK_DEV_LOOP, or its module, is missing)"
					   : fmt::format("{} cannot be opened ({})", kLoopControl, errno_name(errno));
		return false;
	}
	const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
	::close(control);
	const std::string path = fmt::format("/dev/loop{}", number);
	const int backing = ::memfd_create("ptelab", MFD_CLOEXEC);
	const int fd = number < 0 ? -1 : ::open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
	loop_config config{};
	config.fd = static_cast<__u32>(backing);
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR; // gone with its last file
	const bool ready = backing >= 0 && fd >= 0 && ::ftruncate(backing, static_cast<off_t>(page_size())) == 0 &&
			   ::ioctl(fd, LOOP_CONFIGURE, &config) == 0;
	if (!ready)
		why_not_ = fmt::format("{} cannot be set up ({})", path, errno_name(errno));
	if (backing >= 0)
		::close(backing);
	if (!ready && fd >= 0)
		::close(fd);
	fd_ = ready ? fd : -1;
	return ready;
}

} // namespace ptelab::tables
