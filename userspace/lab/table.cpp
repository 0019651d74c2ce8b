// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.hpp"

#include <stdexcept>

#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/device.hpp>

namespace ptelab::tables {
namespace {

std::string why_absent(const Node &node)
{
	for (const Node &other : nodes()) {
		try {
			const ptelab_query query = Device(other, O_RDONLY).query();
			return fmt::format("the node {} is not there: {}", node.name,
					   explain(static_cast<ptelab_absence>(query.absence[node.method])));
		} catch (const std::system_error &) {
			// this one is absent too
		}
	}
	return fmt::format("{} is not there: load the module as root (ptelab load)", kDeviceFolder);
}

} // namespace

Cell yes(std::string text)
{
	return {Verdict::kYes, std::move(text), ""};
}

Cell no(int error, std::string remark)
{
	return {Verdict::kNo, errno_name(error), std::move(remark)};
}

Cell partly(std::string text, std::string remark)
{
	return {Verdict::kPartly, std::move(text), std::move(remark)};
}

Cell told(std::string text)
{
	return {Verdict::kTold, std::move(text), ""};
}

Cell untried(std::string remark)
{
	return {Verdict::kUntried, "-", std::move(remark)};
}

std::string_view name_of(Verdict verdict)
{
	switch (verdict) {
	case Verdict::kYes: return "yes";
	case Verdict::kNo: return "no";
	case Verdict::kPartly: return "partly";
	case Verdict::kTold: return "told";
	case Verdict::kUntried: return "not tried";
	}
	return "?";
}

Value to_value(const Table &table)
{
	Value::Array columns;
	Value rows = Value::Object{};

	for (const Column &column : table.columns)
		columns.push_back(Value::Object{{"key", column.key}, {"meaning", column.meaning}});
	for (const Row &row : table.rows) {
		Value cells = Value::Object{};
		for (std::size_t i = 0; i < row.cells.size(); ++i) {
			const Cell &cell = row.cells[i];
			Value value = Value::Object{{"verdict", name_of(cell.verdict)}, {"text", cell.text}};
			if (!cell.remark.empty())
				value.set("remark", cell.remark);
			cells.set(table.columns[i].key, value);
		}
		rows.set(row.name, cells);
	}
	return Value::Object{{"table", table.name}, {"title", table.title}, {"columns", columns}, {"nodes", rows}};
}

std::string what_is_missing(const Table &table)
{
	for (const Row &row : table.rows) {
		if (row.cells.size() != table.columns.size())
			return fmt::format("{} has {} cells for {} columns", row.name, row.cells.size(), table.columns.size());
		for (std::size_t i = 0; i < row.cells.size(); ++i) {
			const Cell &cell = row.cells[i];
			const bool silent = cell.verdict == Verdict::kUntried || cell.verdict == Verdict::kPartly ? cell.remark.empty()
														  : cell.text.empty();
			if (silent)
				return fmt::format("{} says nothing under {}", row.name, table.columns[i].key);
		}
	}
	return table.rows.empty() ? "there is no row" : "";
}

void add_rows(Table &table, const std::function<std::vector<Cell>(const Node &)> &row)
{
	for (const Node &node : nodes()) {
		const bool there = ::access(node.path().c_str(), F_OK) == 0;
		table.rows.push_back({std::string(node.name), there ? row(node) : std::vector<Cell>(table.columns.size(), untried(why_absent(node)))});
	}
}

} // namespace ptelab::tables
