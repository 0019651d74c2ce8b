// SPDX-License-Identifier: GPL-2.0-or-later
#include "picture.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace ptelab::cli {
namespace {

struct Look {
	std::string_view name;	  // in JSON
	std::string_view meaning; // in the legend
	std::string_view ascii;
	std::string_view unicode;
	std::string_view sgr;
};

// By EntryKind. The signs differ without colour too.
constexpr std::array<Look, 7> kLooks{{
	{"absent", "not present", ".", "·", "2"},
	{"present", "present", "o", "░", "32"},
	{"written", "written", "#", "█", "32"},
	{"special", "special (no struct page)", "s", "◇", "36"},
	{"special_written", "special, written", "S", "◆", "36"},
	{"private", "private copy", "p", "▣", "33"},
	{"revoked", "revoked", "x", "×", "31"},
}};

const Look &look_of(EntryKind cell)
{
	return kLooks[static_cast<std::size_t>(cell)];
}

std::string sign(EntryKind cell, const Terminal &terminal)
{
	const Look &look = look_of(cell);
	return terminal.paint(look.sgr, terminal.unicode ? look.unicode : look.ascii);
}

} // namespace

EntryKind cell_of(const ptelab_pte &entry)
{
	const auto has = [&entry](__u32 bit) { return (entry.state & bit) != 0; };

	if (has(PTELAB_PTE_REVOKED))
		return EntryKind::kRevoked;
	if (!has(PTELAB_PTE_PRESENT))
		return EntryKind::kAbsent;
	if (!has(PTELAB_PTE_OURS))
		return EntryKind::kPrivate;
	if (has(PTELAB_PTE_SPECIAL))
		return has(PTELAB_PTE_DIRTY) ? EntryKind::kSpecialWritten : EntryKind::kSpecial;
	return has(PTELAB_PTE_DIRTY) ? EntryKind::kWritten : EntryKind::kPresent;
}

std::string_view word_of(EntryKind cell)
{
	return look_of(cell).name;
}

std::string picture(std::span<const ptelab_pte> entries, const Terminal &terminal, std::size_t indent)
{
	const std::size_t digits = std::to_string(entries.size()).size();
	const std::size_t margin = indent + digits + 1;
	// A multiple of 8 cells in a line, so that the eye can count.
	const std::size_t room = terminal.width > margin + 8 ? terminal.width - margin : 8;
	const std::size_t line_cells = room / 8 * 8;
	std::string text;

	for (std::size_t first = 0; first < entries.size(); first += line_cells) {
		text += fmt::format("{:{}}{:>{}} ", "", indent, first, digits);
		for (const ptelab_pte &entry : entries.subspan(first, std::min(line_cells, entries.size() - first)))
			text += sign(cell_of(entry), terminal);
		text += '\n';
	}
	return text;
}

std::string legend(const Terminal &terminal)
{
	std::string text;

	for (std::size_t i = 0; i < kLooks.size(); ++i)
		text += fmt::format("{}{} {}", i ? "  " : "", sign(static_cast<EntryKind>(i), terminal), kLooks[i].meaning);
	return text;
}

} // namespace ptelab::cli
