// SPDX-License-Identifier: GPL-2.0-or-later
#include "node_folder.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ptelab/error.hpp>

namespace ptelab {
namespace {

// Never attached to a path, so that there is nothing to unmount.
int mount_tmpfs(bool noexec)
{
	const int context = ::fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		throw_errno("fsopen tmpfs");
	int mount = ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
	if (mount == 0)
		mount = ::fsmount(context, FSMOUNT_CLOEXEC, noexec ? MOUNT_ATTR_NOEXEC : 0);
	const int error = errno;
	::close(context);
	if (mount < 0)
		throw_errno(error, "fsmount");
	return mount;
}

} // namespace

NodeFolder::NodeFolder(bool noexec) : mount_(mount_tmpfs(noexec)) {}

NodeFolder::~NodeFolder()
{
	::close(mount_);
}

std::string NodeFolder::add(const Node &node) const
{
	const std::string name(node.name);
	struct stat status {};
	if (::stat(node.path().c_str(), &status) < 0)
		throw_errno("stat " + node.path());
	if (::mknodat(mount_, name.c_str(), S_IFCHR | 0600, status.st_rdev) < 0)
		throw_errno("mknod " + name);
	return "/proc/self/fd/" + std::to_string(mount_) + "/" + name;
}

} // namespace ptelab
