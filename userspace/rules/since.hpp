// SPDX-License-Identifier: GPL-2.0-or-later
// The running kernel's release, for the few expectations that neither a feature nor a measurement can decide.
#ifndef PTELAB_RULES_SINCE_HPP
#define PTELAB_RULES_SINCE_HPP

#include <cstdio>
#include <utility>

#include <sys/utsname.h>

namespace ptelab {

// Whether the kernel is of that release or a later one.
inline bool kernel_since(int major, int minor)
{
	utsname name{};
	std::pair<int, int> running{0, 0};

	uname(&name);
	std::sscanf(name.release, "%d.%d", &running.first, &running.second);
	return running >= std::pair{major, minor};
}

} // namespace ptelab

#endif
