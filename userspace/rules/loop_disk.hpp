// SPDX-License-Identifier: GPL-2.0-or-later
// A disk of anonymous memory: gone with the object, or when nobody has it mounted any more. Needs root and a loop driver.
#ifndef PTELAB_RULES_LOOP_DISK_HPP
#define PTELAB_RULES_LOOP_DISK_HPP

#include <string>

#include <sys/types.h>

namespace ptelab {

class LoopDisk {
public:
	explicit LoopDisk(off_t bytes, const std::string &first_bytes = "");
	LoopDisk(const LoopDisk &) = delete;
	LoopDisk &operator=(const LoopDisk &) = delete;
	~LoopDisk();

	const std::string &path() const { return path_; }

private:
	std::string path_;
	int fd_;
};

} // namespace ptelab

#endif
