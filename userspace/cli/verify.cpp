// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify.hpp"

#include <algorithm>
#include <ostream>

#include <fnmatch.h>

#include <fmt/core.h>

#include "not_run.hpp"

namespace ptelab {
Value to_value(const Record &record); // report_json.cpp
} // namespace ptelab

namespace ptelab::cli {
namespace {

struct Order {
	std::optional<unsigned> seed;
	bool fail_fast = false;
	bool quiet = false; // no progress either
};

// One run of doctest over these rules; the RunLog has what came of them.
void run(const std::vector<const RuleInfo *> &rules, const char *reporter, std::ostream *out, const Order &order)
{
	RunLog::get().records.clear();
	RunLog::get().injected = rules.size();

	doctest::Context context;
	context.addFilter("reporters", reporter);
	if (out)
		context.setCout(out);
	context.setOption("order-by", order.seed ? "rand" : "suite");
	if (order.seed)
		context.setOption("rand-seed", static_cast<int>(*order.seed));
	if (order.fail_fast)
		context.setOption("abort-after", 1);
	context.setOption("case-sensitive", true);
	context.setOption("quiet", order.quiet);
	if (rules.size() < register_rules(rules))
		for (const RuleInfo *rule : rules)
			context.addFilter("test-case", rule->name.c_str());
	context.run();
}

bool matches_any(const std::vector<std::string> &globs, const RuleInfo &rule)
{
	return globs.empty() || std::ranges::any_of(globs, [&](const std::string &glob) {
		       const std::string_view name(rule.name);
		       return matches(glob, name) || matches(glob, rule.traits.contract) ||
			      (rule.node && matches(glob, name.substr(rule.node->name.size() + 1)));
	       });
}

std::vector<const NotRun *> chosen_not_run(const std::vector<std::string> &globs)
{
	std::vector<const NotRun *> chosen;
	for (const NotRun &rule : not_run())
		if (globs.empty() || std::ranges::any_of(globs, [&](const std::string &glob) { return matches(glob, rule.contract); }))
			chosen.push_back(&rule);
	return chosen;
}

// Rules that one RULE_PER_NODE made are one line.
struct Family {
	const RuleInfo *first;
	std::vector<const RuleInfo *> members;
};

std::vector<Family> families(const std::vector<const RuleInfo *> &rules)
{
	std::vector<Family> all;
	for (const RuleInfo *rule : rules) {
		const auto same = std::ranges::find_if(all, [rule](const Family &family) {
			return family.first->body == rule->body;
		});
		if (same == all.end())
			all.push_back({rule, {rule}});
		else
			same->members.push_back(rule);
	}
	return all;
}

std::string title_of(const Family &family)
{
	if (!family.first->node)
		return family.first->name;
	std::string text;
	for (const RuleInfo *rule : family.members)
		text += (text.empty() ? "{" : ",") + std::string(rule->node->name);
	return text + "}." + family.first->name.substr(family.first->node->name.size() + 1);
}

std::string entry(const std::string &title, std::string_view contract, std::string_view says, const std::string &more, const Terminal &terminal)
{
	return fmt::format("{}{}\n    {}\n    {}\n", terminal.bold(title), contract.empty() ? "" : fmt::format("  {}", contract), says, more);
}

} // namespace

bool matches(const std::string &glob, std::string_view text)
{
	return !text.empty() && ::fnmatch(glob.c_str(), std::string(text).c_str(), 0) == 0;
}

std::vector<const RuleInfo *> chosen_rules(const std::vector<std::string> &globs)
{
	std::vector<const RuleInfo *> chosen;
	for (const RuleInfo *rule : all_rules())
		if (matches_any(globs, *rule))
			chosen.push_back(rule);
	return chosen;
}

std::string needs_of(const RuleInfo &rule)
{
	std::string text;
	for (const Need &need : rule.traits.needs)
		text += (text.empty() ? "" : ", ") + need.what;
	return text;
}

std::vector<Record> run_quietly(const std::vector<const RuleInfo *> &rules)
{
	std::ostream silence(nullptr);
	run(rules, "ptelab-text", &silence, {.seed = {}, .quiet = true});
	return {RunLog::get().records.begin(), RunLog::get().records.end()};
}

Report rules(const std::vector<std::string> &globs, const Terminal &terminal)
{
	const std::vector<const RuleInfo *> chosen = chosen_rules(globs);
	const std::vector<const NotRun *> dangerous = chosen_not_run(globs);
	Report report;
	Value::Array list;

	if (chosen.empty() && dangerous.empty())
		throw UsageError("no rule has such a name or contract id: \"ptelab rules\" lists all");
	for (const RuleInfo *rule : chosen)
		list.push_back(Value::Object{{"id", rule->name},
					     {"contract", rule->traits.contract},
					     {"statement", rule->traits.says},
					     {"source", rule->traits.source},
					     {"needs", needs_of(*rule)},
					     {"file", rule->file},
					     {"line", rule->line},
					     {"runs_here", true}});
	for (const Family &family : families(chosen)) {
		const std::string needs = needs_of(*family.first);
		report.text += entry(title_of(family), family.first->traits.contract, family.first->traits.says,
				     family.first->traits.source + (needs.empty() ? "" : "; needs " + needs), terminal);
	}
	for (const NotRun *rule : dangerous) {
		list.push_back(Value::Object{{"id", rule->contract},
					     {"contract", rule->contract},
					     {"statement", rule->says},
					     {"source", rule->source},
					     {"runs_here", false},
					     {"risk", std::string(1, letter_of(rule->risk))},
					     {"reason", reason_of(rule->risk)}});
		report.text += entry(std::string(rule->contract), "not run here", rule->says,
				     fmt::format("{}; risk {}: {}", rule->source, letter_of(rule->risk), reason_of(rule->risk)), terminal);
	}
	report.text += fmt::format("\n{} rules, and {} of the contract that are not run here\n", chosen.size(), dangerous.size());
	report.json = list;
	return report;
}

Report verify(const VerifyOptions &options)
{
	const std::vector<const RuleInfo *> chosen = chosen_rules(options.globs);
	std::ostream silence(nullptr);
	Report report;
	Value::Array all;
	std::size_t failed = 0;
	std::size_t ran = 0;

	if (chosen.empty()) {
		if (!chosen_not_run(options.globs).empty())
			throw NothingToRunOn("these rules are not run here: \"ptelab rules\" tells why");
		throw UsageError("no rule has such a name or contract id: \"ptelab rules\" lists all");
	}
	for (unsigned round = 0; round < options.repeat && !(options.fail_fast && failed); ++round) {
		Order order{.seed = options.shuffle, .fail_fast = options.fail_fast};
		if (order.seed)
			*order.seed += round;
		run(chosen, options.ktap && !options.json ? "ktap" : "ptelab-text", options.json ? &silence : nullptr, order);
		const RunLog &log = RunLog::get();
		failed += log.count(Status::kFail);
		ran += log.count(Status::kPass) + log.count(Status::kExpectedFail);
		for (const Record &record : log.records)
			if (options.json)
				all.push_back(to_value(record).set("round", round + 1));
	}
	report.json = Value::Object{{"kernel", headline()}, {"rules", all}};
	report.status = failed ? kFailed : ran ? kOk : kNothingToRunOn;
	return report;
}

} // namespace ptelab::cli
