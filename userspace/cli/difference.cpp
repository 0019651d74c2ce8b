// SPDX-License-Identifier: GPL-2.0-or-later
#include "difference.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include <ptelab/node.hpp>

#include "call_table.hpp"

namespace ptelab::cli {
namespace {

constexpr const char *kOutcome = "the rule";

using Records = std::vector<const RuleResult *>; // of one rule, one for each kernel; null: it did not run there

const Value &nothing()
{
	static const Value null;
	return null;
}

void add_once(std::vector<std::string> &list, std::string_view text)
{
	if (!text.empty() && std::ranges::find(list, text) == list.end())
		list.emplace_back(text);
}

bool differ(const std::vector<Value> &values)
{
	return std::ranges::any_of(values, [&](const Value &value) { return !(value == values.front()); });
}

// Kernels that say nothing of it left out.
bool differ_where_told(std::vector<Value> values)
{
	std::erase_if(values, [](const Value &value) { return value.is_null(); });
	return differ(values);
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

// The differences of one rule on one node. Records has those that ran only, at their places in `all`.
std::vector<Difference> differences_of(const Records &all, const Records &ran)
{
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

	std::vector<std::string> of_the_rule;
	for (Difference &difference : found) {
		const Judged how = judged(ran, difference.what);
		for (const RuleResult *record : ran)
			if (difference.what == kOutcome || record->status == "expected_fail")
				add_once(difference.reasons, record->reason);
			else
				add_once(difference.reasons, record->why(difference.what));
		const bool failed = difference.what == kOutcome
					    ? std::ranges::any_of(ran, [](const RuleResult *record) { return record->status == "fail"; })
					    : !how.met;
		if (failed)
			difference.foreseen = Foreseen::kNo;
		else if (!difference.reasons.empty())
			difference.foreseen = Foreseen::kYes;
		else if (how.everywhere)
			difference.foreseen = Foreseen::kSilently;
		if (difference.foreseen == Foreseen::kYes)
			for (const std::string &reason : difference.reasons)
				add_once(of_the_rule, reason);
	}
	// What the rule expects, or does not even look at, after a difference whose reason it knows follows from that one.
	for (Difference &difference : found) {
		const bool one_sided = std::ranges::any_of(ran, [&](const RuleResult *record) {
			return difference.what != kOutcome && !record->observed.find(difference.what);
		});
		if (!of_the_rule.empty() && difference.reasons.empty() && judged(ran, difference.what).met &&
		    (difference.foreseen == Foreseen::kSilently || (difference.what != kOutcome && one_sided))) {
			difference.foreseen = Foreseen::kYes;
			difference.reasons = of_the_rule;
		}
	}
	return found;
}

std::string text_of(const std::vector<Difference> &differences)
{
	std::string text;
	for (const Difference &difference : differences) {
		text += difference.what;
		for (const Value &value : difference.values)
			text += "\n" + value.json();
		for (const std::string &reason : difference.reasons)
			text += "\n" + reason;
	}
	return text;
}

class Comparer {
public:
	explicit Comparer(const std::vector<KernelResults> &kernels)
	{
		for (const KernelResults &kernel : kernels)
			result_.kernels.push_back(&kernel);
	}

	Comparison all()
	{
		std::set<std::string_view> known;
		for (const KernelResults *kernel : result_.kernels)
			for (const RuleResult &rule : kernel->rules)
				if (known.insert(rule.id).second)
					look_at(rule.id);
		by_call();
		calls();
		probes();
		table(&KernelResults::gup, result_.pins);
		table(&KernelResults::kinds, result_.visibility);
		return std::move(result_);
	}

private:
	void look_at(const std::string &id)
	{
		Records all, ran;
		std::vector<bool> where;
		std::vector<std::string> why_not;
		for (const KernelResults *kernel : result_.kernels) {
			const RuleResult *record = kernel->find(id);
			if (kernel->rules.empty()) // it says nothing of any rule
				record = nullptr;
			else if (!record)
				add_once(why_not, "these results are older than the rule, or their run ended before it");
			else if (!record->ran())
				add_once(why_not, record->reason);
			if (record && !record->ran())
				record = nullptr;
			all.push_back(record);
			where.push_back(record != nullptr);
			if (record)
				ran.push_back(record);
		}
		if (!ran.empty() && !why_not.empty())
			cover(id, where, why_not);
		if (ran.size() < 2)
			return;
		++result_.in_common;
		std::vector<Difference> unforeseen, foreseen;
		for (Difference &difference : differences_of(all, ran))
			(difference.foreseen == Foreseen::kNo ? unforeseen : foreseen).push_back(std::move(difference));
		fold(*ran.front(), std::move(unforeseen), result_.unforeseen);
		fold(*ran.front(), std::move(foreseen), result_.foreseen);
	}

	void cover(const std::string &id, const std::vector<bool> &where, const std::vector<std::string> &why_not)
	{
		for (Coverage &coverage : result_.coverage)
			if (coverage.ran == where && coverage.reasons == why_not)
				return coverage.rules.push_back(id);
		result_.coverage.push_back({.ran = where, .reasons = why_not, .rules = {id}});
	}

	// Adds the node to those of the same rule that differ in the same way, if there are.
	void fold(const RuleResult &record, std::vector<Difference> differences, std::vector<RuleDifference> &into)
	{
		if (differences.empty())
			return;
		const auto [node, rule] = parts_of(record.id);
		std::string key = fmt::format("{}\n{}\n{}", rule, record.statement, text_of(differences));
		const auto [place, is_new] = folded_[&into].try_emplace(std::move(key), into.size());
		if (is_new)
			into.push_back({.call = "", .rule = std::string(rule), .nodes = {}, .about = &record, .differences = std::move(differences)});
		if (!node.empty())
			into[place->second].nodes.emplace_back(node);
	}

	static std::size_t rank(const std::string &call)
	{
		const auto found = std::ranges::find(ptelab::cli::calls(), call, &CallInfo::name);
		return static_cast<std::size_t>(found - ptelab::cli::calls().begin());
	}

	void by_call()
	{
		for (auto *list : {&result_.unforeseen, &result_.foreseen}) {
			for (RuleDifference &rule : *list)
				// What is the same on nodes of several calls is none's in particular, if the rule itself names none.
				rule.call = rule.nodes.size() > 1 && !names_a_call(*rule.about)
						    ? area_of(*rule.about)
						    : subject_of(*rule.about);
			std::ranges::stable_sort(*list, [](const RuleDifference &left, const RuleDifference &right) {
				const std::size_t first = rank(left.call), second = rank(right.call);
				return first != second ? first < second : left.call < right.call;
			});
		}
	}

	void calls()
	{
		std::set<std::string_view> known;
		for (const KernelResults *kernel : result_.kernels)
			for (const auto &[name, entry] : kernel->reached.members())
				if (known.insert(name).second)
					call(name);
	}

	void call(const std::string &name)
	{
		Difference difference{.what = name};
		for (const KernelResults *kernel : result_.kernels)
			difference.values.push_back(presence(*kernel, name));
		if (!differ_where_told(difference.values))
			return;
		if (const CallInfo *info = find_call(name); info && info->name == name && !info->since.empty()) {
			add_once(difference.reasons, info->since);
			add_once(difference.reasons, info->advice);
		}
		difference.foreseen = difference.reasons.empty() ? Foreseen::kSilently : Foreseen::kYes;
		result_.calls.push_back(std::move(difference));
	}

	void probes()
	{
		std::vector<std::string> names;
		for (const KernelResults *kernel : result_.kernels)
			for (const auto &[name, there] : kernel->features)
				add_once(names, name);
		for (const std::string &name : names) {
			Difference difference{.what = name, .foreseen = Foreseen::kYes};
			for (const KernelResults *kernel : result_.kernels) {
				const auto found = std::ranges::find(kernel->features, name, &std::pair<std::string, bool>::first);
				if (found == kernel->features.end())
					difference.values.emplace_back();
				else
					difference.values.emplace_back(found->second);
			}
			for (const Feature &feature : features())
				if (feature.name == name)
					difference.reasons.emplace_back(feature.meaning);
			if (differ_where_told(difference.values))
				result_.probes.push_back(std::move(difference));
		}
	}

	void table(Value KernelResults::*which, std::vector<TableDifference> &into)
	{
		const Value *columns = nullptr;
		std::vector<std::string> nodes;
		for (const KernelResults *kernel : result_.kernels) {
			const Value *rows = (kernel->*which).find("nodes");
			if (!rows)
				continue;
			columns = (kernel->*which).find("columns");
			for (const auto &[node, cells] : rows->members())
				add_once(nodes, node);
		}
		if (!columns)
			return;
		for (const Value &column : columns->items())
			for (const std::string &node : nodes)
				cell(which, column, node, into);
	}

	void cell(Value KernelResults::*which, const Value &column, const std::string &node, std::vector<TableDifference> &into)
	{
		const std::string key(column.find("key")->text());
		Difference difference{.what = key, .foreseen = Foreseen::kSilently};
		for (const KernelResults *kernel : result_.kernels) {
			const Value *rows = (kernel->*which).find("nodes");
			const Value *row = rows ? rows->find(node) : nullptr;
			const Value *cell = row ? row->find(key) : nullptr;
			difference.values.push_back(cell ? *cell->find("text") : nothing());
			if (const Value *remark = cell ? cell->find("remark") : nullptr)
				add_once(difference.reasons, remark->text());
		}
		if (!differ_where_told(difference.values))
			return;
		for (TableDifference &other : into)
			if (other.column == key && other.difference.values == difference.values && other.difference.reasons == difference.reasons)
				return other.nodes.push_back(node);
		into.push_back({.column = key, .meaning = std::string(column.find("meaning")->text()), .nodes = {node}, .difference = std::move(difference)});
	}

	Comparison result_;
	std::map<const std::vector<RuleDifference> *, std::map<std::string, std::size_t>> folded_;
};

} // namespace

bool Comparison::same() const
{
	return unforeseen.empty() && foreseen.empty() && coverage.empty() && calls.empty() && probes.empty() && pins.empty() && visibility.empty();
}

std::size_t Comparison::count(Foreseen wanted) const
{
	std::size_t sum = 0;
	for (const auto *list : {&unforeseen, &foreseen})
		for (const RuleDifference &rule : *list)
			sum += static_cast<std::size_t>(std::ranges::count(rule.differences, wanted, &Difference::foreseen));
	return sum;
}

Comparison compare(const std::vector<KernelResults> &kernels)
{
	return Comparer(kernels).all();
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

Value presence(const KernelResults &kernel, std::string_view call)
{
	constexpr std::string_view kSuccessor = "successor ";
	const Value *entry = kernel.reached.find(call);
	if (!entry)
		return {};
	for (const char *why_not : {"absent", "barred"})
		if (const Value *reason = entry->find(why_not))
			return *reason;
	const Value *other = entry->find("stands_for_it");
	if (other && other->text().starts_with(kSuccessor))
		return "as " + std::string(other->text().substr(kSuccessor.size()));
	return "there";
}

} // namespace ptelab::cli
