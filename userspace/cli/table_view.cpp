// SPDX-License-Identifier: GPL-2.0-or-later
#include "table_view.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace ptelab::cli {
namespace {

using tables::Cell;
using tables::Table;
using tables::Verdict;

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastWidth = 40;

// Remarks are said once, below the table: a cell refers to its remark by a letter.
class Remarks {
public:
	explicit Remarks(const Table &table)
	{
		for (const tables::Row &row : table.rows)
			for (const Cell &cell : row.cells)
				if (!cell.remark.empty() && std::ranges::find(all_, cell.remark) == all_.end())
					all_.push_back(cell.remark);
	}

	const std::vector<std::string> &all() const { return all_; }

	static std::string letter(std::size_t index)
	{
		return index < 26 ? std::string(1, static_cast<char>('a' + index)) : letter(index / 26 - 1) + letter(index % 26);
	}
	std::string marked(const Cell &cell) const
	{
		if (cell.remark.empty())
			return cell.text;
		const auto index = static_cast<std::size_t>(std::ranges::find(all_, cell.remark) - all_.begin());
		return fmt::format("{} {}", cell.text, letter(index));
	}

private:
	std::vector<std::string> all_;
};

std::string padded(std::string_view text, std::size_t width)
{
	return fmt::format("{:<{}}", text, width);
}

class TableText {
public:
	TableText(const Table &table, const Terminal &terminal)
		: table_(table), terminal_(terminal), remarks_(table), width_(std::max(terminal.width, kLeastWidth))
	{
		for (const tables::Row &row : table.rows)
			name_width_ = std::max(name_width_, row.name.size());
		for (std::size_t column = 0; column < table.columns.size(); ++column)
			widths_.push_back(width_of(column));
	}

	std::string all() const
	{
		std::string text = terminal_.bold(wrapped(table_.title, width_, 0)) + "\n";
		for (std::size_t first = 0; first < table_.columns.size();) {
			const std::size_t last = last_that_fits(first);
			text += "\n" + part(first, last);
			first = last + 1;
		}
		return text + "\n" + below();
	}

private:
	std::size_t width_of(std::size_t column) const
	{
		const tables::Column &head = table_.columns[column];
		std::size_t width = head.heading.size();
		const bool alone = std::ranges::count(table_.columns, head.group, &tables::Column::group) == 1;
		if (alone)
			width = std::max(width, head.group.size());
		for (const tables::Row &row : table_.rows)
			width = std::max(width, remarks_.marked(row.cells[column]).size());
		return width;
	}

	std::size_t end_of_group(std::size_t column) const
	{
		std::size_t last = column;
		while (last + 1 < table_.columns.size() && table_.columns[last + 1].group == table_.columns[column].group)
			++last;
		return last;
	}

	std::size_t space(std::size_t first, std::size_t last) const
	{
		std::size_t sum = 0;
		for (std::size_t column = first; column <= last; ++column)
			sum += kGap + widths_[column];
		return sum;
	}

	// Whole groups while they fit; a group that is too wide for a line of its own is split.
	std::size_t last_that_fits(std::size_t first) const
	{
		const std::size_t room = width_ - std::min(width_, name_width_);
		std::size_t last = end_of_group(first);
		if (space(first, last) > room) {
			for (last = first; last < end_of_group(first) && space(first, last + 1) <= room;)
				++last;
			return last;
		}
		while (last + 1 < table_.columns.size() && space(first, end_of_group(last + 1)) <= room)
			last = end_of_group(last + 1);
		return last;
	}

	std::string part(std::size_t first, std::size_t last) const
	{
		std::string groups = padded("", name_width_);
		std::string headings = padded("", name_width_);
		for (std::size_t column = first; column <= last; ++column) {
			const tables::Column &head = table_.columns[column];
			const bool begins = column == first || table_.columns[column - 1].group != head.group;
			const std::size_t until = std::min(last, end_of_group(column));
			if (begins)
				groups += padded("", kGap) + padded(head.group, space(column, until) - kGap);
			headings += padded("", kGap) + padded(head.heading, widths_[column]);
		}
		std::string text = terminal_.bold(trimmed(groups)) + "\n" + trimmed(headings) + "\n";
		for (const tables::Row &row : table_.rows) {
			std::string line = padded(row.name, name_width_);
			for (std::size_t column = first; column <= last; ++column)
				line += padded("", kGap) + painted(row.cells[column], column == last ? 0 : widths_[column]);
			text += trimmed(line) + "\n";
		}
		return text;
	}

	static std::string trimmed(std::string line)
	{
		line.erase(line.find_last_not_of(' ') + 1);
		return line;
	}

	std::string painted(const Cell &cell, std::size_t width) const
	{
		const std::string text = padded(remarks_.marked(cell), width);
		switch (cell.verdict) {
		case Verdict::kYes: return terminal_.good(text);
		case Verdict::kNo: return terminal_.bad(text);
		case Verdict::kPartly: return terminal_.paint("33", text);
		case Verdict::kUntried: return terminal_.paint("2", text);
		case Verdict::kTold: break;
		}
		return text;
	}

	std::string below() const
	{
		std::string text = terminal_.bold("columns") + "\n";
		std::size_t key_width = 0;
		for (const tables::Column &column : table_.columns)
			key_width = std::max(key_width, label(column).size());
		for (const tables::Column &column : table_.columns)
			text += entry(label(column), key_width, column.meaning);
		if (!remarks_.all().empty())
			text += terminal_.bold("remarks") + "\n";
		for (std::size_t index = 0; index < remarks_.all().size(); ++index)
			text += entry(Remarks::letter(index), 2, remarks_.all()[index]);
		for (const std::string &note : table_.notes)
			text += wrapped(note, width_, 0) + "\n";
		return text;
	}

	static std::string label(const tables::Column &column) { return column.group + " " + column.heading; }

	std::string entry(const std::string &key, std::size_t key_width, const std::string &meaning) const
	{
		return wrapped(fmt::format("  {}  {}", padded(key, key_width), meaning), width_, key_width + 4) + "\n";
	}

	const Table &table_;
	const Terminal &terminal_;
	const Remarks remarks_;
	std::size_t width_;
	std::size_t name_width_ = 0;
	std::vector<std::size_t> widths_;
};

} // namespace

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent)
{
	std::string result;
	std::size_t room = width;

	while (text.size() > room) {
		std::size_t cut = text.rfind(' ', room);
		// No space to break at beyond what is blank in any case: the word is too long for the line.
		if (cut == text.npos || text.find_first_not_of(' ') > cut)
			cut = text.find(' ', room);
		if (cut == text.npos)
			break;
		result += std::string(text.substr(0, cut)) + "\n" + std::string(indent, ' ');
		text.remove_prefix(std::min(text.find_first_not_of(' ', cut), text.size()));
		room = width > indent ? width - indent : 1;
	}
	return result + std::string(text);
}

std::string table_text(const tables::Table &table, const Terminal &terminal)
{
	return TableText(table, terminal).all();
}

std::string table_markdown(const tables::Table &table)
{
	const Remarks remarks(table);
	std::string head = "| node |";
	std::string rule = "| --- |";
	std::string text = fmt::format("**{}**\n\n", table.title);

	for (const tables::Column &column : table.columns) {
		head += fmt::format(" {} {} |", column.group, column.heading);
		rule += " --- |";
	}
	text += head + "\n" + rule + "\n";
	for (const tables::Row &row : table.rows) {
		text += fmt::format("| {} |", row.name);
		for (const Cell &cell : row.cells)
			text += fmt::format(" {} |", remarks.marked(cell));
		text += "\n";
	}
	text += "\n";
	for (const tables::Column &column : table.columns)
		text += fmt::format("- {} {}: {}\n", column.group, column.heading, column.meaning);
	for (std::size_t index = 0; index < remarks.all().size(); ++index)
		text += fmt::format("- ({}) {}\n", Remarks::letter(index), remarks.all()[index]);
	for (const std::string &note : table.notes)
		text += "\n" + note + "\n";
	return text;
}

} // namespace ptelab::cli
