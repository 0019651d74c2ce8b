// SPDX-License-Identifier: GPL-2.0-or-later
// The results of any number of kernels as one page of HTML that needs nothing else.
#ifndef PTELAB_CLI_REPORT_PAGE_HPP
#define PTELAB_CLI_REPORT_PAGE_HPP

#include <string>

#include "results.hpp"

namespace ptelab::cli {

// What the page shows; web/data.js tells how it is read.
Value page_data(const std::vector<KernelResults> &kernels);
// The page with that data in it.
std::string page_with(const Value &data);

} // namespace ptelab::cli

#endif
