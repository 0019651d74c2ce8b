// SPDX-License-Identifier: GPL-2.0-or-later
// The tables: their JSON, their text at any width, their Markdown.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include <cerrno>

#include "table_view.hpp"

using namespace ptelab;
using namespace ptelab::cli;
using namespace ptelab::tables;

namespace {

Table sample()
{
	return {.name = "sample",
		.title = "A table of three columns and two rows",
		.columns = {{"one.read", "one", "read", "the first"}, {"one.write", "one", "write", "the second"}, {"two", "second", "x", "the third"}},
		.rows = {{"alpha", {yes(), no(EFAULT), untried("there is none here")}},
			 {"a_long_name", {partly("wrong", "it is another"), told("64"), untried("there is none here")}}},
		.notes = {"A note."}};
}

std::size_t longest_line(const std::string &text)
{
	std::istringstream in(text);
	std::size_t longest = 0;
	for (std::string line; std::getline(in, line);)
		longest = std::max(longest, line.size());
	return longest;
}

std::size_t count(const std::string &text, const std::string &word)
{
	std::size_t found = 0;
	for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
		++found;
	return found;
}

} // namespace

TEST_CASE("table.columns_are_aligned")
{
	const std::string text = table_text(sample(), {.width = 80});
	CHECK(text.find("             one              second\n"
			"             read     write   x\n"
			"alpha        yes      EFAULT  - a\n"
			"a_long_name  wrong b  64      - a\n") != text.npos);
	CHECK(text.find("  a           there is none here") == text.npos);
	CHECK(text.find("  a   there is none here\n  b   it is another\n") != text.npos);
	CHECK(text.find("A note.\n") != text.npos);
}

TEST_CASE("table.is_split_by_groups_where_it_is_too_wide")
{
	Table table = sample();
	for (int i = 0; i < 10; ++i) {
		table.columns.push_back({"more" + std::to_string(i), "more" + std::to_string(i / 2), "column", "another"});
		for (Row &row : table.rows)
			row.cells.push_back(no(EOPNOTSUPP));
	}
	const std::string text = table_text(table, {.width = 50});
	CHECK(longest_line(text) <= 50);
	CHECK(count(text, "\na_long_name") > 2);
	CHECK(count(text, "EOPNOTSUPP") == 20);
	CHECK(longest_line(table_text(table, {.width = 1000})) > 100);
}

TEST_CASE("table.a_group_wider_than_the_terminal_is_split_too")
{
	Table table = sample();
	for (int i = 0; i < 12; ++i) {
		table.columns.push_back({"w" + std::to_string(i), "wide", "column", "another"});
		for (Row &row : table.rows)
			row.cells.push_back(no(EOPNOTSUPP));
	}
	const std::string text = table_text(table, {.width = 60});
	CHECK(longest_line(text) <= 60);
	CHECK(count(text, "EOPNOTSUPP") == 24);
}

TEST_CASE("table.is_coloured_only_where_told_to")
{
	CHECK(table_text(sample(), {}).find('\033') == std::string::npos);
	CHECK(table_text(sample(), {.colour = true}).find('\033') != std::string::npos);
	CHECK(table_markdown(sample()).find('\033') == std::string::npos);
}

TEST_CASE("table.markdown_has_a_row_for_each_node")
{
	const std::string text = table_markdown(sample());
	CHECK(text.find("| node | one read | one write | second x |\n| --- | --- | --- | --- |\n| alpha | yes | EFAULT | - a |\n") != text.npos);
	CHECK(text.find("- (b) it is another\n") != text.npos);
}

TEST_CASE("table.json_has_verdict_text_and_remark")
{
	const Value value = to_value(sample());
	const Value *alpha = value.find("nodes")->find("alpha");
	REQUIRE(alpha);
	CHECK(alpha->find("one.write")->json() == R"({"verdict":"no","text":"EFAULT"})");
	CHECK(alpha->find("two")->json() == R"({"verdict":"not tried","text":"-","remark":"there is none here"})");
}

TEST_CASE("table.what_is_missing_is_named")
{
	Table table = sample();
	CHECK(what_is_missing(table) == "");
	table.rows[1].cells[2].remark.clear();
	CHECK(what_is_missing(table) == "a_long_name says nothing under two");
	table.rows[1].cells.pop_back();
	CHECK(what_is_missing(table) == "a_long_name has 2 cells for 3 columns");
	table.rows.clear();
	CHECK(what_is_missing(table) == "there is no row");
}

TEST_CASE("wrapped.breaks_at_spaces_and_indents_what_follows")
{
	CHECK(wrapped("one two three", 80, 2) == "one two three");
	CHECK(wrapped("one two three", 8, 2) == "one two\n  three");
	CHECK(wrapped("  key  a word", 8, 4) == "  key  a\n    word");
	CHECK(wrapped("unbreakable", 4, 1) == "unbreakable");
	CHECK(wrapped("unbreakable word", 4, 1) == "unbreakable\n word");
}
