// SPDX-License-Identifier: GPL-2.0-or-later
// A fresh folder below $TMPDIR (/tmp), which goes with its owner and with all that is in it.
#ifndef PTELAB_TEMPORARY_FOLDER_HPP
#define PTELAB_TEMPORARY_FOLDER_HPP

#include <string>

namespace ptelab {

class TemporaryFolder {
public:
	TemporaryFolder();
	TemporaryFolder(const TemporaryFolder &) = delete;
	TemporaryFolder &operator=(const TemporaryFolder &) = delete;
	~TemporaryFolder();

	const std::string &path() const { return path_; }
	std::string file(const std::string &name) const { return path_ + "/" + name; }

private:
	std::string path_;
};

} // namespace ptelab

#endif
