// SPDX-License-Identifier: GPL-2.0-or-later
// Capabilities of this process, by number: capset(2) has no names for them in a header that every host has.
#ifndef PTELAB_RULES_CAPABILITY_HPP
#define PTELAB_RULES_CAPABILITY_HPP

namespace ptelab {

inline constexpr unsigned kCapSysAdmin = 21;

// For good, in all sets that capset(2) has: for a child.
void give_up(unsigned capability);

} // namespace ptelab

#endif
