// SPDX-License-Identifier: GPL-2.0-or-later
// What user space is told: each node against what the kernel shows of its mapping, and what it lets a program do to it.
#ifndef PTELAB_LAB_KINDS_TABLE_HPP
#define PTELAB_LAB_KINDS_TABLE_HPP

#include <functional>
#include <vector>

#include "bench.hpp"
#include "table.hpp"

namespace ptelab::tables {

Table kinds();

// One column of the table. The mapping that a look gets is its own, with every page touched.
struct Kind {
	Column column;
	std::function<Cell(const Bench &bench, Mapping &map)> look;
};

// The parts that the table is made of: what is shown (kinds_shown.cpp), what may be done (kinds_done.cpp).
void add_shown(std::vector<Kind> &kinds);
void add_done(std::vector<Kind> &kinds);

} // namespace ptelab::tables

#endif
