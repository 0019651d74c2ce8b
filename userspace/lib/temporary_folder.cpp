// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/temporary_folder.hpp>

#include <cstdlib>
#include <filesystem>

#include <ptelab/error.hpp>

namespace ptelab {

TemporaryFolder::TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "ptelab-XXXXXX")
{
	if (!::mkdtemp(path_.data()))
		throw_errno("mkdtemp " + path_);
}

TemporaryFolder::~TemporaryFolder()
{
	std::error_code ignored;
	std::filesystem::remove_all(path_, ignored);
}

} // namespace ptelab
