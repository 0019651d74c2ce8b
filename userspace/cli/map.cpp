// SPDX-License-Identifier: GPL-2.0-or-later
// map, touch, zap and lookup: make a mapping, do something to it, show its page table entries.
#include "commands.hpp"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "picture.hpp"

namespace ptelab::cli {
namespace {

constexpr std::size_t kIndent = 4;

Value cells_json(std::span<const ptelab_pte> entries)
{
	Value::Array cells;
	for (const ptelab_pte &entry : entries)
		cells.push_back(word_of(cell_of(entry)));
	return cells;
}

Value entry_json(std::size_t page, const ptelab_pte &entry)
{
	const auto has = [&entry](__u32 bit) { return (entry.state & bit) != 0; };
	return Value::Object{{"page", page},
			     {"cell", word_of(cell_of(entry))},
			     {"present", has(PTELAB_PTE_PRESENT)},
			     {"write", has(PTELAB_PTE_WRITE)},
			     {"dirty", has(PTELAB_PTE_DIRTY)},
			     {"young", has(PTELAB_PTE_YOUNG)},
			     {"special", has(PTELAB_PTE_SPECIAL)},
			     {"huge", has(PTELAB_PTE_HUGE)},
			     {"ours", has(PTELAB_PTE_OURS)},
			     {"revoked", has(PTELAB_PTE_REVOKED)},
			     {"cache", entry.cache ? Value(name_of(static_cast<ptelab_cache>(entry.cache))) : Value()},
			     {"region_page", entry.page ? Value(entry.page - 1) : Value()},
			     {"pfn", entry.pfn ? Value(entry.pfn) : Value()}};
}

// What a driver writer wants to see first: the pages come, are written, are taken away, and what the next access gets.
std::string default_steps(std::size_t pages)
{
	const std::size_t last = std::min<std::size_t>(pages, 8) - 1;
	return fmt::format("touch=0-{0},write=0-{1},zap=0-{1},touch=0-{0},revoke,touch=0,restore,touch=0-{0}", last, last / 2);
}

std::string description(const Node &node, const SceneOptions &options, const Scene &scene)
{
	const ptelab_query query = scene.device().query();
	return fmt::format("{}: {}, {}; {} of {}, {}, {}, {}{}", node.name, node.call, node.moment, counted(scene.map().pages(), "page"),
			   size_text(scene.device().size()), name_of(static_cast<ptelab_backing>(query.backing)),
			   name_of(static_cast<ptelab_cache>(query.cache)), options.private_copy ? "MAP_PRIVATE" : "MAP_SHARED",
			   options.read_only ? ", read-only" : "");
}

// Runs the steps and reports the picture before the first and after each.
Report play(const Node &node, const SceneOptions &options, std::span<const Step> steps, const Terminal &terminal)
{
	Scene scene(options);
	Report report;

	const std::vector<ptelab_pte> at_first = scene.entries();
	report.text = terminal.bold(description(node, options, scene)) + "\n";
	report.text += legend(terminal) + "\n\n";
	report.text += "  mapped\n" + picture(at_first, terminal, kIndent);
	report.json.set("node", node.name).set("call", node.call).set("pages", scene.map().pages());
	report.json.set("mapped", cells_json(at_first));

	Value::Array done;
	for (const Step &step : steps) {
		const Outcome outcome = scene.run(step);
		report.text += fmt::format("  {:<14} {}\n", step.text(), outcome.worked ? outcome.text : terminal.bad(outcome.text));
		report.text += picture(outcome.entries, terminal, kIndent);
		Value record = Value::Object{{"step", step.text()}, {"ok", outcome.worked}, {"outcome", outcome.text}};
		record.set("details", outcome.details).set("cells", cells_json(outcome.entries));
		done.push_back(std::move(record));
	}
	report.json.set("steps", done);
	return report;
}

std::size_t pages_of(const SceneOptions &options)
{
	return options.bytes ? options.bytes / page_size() : 16;
}

} // namespace

Report map(const std::string &name, SceneOptions options, const std::string &steps, const Terminal &terminal)
{
	const std::size_t pages = pages_of(options);
	const std::vector<Step> parsed = parse_steps(steps.empty() ? default_steps(std::max<std::size_t>(pages, 1)) : steps, pages);
	const Node &node = present_node(name);

	options.node = &node;
	return play(node, options, parsed, terminal);
}

Report touch(const std::string &name, SceneOptions options, const std::string &pages, bool write, const Terminal &terminal)
{
	const auto [first, last] = parse_pages(pages, pages_of(options));
	const Step steps[] = {{.verb = write ? Verb::kWrite : Verb::kTouch, .first = first, .last = last}};
	const Node &node = present_node(name);

	options.node = &node;
	Report report = play(node, options, steps, terminal);
	// An access that ended in a signal is what the caller asked about: the command has failed to touch.
	if (const Value *done = report.json.find("steps"); done && done->json().find("\"ok\":false") != std::string::npos)
		report.status = kFailed;
	return report;
}

Report zap(const std::string &name, SceneOptions options, const std::string &pages, bool special, const Terminal &terminal)
{
	const auto [first, last] = parse_pages(pages, pages_of(options));
	const Step steps[] = {{.verb = Verb::kTouch, .first = first, .last = last},
			      {.verb = special ? Verb::kZapSpecial : Verb::kZap, .first = first, .last = last},
			      {.verb = Verb::kTouch, .first = first, .last = last}};
	const Node &node = present_node(name);

	options.node = &node;
	return play(node, options, steps, terminal);
}

Report lookup(const std::string &name, SceneOptions options, const std::string &pages, const Terminal &terminal)
{
	const auto [first, last] = parse_pages(pages, pages_of(options));
	const Node &node = present_node(name);
	options.node = &node;
	Scene scene(options);
	Report report;

	scene.touch(first, last, false);
	const std::vector<ptelab_pte> entries = scene.entries();
	report.text = terminal.bold(description(node, options, scene)) + "\n";
	report.text += legend(terminal) + "\n\n" + picture(entries, terminal, kIndent) + "\n";
	report.text += terminal.bold(fmt::format("{:>6}  {:<16} {:<6} {:<6} {:<6} {:<16} {:>11} {:>12}", "page", "state", "write", "dirty",
						 "young", "cache", "region page", "pfn")) +
		       "\n";
	Value::Array rows;
	for (std::size_t index = 0; index < entries.size(); ++index) {
		const ptelab_pte &entry = entries[index];
		const auto mark = [&entry](__u32 bit) { return entry.state & bit ? "yes" : "-"; };
		rows.push_back(entry_json(index, entry));
		if (index < first || index > last)
			continue;
		report.text += fmt::format("{:>6}  {:<16} {:<6} {:<6} {:<6} {:<16} {:>11} {:>12}\n", index, word_of(cell_of(entry)),
					   mark(PTELAB_PTE_WRITE), mark(PTELAB_PTE_DIRTY), mark(PTELAB_PTE_YOUNG),
					   entry.cache ? name_of(static_cast<ptelab_cache>(entry.cache)) : "-",
					   entry.page ? std::to_string(entry.page - 1) : "-",
					   entry.pfn ? fmt::format("{:#x}", entry.pfn) : "-");
	}
	report.json.set("node", node.name).set("entries", rows);
	return report;
}

} // namespace ptelab::cli
