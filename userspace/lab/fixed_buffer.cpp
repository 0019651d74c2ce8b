// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixed_buffer.hpp"

#include <cerrno>

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/core.h>

namespace ptelab::tables {

FixedBuffer register_fixed_buffer(std::span<std::byte> bytes)
{
	io_uring_params parameters{};
	const int ring = static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters));
	if (ring < 0)
		return {errno == ENOSYS ? "this kernel has no io_uring (CONFIG_IO_URING)"
					: fmt::format("io_uring is not to be had here ({})", errno_name(errno)),
			0};
	const iovec buffer{.iov_base = bytes.data(), .iov_len = bytes.size()};
	const Errno error = ::syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1) < 0 ? errno : 0;
	// Not left to the ring's end, which comes some time after its close.
	if (error == Errno{})
		::syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, nullptr, 0);
	::close(ring);
	return {"", error};
}

} // namespace ptelab::tables
