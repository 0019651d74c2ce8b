// SPDX-License-Identifier: GPL-2.0-or-later
// A second node for a device, made with mknod on a filesystem that has a disk below it, as long as the object lives.
#ifndef PTELAB_RULES_DISK_NODE_HPP
#define PTELAB_RULES_DISK_NODE_HPP

#include <string>

#include <ptelab/node.hpp>
#include <ptelab/temporary_folder.hpp>

namespace ptelab {

class DiskNode {
public:
	// The disk is a loop device over anonymous memory, the filesystem a fresh ext2. Needs root and a loop driver.
	explicit DiskNode(const Node &node);
	DiskNode(const DiskNode &) = delete;
	DiskNode &operator=(const DiskNode &) = delete;
	~DiskNode();

	const std::string &path() const { return path_; }

private:
	TemporaryFolder folder_;
	std::string path_;
};

} // namespace ptelab

#endif
