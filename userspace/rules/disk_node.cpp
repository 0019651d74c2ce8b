// SPDX-License-Identifier: GPL-2.0-or-later
#include "disk_node.hpp"

#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/error.hpp>

#include "loop_disk.hpp"

namespace ptelab {
namespace {

constexpr off_t kDiskBytes = 1 << 20;

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
	const LoopDisk loop(kDiskBytes);
	const std::string &disk = loop.path();
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
