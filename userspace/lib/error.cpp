// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/error.hpp>

#include <cerrno>
#include <cstring>

namespace ptelab {

std::string errno_name(int error)
{
	if (error == 0)
		return "ok";
	const char *name = strerrorname_np(error);
	return name ? name : "errno " + std::to_string(error);
}

Value to_value(const Errno &error)
{
	return errno_name(error.value);
}

void throw_errno(const std::string &what)
{
	throw_errno(errno, what);
}

void throw_errno(int error, const std::string &what)
{
	throw std::system_error(error, std::generic_category(), what);
}

} // namespace ptelab
