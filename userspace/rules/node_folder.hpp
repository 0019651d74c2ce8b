// SPDX-License-Identifier: GPL-2.0-or-later
// A file system of one's own, seen by this process alone and gone with the object, in which a device has a second node.
#ifndef PTELAB_RULES_NODE_FOLDER_HPP
#define PTELAB_RULES_NODE_FOLDER_HPP

#include <string>

#include <ptelab/node.hpp>

namespace ptelab {

class NodeFolder {
public:
	// Mounted noexec or not: with it the kernel clears VM_MAYEXEC before a driver sees the VMA (mm/mmap.c: do_mmap).
	explicit NodeFolder(bool noexec);
	NodeFolder(const NodeFolder &) = delete;
	NodeFolder &operator=(const NodeFolder &) = delete;
	~NodeFolder();

	// The path of a second node of the same device: another inode with the same number.
	std::string add(const Node &node) const;

private:
	int mount_;
};

} // namespace ptelab

#endif
