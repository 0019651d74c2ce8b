// SPDX-License-Identifier: GPL-2.0-or-later
// Who may pin what: each node against each way in which the kernel, or another process, gets at its pages.
#ifndef PTELAB_LAB_GUP_TABLE_HPP
#define PTELAB_LAB_GUP_TABLE_HPP

#include "table.hpp"

namespace ptelab::tables {

Table gup();

} // namespace ptelab::tables

#endif
