// SPDX-License-Identifier: GPL-2.0-or-later
#include "release.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/utsname.h>

namespace ptelab {

bool older_than(int major, int minor)
{
	utsname name{};
	int is_major = 0;
	int is_minor = 0;

	uname(&name);
	if (std::sscanf(name.release, "%d.%d", &is_major, &is_minor) != 2)
		throw std::runtime_error("not a kernel's release: " + std::string(name.release));
	return std::pair(is_major, is_minor) < std::pair(major, minor);
}

} // namespace ptelab
