// SPDX-License-Identifier: GPL-2.0-or-later
#include "swap_disk.hpp"

#include <cstdint>
#include <cstring>

#include <sys/swap.h>

#include <ptelab/error.hpp>
#include <ptelab/mapping.hpp>

namespace ptelab {
namespace {

constexpr std::size_t kSwapPages = 1024;

// include/linux/swap.h: union swap_header.
std::string header()
{
	constexpr std::uint32_t words[] = {1, kSwapPages - 1, 0}; // version, last page, bad pages
	constexpr char kMagic[] = "SWAPSPACE2";
	std::string page(page_size(), '\0');
	std::memcpy(&page[1024], words, sizeof(words));
	std::memcpy(&page[page.size() - 10], kMagic, 10);
	return page;
}

} // namespace

SwapDisk::SwapDisk() : disk_(static_cast<off_t>(kSwapPages * page_size()), header())
{
	if (::swapon(disk_.path().c_str(), 0) < 0)
		throw_errno("swapon " + disk_.path());
}

SwapDisk::~SwapDisk()
{
	::swapoff(disk_.path().c_str());
}

} // namespace ptelab
