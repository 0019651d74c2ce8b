// SPDX-License-Identifier: GPL-2.0-or-later
#include "comparison.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include <ptelab/node.hpp>

#include "call_table.hpp"
#include "page_size.hpp"

namespace ptelab::cli {
namespace {

// Kernels that say nothing of it left out.
bool differ_where_told(std::vector<Value> values)
{
	std::erase_if(values, [](const Value &value) { return value.is_null(); });
	return differ(values);
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
				add_once(why_not, kernel->partial.empty()
							  ? "these results are older than the rule, or their run ended before it"
							  : fmt::format("the run was of a part of the rules: {}", kernel->partial));
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
		for (Difference &difference : differences_of(all)) {
			if (difference.foreseen == Foreseen::kSilently)
				explain_by_page_size(difference, all);
			(difference.foreseen == Foreseen::kNo ? unforeseen : foreseen).push_back(std::move(difference));
		}
		fold(*ran.front(), std::move(unforeseen), result_.unforeseen);
		fold(*ran.front(), std::move(foreseen), result_.foreseen);
	}

	void explain_by_page_size(Difference &difference, const Records &records) const
	{
		std::vector<Sized> seen;
		for (std::size_t i = 0; i < records.size(); ++i)
			if (records[i])
				seen.push_back({difference.values[i].number(), result_.kernels[i]->page_size});
		add_once(difference.reasons, same_but_for_page_size(seen));
		if (!difference.reasons.empty())
			difference.foreseen = Foreseen::kYes;
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
			difference.note = info->advice;
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
					difference.note = feature.meaning;
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
		Difference difference{.what = key, .note = std::string(column.find("meaning")->text()), .foreseen = Foreseen::kSilently};
		for (const KernelResults *kernel : result_.kernels) {
			const Value *rows = (kernel->*which).find("nodes");
			const Value *row = rows ? rows->find(node) : nullptr;
			const Value *cell = row ? row->find(key) : nullptr;
			difference.values.emplace_back();
			if (cell)
				difference.values.back() = *cell->find("text");
			if (const Value *remark = cell ? cell->find("remark") : nullptr)
				add_once(difference.reasons, remark->text());
		}
		if (!differ_where_told(difference.values))
			return;
		for (TableDifference &other : into)
			if (other.column == key && other.difference.values == difference.values && other.difference.reasons == difference.reasons)
				return other.nodes.push_back(node);
		into.push_back({.column = key, .nodes = {node}, .difference = std::move(difference)});
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
