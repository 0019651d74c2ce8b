// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers that kernels with pages of other sizes have in place of each other.
#ifndef PTELAB_CLI_PAGE_SIZE_HPP
#define PTELAB_CLI_PAGE_SIZE_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace ptelab::cli {

struct Sized {
	std::uint64_t value; // 0: none
	std::uint64_t page;  // in bytes; 0: not known
};

// In which way the numbers are the same but for the size of a page; "": they are not, or one of them is not known.
std::string same_but_for_page_size(const std::vector<Sized> &numbers);

} // namespace ptelab::cli

#endif
