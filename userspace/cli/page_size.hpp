// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers that kernels with pages of other sizes have in place of each other.
#ifndef PTELAB_CLI_PAGE_SIZE_HPP
#define PTELAB_CLI_PAGE_SIZE_HPP

#include <string>
#include <vector>

#include "results.hpp"

namespace ptelab::cli {

// In which way the numbers, one for each kernel, are the same but for the size of a page; "": they are not, one of them is no
// number, or a kernel does not tell its page's size. Null is left out.
std::string same_but_for_page_size(const std::vector<Value> &values, const std::vector<const KernelResults *> &kernels);

} // namespace ptelab::cli

#endif
