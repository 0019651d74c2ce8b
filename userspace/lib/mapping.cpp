// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/mapping.hpp>

#include <stdexcept>
#include <utility>

namespace ptelab {

Mapping::Mapping(const Device &device, std::size_t bytes, const MapOptions &options)
	: Mapping(device.fd(), bytes, options)
{
}

Mapping::Mapping(int fd, std::size_t bytes, const MapOptions &options)
{
	void *base = ::mmap(options.at, bytes, options.prot, options.flags, fd, static_cast<off_t>(options.offset));
	if (base == MAP_FAILED)
		throw_errno("mmap");
	base_ = static_cast<std::byte *>(base);
	size_ = bytes;
}

Mapping::Mapping(Mapping &&other) noexcept
	: base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0))
{
}

Mapping &Mapping::operator=(Mapping &&other) noexcept
{
	std::swap(base_, other.base_);
	std::swap(size_, other.size_);
	return *this;
}

Mapping::~Mapping()
{
	if (base_)
		::munmap(base_, size_);
}

void Mapping::unmap()
{
	if (base_ && ::munmap(base_, size_) < 0)
		throw_errno("munmap");
	release();
}

void Mapping::release() noexcept
{
	base_ = nullptr;
	size_ = 0;
}

Mapping Mapping::split(std::size_t offset)
{
	if (offset == 0 || offset >= size_ || offset % page_size() != 0)
		throw std::out_of_range("a mapping is split between two of its pages");
	Mapping rest(base_ + offset, size_ - offset);
	size_ = offset;
	return rest;
}

void Mapping::protect(int prot)
{
	if (::mprotect(base_, size_, prot) < 0)
		throw_errno("mprotect");
}

void Mapping::remap(std::size_t bytes, int flags, void *at)
{
	void *base = ::mremap(base_, size_, bytes, flags, at);
	if (base == MAP_FAILED)
		throw_errno("mremap");
	base_ = static_cast<std::byte *>(base);
	size_ = bytes;
}

Touch Mapping::read(std::size_t offset) const
{
	return Probe().read(base_ + offset);
}

Touch Mapping::write(std::size_t offset, std::uint8_t value) const
{
	return Probe().write(base_ + offset, value);
}

void Mapping::copy_out(std::size_t offset, std::span<std::byte> into) const
{
	if (const Touch touch = Probe().copy(into.data(), base_ + offset, into.size()); !touch.done())
		throw AccessFault("read of a mapping at byte " + std::to_string(touch.where - reinterpret_cast<std::uintptr_t>(base_)), touch);
}

void Mapping::copy_in(std::size_t offset, std::span<const std::byte> from) const
{
	if (const Touch touch = Probe().copy(base_ + offset, from.data(), from.size()); !touch.done())
		throw AccessFault("write to a mapping at byte " + std::to_string(touch.where - reinterpret_cast<std::uintptr_t>(base_)), touch);
}

} // namespace ptelab
