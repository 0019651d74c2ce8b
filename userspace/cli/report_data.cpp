// SPDX-License-Identifier: GPL-2.0-or-later
// The data of the page. What several kernels did alike is in it once: each rule has its distinct outcomes, and for each kernel
// the number of its own.
#include <algorithm>
#include <map>
#include <set>

#include "call_table.hpp"
#include "comparison.hpp"
#include "report_page.hpp"

namespace ptelab::cli {
namespace {

using Kernels = std::vector<KernelResults>;

// Values that are kept once, and found again by their number.
class Distinct {
public:
	std::int64_t number_of(Value value)
	{
		const auto [place, is_new] = numbers_.try_emplace(value.json(), static_cast<std::int64_t>(values_.size()));
		if (is_new)
			values_.push_back(std::move(value));
		return place->second;
	}
	Value all() const { return values_; }

private:
	Value::Array values_;
	std::map<std::string, std::int64_t> numbers_;
};

Value verdict_of(const Value &step)
{
	const Value *verdict = step.find("verdict");
	return verdict ? *verdict : Value();
}

Value data_of(const KernelResults &kernel)
{
	Value counts = Value::Object{};
	for (const char *status : {"pass", "expected_fail", "fail", "skip"})
		counts.set(status, std::ranges::count(kernel.rules, status, &RuleResult::status));
	Value probes = Value::Object{};
	for (const auto &[name, there] : kernel.features)
		probes.set(name, Value(there));
	return Value::Object{{"cell", kernel.cell},	  {"release", kernel.release}, {"version", kernel.version},
			     {"arch", kernel.arch},	  {"page", kernel.page_size}, {"flavour", kernel.flavour}, {"compiler", kernel.compiler},
			     {"verdict", kernel.verdict}, {"reason", kernel.reason},   {"build", verdict_of(kernel.build)},
			     {"load", verdict_of(kernel.load)}, {"counts", counts},    {"probes", probes}};
}

// Globs of what differs from run to run, as any of the kernels' records tells.
std::vector<std::string> varying(const Kernels &kernels, const std::string &id)
{
	std::vector<std::string> globs;
	for (const KernelResults &kernel : kernels)
		if (const RuleResult *rule = kernel.find(id))
			for (const std::string &glob : rule->varies)
				add_once(globs, glob);
	return globs;
}

Value outcome_of(RuleResult rule, const std::vector<std::string> &varies)
{
	Value outcome = Value::Object{{"status", rule.status}};
	Value unmet = Value::Object{};

	if (!rule.reason.empty())
		outcome.set("reason", rule.reason);
	if (!rule.ran())
		return outcome;
	rule.varies = varies;
	Value observed = Value::Object{};
	Value::Array seen_only;
	for (const auto &[name, value] : rule.observed.members()) {
		if (rule.is_varying(name))
			continue;
		observed.set(name, value);
		if (const Value *expected = rule.expected.find(name); !expected)
			seen_only.emplace_back(name);
		else if (*expected != value)
			unmet.set(name, *expected);
	}
	outcome.set("observed", observed);
	if (!seen_only.empty())
		outcome.set("unjudged", seen_only);
	if (unmet.size() > 0)
		outcome.set("unmet", unmet);
	if (rule.because.size() > 0)
		outcome.set("because", rule.because);
	return outcome;
}

Value rules_of(const Kernels &kernels)
{
	Value::Array list;
	std::set<std::string_view> known;

	for (const KernelResults &kernel : kernels)
		for (const RuleResult &rule : kernel.rules) {
			if (!known.insert(rule.id).second)
				continue;
			const auto [node, name] = parts_of(rule.id);
			const std::vector<std::string> varies = varying(kernels, rule.id);
			Distinct outcomes;
			Value::Array on;
			for (const KernelResults &other : kernels) {
				const RuleResult *result = other.find(rule.id);
				on.push_back(result ? outcomes.number_of(outcome_of(*result, varies)) : std::int64_t{-1});
			}
			list.push_back(Value::Object{{"id", rule.id},
						     {"node", node},
						     {"rule", name},
						     {"contract", rule.contract},
						     {"says", rule.statement},
						     {"source", rule.source},
						     {"at", rule.file + ":" + std::to_string(rule.line)},
						     {"area", area_of(rule)},
						     {"call", subject_of(rule)},
						     {"named", names_a_call(rule)},
						     {"varies", varies},
						     {"outcomes", outcomes.all()},
						     {"on", on}});
		}
	return list;
}

Value words_of(const std::vector<std::string_view> &words)
{
	Value::Array list;
	for (const std::string_view word : words)
		list.emplace_back(word);
	return list;
}

Value calls_of(const Kernels &kernels)
{
	std::vector<std::string> names;
	for (const KernelResults &kernel : kernels)
		for (const auto &[name, entry] : kernel.reached.members())
			if (std::ranges::find(names, name) == names.end())
				names.push_back(name);

	Value::Array list;
	for (const std::string &name : names) {
		Value call = Value::Object{{"name", name}};
		// A later name of another call has that one's advice, which is about the old name.
		if (const CallInfo *info = find_call(name); info && info->name == name) {
			call.set("today", words_of(info->today));
			call.set("since", info->since);
			call.set("advice", info->advice);
			call.set("route", info->reached);
		}
		Value::Array on;
		for (const KernelResults &kernel : kernels) {
			const Value *entry = kernel.reached.find(name);
			if (!entry) {
				on.emplace_back();
				continue;
			}
			Value one = Value::Object{{"is", presence(kernel, name)}};
			for (const char *key : {"symbol", "hits", "stands_for_it", "absent", "barred"})
				if (const Value *value = entry->find(key))
					one.set(key, *value);
			if (const Value *route = entry->find("route"); route && !call.find("route"))
				call.set("route", *route);
			on.push_back(one);
		}
		call.set("on", on);
		list.push_back(call);
	}
	return list;
}

Value table_of(const Kernels &kernels, const Value KernelResults::*which)
{
	Value columns = Value::Array{}, title;
	std::vector<std::string> nodes;
	for (const KernelResults &kernel : kernels) {
		const Value &table = kernel.*which;
		const Value *rows = table.find("nodes");
		if (!rows || !table.find("columns"))
			continue;
		columns = *table.find("columns");
		title = table.find("title") ? *table.find("title") : Value();
		for (const auto &[node, cells] : rows->members())
			if (std::ranges::find(nodes, node) == nodes.end())
				nodes.push_back(node);
	}

	Distinct cells;
	Value rows = Value::Object{};
	for (const std::string &node : nodes) {
		Value::Array row;
		for (const Value &column : columns.items()) {
			Value::Array on;
			for (const KernelResults &kernel : kernels) {
				const Value *there = (kernel.*which).find("nodes");
				const Value *of_node = there ? there->find(node) : nullptr;
				const Value *cell = of_node ? of_node->find(column.find("key")->text()) : nullptr;
				on.push_back(cell ? cells.number_of(*cell) : std::int64_t{-1});
			}
			row.emplace_back(on);
		}
		rows.set(node, row);
	}
	return Value::Object{{"title", title}, {"columns", columns}, {"cells", cells.all()}, {"nodes", rows}};
}

} // namespace

Value page_data(const std::vector<KernelResults> &kernels)
{
	Value::Array heads;
	for (const KernelResults &kernel : kernels)
		heads.push_back(data_of(kernel));
	return Value::Object{{"kernels", heads},
			     {"rules", rules_of(kernels)},
			     {"calls", calls_of(kernels)},
			     {"gup", table_of(kernels, &KernelResults::gup)},
			     {"kinds", table_of(kernels, &KernelResults::kinds)}};
}

} // namespace ptelab::cli
