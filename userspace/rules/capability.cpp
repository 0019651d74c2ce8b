// SPDX-License-Identifier: GPL-2.0-or-later
#include "capability.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ptelab/error.hpp>

namespace ptelab {

void give_up(unsigned capability)
{
	__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
	__user_cap_data_struct data[2]{};
	if (::syscall(SYS_capget, &header, data) < 0)
		throw_errno("capget");
	data[0].effective &= ~(1U << capability);
	data[0].permitted &= ~(1U << capability);
	if (::syscall(SYS_capset, &header, data) < 0)
		throw_errno("capset");
}

} // namespace ptelab
