// SPDX-License-Identifier: GPL-2.0-or-later
// A comparison as Markdown.
#include <fmt/core.h>

#include "compare.hpp"

namespace ptelab::cli {
namespace {

// In a cell of a table: no bar and no line break may end it.
std::string cell(std::string_view text)
{
	std::string escaped;
	for (const char c : text) {
		if (c == '|' || c == '\\' || c == '<' || c == '*' || c == '_' || c == '`')
			escaped += '\\';
		escaped += c == '\n' ? std::string("<br>") : std::string(1, c);
	}
	return escaped;
}

class Markdown {
public:
	explicit Markdown(const Comparison &comparison) : comparison_(comparison) {}

	std::string all()
	{
		std::string title;
		for (const KernelResults *kernel : comparison_.kernels)
			title += (title.empty() ? "" : ", ") + kernel->cell;
		text_ = fmt::format("# What differs between {}\n\n", title);
		for (const KernelResults *kernel : comparison_.kernels)
			text_ += fmt::format("- {}: {}\n", kernel->cell, headline_of(*kernel));
		text_ += "\n" + (comparison_.same() ? std::string("They do not differ.") : summary_of(comparison_)) + "\n";
		rules("No rule expected these", comparison_.unforeseen);
		rules("What the rules expected", comparison_.foreseen);
		section("Calls", comparison_.calls);
		section("Probes of the module's build", comparison_.probes);
		table("Who may pin what", comparison_.pins);
		table("What user space is told", comparison_.visibility);
		coverage();
		return std::move(text_);
	}

private:
	void rules(std::string_view title, const std::vector<RuleDifference> &list)
	{
		if (list.empty())
			return;
		text_ += fmt::format("\n## {}\n", title);
		std::string call;
		for (const RuleDifference &rule : list) {
			if (rule.call != call)
				text_ += fmt::format("\n### {}\n", rule.call);
			call = rule.call;
			text_ += fmt::format("\n**{}**{}{}: {}  \nKernel source: `{}`\n\n", cell(rule_name(rule)), rule.about->contract.empty() ? "" : " ",
					     rule.about->contract, cell(rule.about->statement), rule.about->source);
			rows(rule.differences);
		}
	}

	void head(std::string_view first)
	{
		std::string names = fmt::format("| {} |", first), rule = "| --- |";
		for (const KernelResults *kernel : comparison_.kernels) {
			names += fmt::format(" {} |", cell(kernel->cell));
			rule += " --- |";
		}
		text_ += names + " because |\n" + rule + " --- |\n";
	}

	void row(const std::string &name, const Difference &difference)
	{
		text_ += fmt::format("| {} |", cell(name));
		for (const Value &value : difference.values)
			text_ += fmt::format(" {} |", value.is_null() ? "" : cell(shown(value)));
		std::string reasons = difference.note;
		for (const std::string &reason : difference.reasons)
			reasons += (reasons.empty() ? "" : "; ") + reason;
		text_ += fmt::format(" {} |\n", cell(reasons));
	}

	void rows(const std::vector<Difference> &differences)
	{
		head("observed");
		for (const Difference &difference : differences)
			row(difference.what, difference);
	}

	void section(std::string_view title, const std::vector<Difference> &differences)
	{
		if (differences.empty())
			return;
		text_ += fmt::format("\n## {}\n\n", title);
		rows(differences);
	}

	void table(std::string_view title, const std::vector<TableDifference> &cells)
	{
		if (cells.empty())
			return;
		text_ += fmt::format("\n## {}\n\n", title);
		head("column: nodes");
		for (const TableDifference &one : cells) {
			std::string nodes;
			for (const std::string &node : one.nodes)
				nodes += (nodes.empty() ? "" : ", ") + node;
			row(fmt::format("{}: {}", one.column, nodes), one.difference);
		}
	}

	void coverage()
	{
		if (comparison_.coverage.empty())
			return;
		text_ += "\n## Rules that ran on some only\n\n";
		for (const Coverage &some : comparison_.coverage) {
			std::string where, why, list;
			for (std::size_t i = 0; i < some.ran.size(); ++i)
				if (some.ran[i])
					where += (where.empty() ? "" : ", ") + comparison_.kernels[i]->cell;
			for (const std::string &reason : some.reasons)
				why += (why.empty() ? "" : "; ") + reason;
			for (const std::string &rule : some.rules)
				list += (list.empty() ? "" : ", ") + fmt::format("`{}`", rule);
			text_ += fmt::format("- on {} only, {}: {}\n", where, why, list);
		}
	}

	const Comparison &comparison_;
	std::string text_;
};

} // namespace

std::string comparison_markdown(const Comparison &comparison)
{
	return Markdown(comparison).all();
}

} // namespace ptelab::cli
