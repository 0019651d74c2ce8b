// SPDX-License-Identifier: GPL-2.0-or-later
// A table of what a kernel does with each node: filled in by gup.cpp and kinds.cpp, shown by the command, kept by the rules.
#ifndef PTELAB_LAB_TABLE_HPP
#define PTELAB_LAB_TABLE_HPP

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <ptelab/node.hpp>
#include <ptelab/value.hpp>

namespace ptelab::tables {

enum class Verdict {
	kYes,	// it worked, and what came of it was checked
	kNo,	// the kernel refused, or shows nothing; the text is the errno
	kPartly, // it worked otherwise than asked; the remark says how
	kTold,	// a fact, neither good nor bad
	kUntried // it could not be tried here; the remark says why
};

struct Cell {
	Verdict verdict = Verdict::kUntried;
	std::string text;   // short: it has to fit a column
	std::string remark; // a sentence, where the text alone would mislead
};

Cell yes(std::string text = "yes");
Cell no(int error, std::string remark = "");
Cell partly(std::string text, std::string remark);
Cell told(std::string text);
Cell untried(std::string remark);

struct Column {
	std::string key;     // in the JSON: "pin.write"
	std::string group;   // columns of one group stay together
	std::string heading; // below the group's name
	std::string meaning;
};

struct Row {
	std::string name;
	std::vector<Cell> cells; // one for each column
};

struct Table {
	std::string name;
	std::string title;
	std::vector<Column> columns;
	std::vector<Row> rows;
	std::vector<std::string> notes;
};

// {"title": ..., "columns": [...], "nodes": {NODE: {KEY: {"verdict": ..., "text": ..., "remark": ...}}}}
Value to_value(const Table &table);
std::string_view name_of(Verdict verdict);

// "" if each cell of each row says something, else which one does not.
std::string what_is_missing(const Table &table);

// A row for each node: what `row` answers, or, where the node is absent, cells that say why.
void add_rows(Table &table, const std::function<std::vector<Cell>(const Node &)> &row);

} // namespace ptelab::tables

#endif
