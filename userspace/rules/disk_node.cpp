// SPDX-License-Identifier: GPL-2.0-or-later
#include "disk_node.hpp"

#include <stdexcept>

#include <fcntl.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/error.hpp>

namespace ptelab {
namespace {

constexpr off_t kDiskBytes = 1 << 20;

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

void make_filesystem(const std::string &disk)
{
	std::string name = "mke2fs", quiet = "-q", target = disk;
	char *const arguments[] = {name.data(), quiet.data(), target.data(), nullptr};
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;
	int status = 0;

	posix_spawn_file_actions_init(&actions);
	for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	const int error = ::posix_spawnp(&pid, name.c_str(), &actions, nullptr, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		throw_errno(error, "mke2fs");
	if (::waitpid(pid, &status, 0) < 0 || status != 0)
		throw std::runtime_error("mke2fs failed on " + disk);
}

} // namespace

DiskNode::DiskNode(const Node &node)
{
	const Descriptor memory(::memfd_create("ptelab-disk", MFD_CLOEXEC), "memfd_create");
	if (::ftruncate(memory, kDiskBytes) < 0)
		throw_errno("ftruncate");
	const std::string disk = free_loop_device();
	const Descriptor loop(::open(disk.c_str(), O_RDWR | O_CLOEXEC), "open " + disk);
	loop_config config{};
	config.fd = static_cast<__u32>(static_cast<int>(memory));
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (::ioctl(loop, LOOP_CONFIGURE, &config) < 0)
		throw_errno("LOOP_CONFIGURE " + disk);
	make_filesystem(disk);

	struct stat original {};
	if (::stat(node.path().c_str(), &original) < 0)
		throw_errno("stat " + node.path());
	const char *const folder = folder_.path().c_str();
	if (::mount(disk.c_str(), folder, "ext2", 0, nullptr) < 0)
		throw_errno("mount " + disk);
	path_ = folder_.file("node");
	if (::mknod(path_.c_str(), S_IFCHR | 0600, original.st_rdev) < 0) {
		const int error = errno;
		::umount2(folder, MNT_DETACH);
		throw_errno(error, "mknod " + path_);
	}
}

DiskNode::~DiskNode()
{
	::umount2(folder_.path().c_str(), MNT_DETACH);
}

} // namespace ptelab
