// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds_table.hpp"

#include <map>
#include <memory>

#include <unistd.h>

#include <fmt/core.h>

#include "core_dump.hpp"

namespace ptelab::tables {
namespace {

Cell core_cell(const CoreDump &core, const Mapping &map)
{
	if (!core.why_not().empty())
		return untried(core.why_not());
	const std::uint64_t bytes = core.dumped(map.data()).value_or(0);
	if (bytes == 0)
		return told("0");
	std::size_t right = 0;
	for (std::size_t index = 0; index < map.pages(); ++index)
		right += core.word(map.page(index).data()) == Bench::mark(index);
	if (right == map.pages())
		return told("full");
	return told(right == 0 ? "holes" : fmt::format("{} of {}", right, map.pages()));
}

// One dump of a process that has a mapping of every node.
std::map<const Node *, Cell> core_cells()
{
	std::map<const Node *, std::pair<std::unique_ptr<Bench>, Mapping>> all;
	std::map<const Node *, Cell> cells;

	for (const Node &node : nodes()) {
		if (::access(node.path().c_str(), F_OK) < 0)
			continue;
		auto bench = std::make_unique<Bench>(node);
		Mapping map = bench->touched();
		all.emplace(&node, std::pair(std::move(bench), std::move(map)));
	}
	const CoreDump core(kSharedMappings);
	for (const auto &[node, scene] : all)
		cells[node] = core_cell(core, scene.second);
	return cells;
}

} // namespace

Table kinds()
{
	std::vector<Kind> all;
	std::map<const Node *, Cell> cores;
	Table table{.name = "kinds",
		    .title = fmt::format("What user space is told: a shared, writable mapping of {} pages of each node, every page touched before",
					 kBenchPages),
		    .columns = {},
		    .rows = {},
		    .notes = {"bare is a mapping without any page: it shows what the kernel says where it finds nothing."}};

	add_shown(all);
	all.push_back({{"core", "core", "dump",
			"a core dump that was asked for shared mappings (coredump_filter 0xa): 0, nothing of the mapping; holes, zeros in "
			"place of its pages; full, its bytes"},
		       [&cores](const Bench &bench, Mapping &) { return cores.at(&bench.node()); }});
	add_done(all);
	for (const Kind &kind : all)
		table.columns.push_back(kind.column);
	cores = core_cells();
	add_rows(table, [&](const Node &node) {
		const Bench bench(node);
		std::vector<Cell> cells;
		for (const Kind &kind : all) {
			Mapping map = bench.touched();
			cells.push_back(kind.look(bench, map));
		}
		return cells;
	});
	return table;
}

} // namespace ptelab::tables
