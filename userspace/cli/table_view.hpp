// SPDX-License-Identifier: GPL-2.0-or-later
// A table as text for a terminal of any width, and as Markdown.
#ifndef PTELAB_CLI_TABLE_VIEW_HPP
#define PTELAB_CLI_TABLE_VIEW_HPP

#include <string>

#include "table.hpp"
#include "terminal.hpp"

namespace ptelab::cli {

// Split into as many parts, one below the other, as the width demands; each part repeats the names of the rows.
std::string table_text(const tables::Table &table, const Terminal &terminal);
std::string table_markdown(const tables::Table &table);

// Lines of at most that many characters; those after the first are indented.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

} // namespace ptelab::cli

#endif
