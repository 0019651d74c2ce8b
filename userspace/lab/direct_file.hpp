// SPDX-License-Identifier: GPL-2.0-or-later
// A file on which O_DIRECT means that the kernel pins the caller's memory.
#ifndef PTELAB_LAB_DIRECT_FILE_HPP
#define PTELAB_LAB_DIRECT_FILE_HPP

#include <string>

namespace ptelab::tables {

// tmpfs takes O_DIRECT since 6.5 but copies all the same (mm/shmem.c: shmem_file_write_iter), so it proves nothing. A file of a
// disk filesystem is used where there is one, else a loop device on a file in memory.
class DirectFile {
public:
	DirectFile();
	DirectFile(const DirectFile &) = delete;
	DirectFile &operator=(const DirectFile &) = delete;
	~DirectFile();

	int fd() const { return fd_; } // one page long; -1: see why_not()
	const std::string &why_not() const { return why_not_; }

private:
	bool try_folder(const std::string &folder);
	bool try_loop();

	int fd_ = -1;
	std::string why_not_;
};

} // namespace ptelab::tables

#endif
