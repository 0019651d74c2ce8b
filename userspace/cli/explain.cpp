// SPDX-License-Identifier: GPL-2.0-or-later
// `ptelab explain`: one rule, or one call, with what this kernel does.
#include <algorithm>
#include <sstream>

#include <sys/utsname.h>

#include <fmt/core.h>

#include "call_table.hpp"
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
	Explanation(const std::vector<std::string> &files, const Terminal &terminal) : files_(files), terminal_(terminal) {}

	void rules(const std::vector<const RuleInfo *> &rules)
	{
		std::vector<Record> runs;
		if (files_.empty())
			runs = run_quietly(rules);
		std::vector<std::string> names;
		for (const RuleInfo *rule : rules)
			names.push_back(rule->name);
		const std::vector<Result> results = read_results(files_, names);

		Value::Array list;
		for (const RuleInfo *rule : rules) {
			head(rule->name, rule->traits.contract, rule->traits.says, rule->traits.source, needs_of(*rule));
			Value::Array kernels;
			for (const Record &record : runs)
				if (record.info == rule) {
					kernels.push_back(to_value(record));
					outcome(release(), std::string(name_of(record.status)), record.reason, record.observed, record.reasons);
				}
			for (const Result &result : results)
				if (result.rule == rule->name) {
					kernels.push_back(Value::Object{{"kernel", result.kernel},
									{"status", result.status},
									{"reason", result.reason},
									{"observed", result.observed}});
					outcome(result.kernel, result.status, result.reason, result.observed, {});
				}
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
		Value::Array about;
		for (const RuleInfo *rule : all_rules())
			if (is_about(*rule, call)) {
				about.push_back(rule->name);
				line("rule", fmt::format("{}: {}", rule->name, rule->traits.says));
			}
		for (const NotRun &rule : not_run())
			if (mentions(rule.says, call) || mentions(rule.source, call)) {
				about.push_back(rule.contract);
				line("rule", fmt::format("{} (not run here): {}", rule.contract, rule.says));
			}
		json_ = Value::Object{{"call", call.name}, {"today", today.empty() ? std::string(call.name) : today},
				      {"changed", call.since}, {"use", call.advice}, {"reached_by", call.reached}, {"rules", about}};
	}

	Report report() const { return {.text = text_, .json = json_}; }

private:
	static bool mentions(std::string_view text, const CallInfo &call)
	{
		const auto word = [&](std::string_view name) {
			// Whole words: vm_insert_page is not vm_insert_pages.
			for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
				const auto is_part = [&](std::size_t index) {
					return index < text.size() && (std::isalnum(static_cast<unsigned char>(text[index])) || text[index] == '_');
				};
				if ((at == 0 || !is_part(at - 1)) && !is_part(at + name.size()))
					return true;
			}
			return false;
		};
		return word(call.name) || std::ranges::any_of(call.today, word);
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

	void outcome(const std::string &kernel, const std::string &status, const std::string &reason, const Value &observed, const Value &reasons)
	{
		std::string word = verdict(status);
		word = status == "pass" ? terminal_.good(word) : status == "fail" ? terminal_.bad(word) : word;
		line(kernel, word + (reason.empty() ? "" : ": " + reason));
		if (observed.size() > 0)
			members("observed", observed);
		if (reasons.size() > 0)
			members("because", reasons);
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
		constexpr std::size_t kIndent = 17;
		text_ += wrapped(fmt::format("  {:<{}}{}", label, std::max(kIndent - 2, label.size() + 1), what), terminal_.width, kIndent) + "\n";
	}

	const std::vector<std::string> &files_;
	const Terminal &terminal_;
	std::string text_;
	Value json_ = Value::Object{};
};

} // namespace

Report explain_what(const std::string &what, const std::vector<std::string> &results, const Terminal &terminal)
{
	Explanation explanation(results, terminal);
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
