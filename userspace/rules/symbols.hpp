// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's own symbols: a function that came or went with a change tells one kernel from another.
#ifndef PTELAB_RULES_SYMBOLS_HPP
#define PTELAB_RULES_SYMBOLS_HPP

#include <string_view>

namespace ptelab {

// The kernel has a function of this name that is not static.
bool has_global_function(std::string_view name);

} // namespace ptelab

#endif
