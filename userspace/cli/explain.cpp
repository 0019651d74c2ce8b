// SPDX-License-Identifier: GPL-2.0-or-later
// `ptelab explain`: one rule, or one call, with what this kernel does, or those whose results are at hand.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include <sys/utsname.h>

#include <fmt/core.h>

#include "call_table.hpp"
#include "compare.hpp"
#include "not_run.hpp"
#include "results.hpp"
#include "table_view.hpp"
#include "verify.hpp"

namespace ptelab {
Value to_value(const Record &record); // report_json.cpp
} // namespace ptelab

namespace ptelab::cli {
namespace {

constexpr std::size_t kMostRuns = 40;

std::string release()
{
	utsname name{};
	uname(&name);
	return name.release;
}

// Of a tree of ours, if we are in one.
std::vector<std::string> results_at_hand()
{
	std::error_code error;
	if (std::filesystem::is_directory(kResultsFolder, error))
		return {kResultsFolder};
	return {};
}

std::string verdict(std::string_view status)
{
	if (status == "pass")
		return "holds";
	if (status == "fail")
		return "does not hold";
	return status == "skip" ? "could not run" : "does not hold, as is known";
}

class Explanation {
public:
	Explanation(const std::vector<KernelResults> &kernels, bool run_here, const Terminal &terminal)
		: kernels_(kernels), run_here_(run_here), terminal_(terminal)
	{
	}

	void rules(const std::vector<const RuleInfo *> &rules)
	{
		std::vector<Record> runs;
		if (run_here_)
			runs = run_quietly(rules);

		Value::Array list;
		for (const RuleInfo *rule : rules) {
			head(rule->name, rule->traits.contract, rule->traits.says, rule->traits.source, needs_of(*rule));
			Value::Array kernels;
			for (const Record &record : runs)
				if (record.info == rule) {
					kernels.push_back(to_value(record));
					outcome(release(), std::string(name_of(record.status)), record.reason);
					observed(record.observed, record.reasons);
				}
			for (const KernelResults &kernel : kernels_)
				if (const RuleResult *result = kernel.find(rule->name)) {
					kernels.push_back(Value::Object{{"kernel", kernel.cell},
									{"release", kernel.release},
									{"status", result->status},
									{"reason", result->reason},
									{"observed", result->observed},
									{"because", result->because}});
					outcome(kernel.cell, result->status, result->reason);
				}
			on_all_kernels(rule->name);
			if (kernels.empty())
				text_ += "  the results given say nothing of it\n";
			list.push_back(Value::Object{{"id", rule->name},
						     {"contract", rule->traits.contract},
						     {"statement", rule->traits.says},
						     {"source", rule->traits.source},
						     {"kernels", kernels}});
		}
		json_.set("rules", list);
	}

	void not_run_here(const NotRun &rule)
	{
		head(std::string(rule.contract), "", rule.says, rule.source, "");
		line("not run here", fmt::format("risk {}: {}", letter_of(rule.risk), reason_of(rule.risk)));
		json_ = Value::Object{{"id", rule.contract}, {"statement", rule.says}, {"source", rule.source}, {"reason", reason_of(rule.risk)}};
	}

	void call(const CallInfo &call)
	{
		std::string today;
		for (const std::string_view name : call.today)
			today += (today.empty() ? "" : ", ") + std::string(name);
		text_ += terminal_.bold(call.name) + "\n";
		line("today", today.empty() ? "the same" : today);
		if (!call.since.empty())
			line("changed", call.since);
		line("use", call.advice);
		line("reached by", call.reached);
		Value kernels = Value::Object{};
		for (const KernelResults &kernel : kernels_)
			if (const Value there = presence(kernel, call.name); !there.is_null()) {
				kernels.set(kernel.cell, there);
				line(kernel.cell, there.text());
			}
		Value::Array about;
		for (const RuleInfo *rule : all_rules())
			if (is_about(*rule, call)) {
				about.push_back(rule->name);
				line("rule", fmt::format("{}: {}{}", rule->name, rule->traits.says, on_each(*rule)));
			}
		for (const NotRun &rule : not_run())
			if (mentions(rule.says, call) || mentions(rule.source, call)) {
				about.push_back(rule.contract);
				line("rule", fmt::format("{} (not run here): {}", rule.contract, rule.says));
			}
		json_ = Value::Object{{"call", call.name}, {"today", today.empty() ? std::string(call.name) : today},
				      {"changed", call.since}, {"use", call.advice}, {"reached_by", call.reached}, {"kernels", kernels}, {"rules", about}};
		what_differs(call);
	}

	Report report() const { return {.text = text_, .json = json_}; }

private:
	// The rules of this call whose observations differ between the kernels at hand.
	void what_differs(const CallInfo &call)
	{
		if (kernels_.size() < 2)
			return;
		Comparison own;
		own.kernels = comparison().kernels;
		const auto is_own = [&](const RuleDifference &rule) { return rule.call == call.name; };
		std::ranges::copy_if(comparison().foreseen, std::back_inserter(own.foreseen), is_own);
		std::ranges::copy_if(comparison().unforeseen, std::back_inserter(own.unforeseen), is_own);
		const Value all = comparison_json(own);
		json_.set("differences", Value::Object{{"unforeseen", *all.find("unforeseen")}, {"foreseen", *all.find("foreseen")}});
		text_ += rules_text(own, terminal_);
	}

	// What the kernels at hand observed alike, and then what differs.
	void on_all_kernels(const std::string &id)
	{
		std::vector<const RuleResult *> ran;
		for (const KernelResults &kernel : kernels_)
			if (const RuleResult *result = kernel.find(id); result && result->ran())
				ran.push_back(result);
		if (ran.empty())
			return;
		const auto alike = [&](const std::string &name, const Value &value) {
			return std::ranges::all_of(ran, [&](const RuleResult *other) {
				const Value *there = other->observed.find(name);
				return there && *there == value;
			});
		};
		Value same = Value::Object{};
		for (const auto &[name, value] : ran.front()->observed.members())
			if (alike(name, value))
				same.set(name, value);
		observed(same, ran.size() == 1 ? ran.front()->because : Value());
		if (ran.size() < 2)
			return;
		const auto [node, rule] = parts_of(id);
		for (const auto *list : {&comparison().unforeseen, &comparison().foreseen})
			for (const RuleDifference &each : *list)
				if (each.rule == rule && (node.empty() || std::ranges::find(each.nodes, node) != each.nodes.end())) {
					line("differs", list == &comparison().unforeseen ? "as no rule expected" : "as expected");
					text_ += differences_text(comparison(), each.differences, terminal_);
				}
	}

	const Comparison &comparison()
	{
		if (!comparison_)
			comparison_ = compare(kernels_);
		return *comparison_;
	}

	// "; holds on 5.10, 6.1" with all kernels at hand, by what came of it.
	std::string on_each(const RuleInfo &rule) const
	{
		std::vector<std::pair<std::string, std::string>> cells;
		for (const KernelResults &kernel : kernels_)
			if (const RuleResult *result = kernel.find(rule.name)) {
				const std::string word = verdict(result->status);
				const auto known = std::ranges::find(cells, word, &std::pair<std::string, std::string>::first);
				if (known == cells.end())
					cells.emplace_back(word, kernel.cell);
				else
					known->second += ", " + kernel.cell;
			}
		std::string text;
		for (const auto &[word, where] : cells)
			text += fmt::format("; {} on {}", word, where);
		return text.empty() ? "" : " (" + text.substr(2) + ")";
	}

	// Of the rules for each node, those of the first node stand for all, but for what the node is there for.
	static bool is_about(const RuleInfo &rule, const CallInfo &call)
	{
		const bool named = mentions(rule.traits.says, call) || mentions(rule.traits.source, call);
		const auto same = [&](const RuleInfo *other) { return other->body == rule.body; };
		return named && *std::ranges::find_if(all_rules(), same) == &rule;
	}

	void head(const std::string &name, std::string_view contract, std::string_view says, std::string_view source, const std::string &needs)
	{
		text_ += (text_.empty() ? "" : "\n") + terminal_.bold(name) + (contract.empty() ? "" : fmt::format("  {}", contract)) + "\n";
		line("rule", says);
		line("kernel source", source);
		if (!needs.empty())
			line("needs", needs);
	}

	void outcome(const std::string &kernel, const std::string &status, const std::string &reason)
	{
		std::string word = verdict(status);
		word = status == "pass" ? terminal_.good(word) : status == "fail" ? terminal_.bad(word) : word;
		line(kernel, word + (reason.empty() ? "" : ": " + reason));
	}

	void observed(const Value &observations, const Value &reasons)
	{
		if (observations.size() > 0)
			members("observed", observations);
		// What several have in common is told once.
		std::vector<std::pair<std::string, std::string>> because;
		for (const auto &[name, reason] : reasons.members()) {
			const auto known = std::ranges::find(because, reason.text(), &std::pair<std::string, std::string>::first);
			if (known == because.end())
				because.emplace_back(reason.text(), name);
			else
				known->second += "; " + name;
		}
		for (const auto &[reason, names] : because)
			line("because", fmt::format("{} ({})", reason, names));
	}

	// A line for each member, as JSON has it.
	void members(const std::string &label, const Value &object)
	{
		std::istringstream in(object.json(2));
		std::string name = label;
		for (std::string text; std::getline(in, text);) {
			if (text == "{" || text == "}")
				continue;
			line(name, text.substr(std::min<std::size_t>(2, text.size())));
			name.clear();
		}
	}

	void line(const std::string &label, std::string_view what)
	{
		constexpr std::size_t kTextColumn = 17;
		text_ += wrapped(fmt::format("  {:<{}}{}", label, std::max(kTextColumn - 2, label.size() + 1), what), terminal_.width, kTextColumn) + "\n";
	}

	const std::vector<KernelResults> &kernels_;
	bool run_here_;
	std::optional<Comparison> comparison_;
	const Terminal &terminal_;
	std::string text_;
	Value json_ = Value::Object{};
};

} // namespace

Report explain_what(const std::string &what, const std::vector<std::string> &results, const Terminal &terminal)
{
	const std::vector<KernelResults> kernels = read_results(results.empty() ? results_at_hand() : results);
	// Where the module is loaded, this kernel answers too, unless asked about others.
	const bool run_here = kernels.empty() || (results.empty() && std::filesystem::is_directory(kDeviceFolder));
	Explanation explanation(kernels, run_here, terminal);
	const std::vector<const RuleInfo *> rules = chosen_rules({what});

	if (const CallInfo *found = find_call(what)) {
		explanation.call(*found);
	} else if (!rules.empty()) {
		if (rules.size() > kMostRuns)
			throw UsageError(fmt::format("{} stands for {} rules: be more precise", what, rules.size()));
		explanation.rules(rules);
	} else {
		const auto known = std::ranges::find(not_run(), what, &NotRun::contract);
		if (known == not_run().end()) {
			std::string near;
			for (const CallInfo &other : calls())
				if (other.name.find(what) != other.name.npos)
					near += (near.empty() ? ": do you mean " : ", ") + std::string(other.name);
			throw UsageError(fmt::format("there is no rule and no call \"{}\"{}", what, near));
		}
		explanation.not_run_here(*known);
	}
	return explanation.report();
}

} // namespace ptelab::cli
