// SPDX-License-Identifier: GPL-2.0-or-later
// `ptelab compare`, and what its text, Markdown and JSON have in common.
#include "compare.hpp"

#include <fmt/core.h>

#include "commands.hpp"

namespace ptelab::cli {
namespace {

std::string_view word_for(Foreseen foreseen)
{
	switch (foreseen) {
	case Foreseen::kNo: return "no";
	case Foreseen::kSilently: return "without a reason";
	case Foreseen::kYes: return "yes";
	}
	return "?";
}

Value json_of(const Difference &difference, const Comparison &comparison)
{
	Value values = Value::Object{};
	for (std::size_t i = 0; i < difference.values.size(); ++i)
		if (!difference.values[i].is_null())
			values.set(comparison.kernels[i]->cell, difference.values[i]);
	Value value = Value::Object{{"what", difference.what},
				    {"values", values},
				    {"reasons", difference.reasons},
				    {"foreseen", word_for(difference.foreseen)}};
	if (!difference.note.empty())
		value.set("note", difference.note);
	return value;
}

Value json_of(const std::vector<Difference> &differences, const Comparison &comparison)
{
	Value::Array list;
	for (const Difference &difference : differences)
		list.push_back(json_of(difference, comparison));
	return list;
}

Value json_of(const std::vector<RuleDifference> &rules, const Comparison &comparison)
{
	Value::Array list;
	for (const RuleDifference &rule : rules)
		list.push_back(Value::Object{{"call", rule.call},
					     {"rule", rule.rule},
					     {"nodes", rule.nodes},
					     {"contract", rule.about->contract},
					     {"statement", rule.about->statement},
					     {"source", rule.about->source},
					     {"differences", json_of(rule.differences, comparison)}});
	return list;
}

Value json_of(const std::vector<TableDifference> &cells, const Comparison &comparison)
{
	Value::Array list;
	for (const TableDifference &cell : cells) {
		Value value = json_of(cell.difference, comparison);
		value.set("nodes", cell.nodes);
		list.push_back(value);
	}
	return list;
}

} // namespace

std::string headline_of(const KernelResults &kernel)
{
	std::string text;
	for (const std::string &word : {kernel.release, kernel.arch, kernel.flavour})
		text += word.empty() ? "" : word + " ";
	text += fmt::format("{} rules: {}", kernel.rules.size(), kernel.verdict.empty() ? "no verdict" : kernel.verdict);
	return kernel.reason.empty() ? text : text + ", " + kernel.reason;
}

std::string rule_name(const RuleDifference &rule)
{
	if (rule.nodes.size() == 1)
		return rule.nodes.front() + "." + rule.rule;
	std::string nodes;
	for (const std::string &node : rule.nodes)
		nodes += (nodes.empty() ? " on " : ", ") + node;
	return rule.rule + nodes;
}

std::string summary_of(const Comparison &comparison)
{
	std::size_t rules = 0;
	for (const Coverage &coverage : comparison.coverage)
		rules += coverage.rules.size();
	return fmt::format("{} rules ran on more than one. Observations that differ, same ones of several nodes counted once: {} that no rule "
			   "expected, {} with a reason, {} expected without one. {} rules ran on some only. {} calls, {} probes, {} "
			   "cells of the tables differ.",
			   comparison.in_common, comparison.count(Foreseen::kNo), comparison.count(Foreseen::kYes),
			   comparison.count(Foreseen::kSilently), rules, comparison.calls.size(), comparison.probes.size(),
			   comparison.pins.size() + comparison.visibility.size());
}

Value comparison_json(const Comparison &comparison)
{
	Value::Array kernels, coverage;
	for (const KernelResults *kernel : comparison.kernels)
		kernels.push_back(Value::Object{{"cell", kernel->cell},
						{"release", kernel->release},
						{"arch", kernel->arch},
						{"flavour", kernel->flavour},
						{"verdict", kernel->verdict},
						{"rules", kernel->rules.size()}});
	for (const Coverage &some : comparison.coverage) {
		Value ran = Value::Object{};
		for (std::size_t i = 0; i < some.ran.size(); ++i)
			ran.set(comparison.kernels[i]->cell, Value(static_cast<bool>(some.ran[i])));
		coverage.push_back(Value::Object{{"ran", ran}, {"reasons", some.reasons}, {"rules", some.rules}});
	}
	return Value::Object{{"kernels", kernels},
			     {"same", comparison.same()},
			     {"rules_in_common", comparison.in_common},
			     {"unforeseen", json_of(comparison.unforeseen, comparison)},
			     {"foreseen", json_of(comparison.foreseen, comparison)},
			     {"calls", json_of(comparison.calls, comparison)},
			     {"probes", json_of(comparison.probes, comparison)},
			     {"pins", json_of(comparison.pins, comparison)},
			     {"visibility", json_of(comparison.visibility, comparison)},
			     {"ran_on_some", coverage}};
}

Report compare(const std::vector<std::string> &paths, bool markdown, const Terminal &terminal)
{
	const std::vector<KernelResults> kernels = read_results(paths);
	if (kernels.size() < 2)
		throw UsageError("a comparison takes the results of two kernels or more");
	const Comparison comparison = compare(kernels);
	return {.text = markdown ? comparison_markdown(comparison) : comparison_text(comparison, terminal),
		.json = comparison_json(comparison),
		.status = comparison.same() ? kOk : kFailed};
}

} // namespace ptelab::cli
