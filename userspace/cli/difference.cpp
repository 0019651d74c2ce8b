// SPDX-License-Identifier: GPL-2.0-or-later
#include "difference.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <ptelab/node.hpp>

#include "call_table.hpp"

namespace ptelab::cli {
namespace {

constexpr const char *kOutcome = "the rule";

const Value &nothing()
{
	static const Value null;
	return null;
}

std::vector<std::string> observations_of(const Records &records)
{
	std::vector<std::string> names;
	std::set<std::string_view> known;
	for (const RuleResult *record : records)
		for (const auto &[name, value] : record->observed.members())
			if (known.insert(name).second)
				names.push_back(name);
	return names;
}

bool left_out(const Records &records, const std::string &observation)
{
	// An older record may hold what a newer one says varies.
	return std::ranges::any_of(records, [&](const RuleResult *record) { return record->is_varying(observation); });
}

// How the rules that observed it stand to it.
struct Judged {
	bool everywhere = true; // each of them expected something
	bool met = true;	// and saw it
};

Judged judged(const Records &records, const std::string &observation)
{
	Judged how;
	for (const RuleResult *record : records) {
		const Value *observed = record->observed.find(observation);
		const Value *expected = record->expected.find(observation);
		if (!observed)
			continue;
		how.everywhere &= expected != nullptr;
		how.met &= !expected || *expected == *observed || record->status == "expected_fail";
	}
	return how;
}

// Reasons that the records have for it, and whether it was foreseen.
void find_reasons(Difference &difference, const Records &ran)
{
	const bool outcome = difference.what == kOutcome;
	const Judged how = judged(ran, difference.what);

	for (const RuleResult *record : ran)
		add_once(difference.reasons, outcome || record->status == "expected_fail" ? record->reason : record->why(difference.what));
	const bool failed = outcome ? std::ranges::find(ran, "fail", &RuleResult::status) != ran.end() : !how.met;
	if (failed)
		difference.foreseen = Foreseen::kNo;
	else if (!difference.reasons.empty())
		difference.foreseen = Foreseen::kYes;
	else if (how.everywhere)
		difference.foreseen = Foreseen::kSilently;
}

// What the rule expects, or does not even look at, after a difference whose reason it knows follows from that one.
void find_what_follows(std::vector<Difference> &differences, const Records &ran)
{
	std::vector<std::string> reasons;
	for (const Difference &difference : differences)
		if (difference.foreseen == Foreseen::kYes)
			for (const std::string &reason : difference.reasons)
				add_once(reasons, reason);
	if (reasons.empty())
		return;
	for (Difference &difference : differences) {
		if (difference.what == kOutcome || !difference.reasons.empty() || !judged(ran, difference.what).met)
			continue;
		const bool one_sided =
			std::ranges::any_of(ran, [&](const RuleResult *record) { return !record->observed.find(difference.what); });
		if (difference.foreseen == Foreseen::kSilently || one_sided) {
			difference.foreseen = Foreseen::kYes;
			difference.reasons = reasons;
		}
	}
}

} // namespace

void add_once(std::vector<std::string> &list, std::string_view text)
{
	if (!text.empty() && std::ranges::find(list, text) == list.end())
		list.emplace_back(text);
}

bool differ(const std::vector<Value> &values)
{
	return std::ranges::any_of(values, [&](const Value &value) { return !(value == values.front()); });
}

std::vector<Difference> differences_of(const Records &all)
{
	Records ran = all;
	std::erase(ran, nullptr);
	std::vector<Difference> found;
	const auto collect = [&](std::string what, auto value_of) {
		Difference difference{.what = std::move(what)};
		for (const RuleResult *record : all)
			difference.values.push_back(record ? *value_of(*record) : nothing());
		std::vector<Value> seen;
		for (const RuleResult *record : ran)
			seen.push_back(*value_of(*record));
		if (differ(seen))
			found.push_back(std::move(difference));
	};

	std::map<const RuleResult *, Value> statuses;
	for (const RuleResult *record : ran)
		statuses.emplace(record, record->status);
	collect(kOutcome, [&](const RuleResult &record) { return &statuses.at(&record); });
	for (const std::string &name : observations_of(ran))
		if (!left_out(ran, name))
			collect(name, [&](const RuleResult &record) {
				const Value *value = record.observed.find(name);
				return value ? value : &nothing();
			});

	for (Difference &difference : found)
		find_reasons(difference, ran);
	find_what_follows(found, ran);
	return found;
}

bool names_a_call(const RuleResult &rule)
{
	return first_in(rule.statement) || first_in(rule.source);
}

std::string subject_of(const RuleResult &rule)
{
	for (const std::string_view text : {std::string_view(rule.statement), std::string_view(rule.source)})
		if (const CallInfo *call = first_in(text))
			return std::string(call->name);
	if (const Node *node = find_node(parts_of(rule.id).first))
		if (const CallInfo *call = first_in(node->call))
			return std::string(call->name);
	return area_of(rule);
}

} // namespace ptelab::cli
