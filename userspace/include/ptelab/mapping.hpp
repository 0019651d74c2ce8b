// SPDX-License-Identifier: GPL-2.0-or-later
// A range of this process's addresses that is unmapped when its owner goes.
#ifndef PTELAB_MAPPING_HPP
#define PTELAB_MAPPING_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include <sys/mman.h>

#include <ptelab/device.hpp>
#include <ptelab/probe.hpp>

namespace ptelab {

struct MapOptions {
	int prot = PROT_READ | PROT_WRITE;
	int flags = MAP_SHARED;
	std::size_t offset = 0;
	void *at = nullptr; // with MAP_FIXED in flags: the address
};

class Mapping {
public:
	Mapping(const Device &device, std::size_t bytes, const MapOptions &options = {});
	// fd -1 with MAP_ANONYMOUS in the flags: memory of no device.
	Mapping(int fd, std::size_t bytes, const MapOptions &options);
	Mapping(Mapping &&other) noexcept;
	Mapping &operator=(Mapping &&other) noexcept;
	~Mapping();

	std::size_t size() const { return size_; }
	std::size_t pages() const { return size_ / page_size(); }
	std::byte *data() const { return base_; }
	std::span<std::byte> bytes() const { return {base_, size_}; }
	std::span<std::byte> bytes(std::size_t offset, std::size_t count) const { return bytes().subspan(offset, count); }
	std::span<std::byte> page(std::size_t index) const { return bytes(index * page_size(), page_size()); }

	void unmap();
	// Gives up the range without unmapping it: somebody else has mapped over it.
	void release() noexcept;
	// Keeps [0, offset) and hands out the rest. Nothing happens to the mapping itself.
	Mapping split(std::size_t offset);
	void protect(int prot);
	// mremap(2); with MREMAP_FIXED in the flags to the address `at`.
	void remap(std::size_t bytes, int flags, void *at = nullptr);

	// Accesses that tell what happened.
	Touch read(std::size_t offset) const;
	Touch write(std::size_t offset, std::uint8_t value) const;
	Touch touch(std::size_t page_index) const { return read(page_index * page_size()); }

	// Accesses that are expected to work: AccessFault if they do not.
	void copy_out(std::size_t offset, std::span<std::byte> into) const;
	void copy_in(std::size_t offset, std::span<const std::byte> from) const;
	template <class T>
		requires std::is_trivially_copyable_v<T>
	T get(std::size_t offset) const
	{
		T value;
		copy_out(offset, std::as_writable_bytes(std::span(&value, 1)));
		return value;
	}
	template <class T>
		requires std::is_trivially_copyable_v<T>
	void put(std::size_t offset, const T &value) const
	{
		copy_in(offset, std::as_bytes(std::span(&value, 1)));
	}

private:
	Mapping(std::byte *base, std::size_t bytes) : base_(base), size_(bytes) {}

	std::byte *base_ = nullptr;
	std::size_t size_ = 0;
};

} // namespace ptelab

#endif
