// SPDX-License-Identifier: GPL-2.0-or-later
// An open node: every ioctl of the ABI as a method. A failure is a std::system_error that carries the errno.
#ifndef PTELAB_DEVICE_HPP
#define PTELAB_DEVICE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>

#include <ptelab/error.hpp>
#include <ptelab/node.hpp>

#include "ptelab.h"

namespace ptelab {

// What REGION_SETUP may choose; what is left out is the node's default.
struct Setup {
	ptelab_backing backing{};
	std::size_t pages = 0;
	ptelab_cache cache{};
	ptelab_fault_action fault_action{};
	std::uint64_t fault_after = 0;
	std::uint64_t fault_times = 0;
	std::uint32_t fault_delay_ms = 0;
};

// "" if a module with this version of the ABI is of this program's age, else which of the two is old, and the cure.
std::string explain_abi(std::uint32_t module);

// Of the module's, taken for files and not given back yet.
inline std::int64_t pages_of_files(const ptelab_stats &stats)
{
	return static_cast<std::int64_t>(stats.pages_allocated - stats.pages_freed - stats.node_pages);
}

class Device {
public:
	// Throws a std::runtime_error with that sentence, too.
	explicit Device(const Node &node, int flags = O_RDWR);
	explicit Device(const std::string &path, int flags = O_RDWR);
	Device(Device &&other) noexcept;
	Device &operator=(Device &&other) noexcept;
	~Device();

	int fd() const { return fd_; }
	const std::string &path() const { return path_; }
	void close();

	ptelab_query query() const;
	std::size_t size() const; // bytes of this file's region
	void setup(const Setup &setup);
	ptelab_zap zap(std::span<const std::byte> range, ptelab_zap_how how);
	void unmap(__u64 offset, __u64 bytes, __u32 flags = 0);
	void revoke();
	void restore();
	std::vector<ptelab_pte> lookup(std::span<const std::byte> range) const;
	ptelab_stats stats(ptelab_scope scope = PTELAB_SCOPE_FILE) const;

	std::size_t read(std::size_t offset, std::span<std::byte> into) const;
	std::size_t write(std::size_t offset, std::span<const std::byte> from);
	off_t seek(off_t offset, int whence);
	void sync();

	// The ioctl as it is, for those who test the ABI itself.
	Errno call(unsigned long request, void *argument) const;

private:
	void must(unsigned long request, void *argument, const char *name) const;

	int fd_ = -1;
	std::string path_;
};

} // namespace ptelab

#endif
