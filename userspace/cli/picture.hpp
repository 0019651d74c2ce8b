// SPDX-License-Identifier: GPL-2.0-or-later
// The picture of a mapping: one cell for each page, from what LOOKUP says of its page table entry.
#ifndef PTELAB_CLI_PICTURE_HPP
#define PTELAB_CLI_PICTURE_HPP

#include <span>
#include <string>
#include <string_view>

#include "ptelab.h"
#include "terminal.hpp"

namespace ptelab::cli {

enum class EntryKind { kAbsent, kPresent, kWritten, kSpecial, kSpecialWritten, kPrivate, kRevoked };

EntryKind cell_of(const ptelab_pte &entry);
std::string_view word_of(EntryKind cell); // as in the JSON: "absent", "special_written"

// The cells, wrapped to the width with the number of its first page before each line; each line is indented.
std::string picture(std::span<const ptelab_pte> entries, const Terminal &terminal, std::size_t indent);
// One line that explains the cells which occur in the pictures.
std::string legend(const Terminal &terminal);

} // namespace ptelab::cli

#endif
