// SPDX-License-Identifier: GPL-2.0-or-later
// A comparison on a terminal.
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "compare.hpp"
#include "table_view.hpp"

namespace ptelab::cli {
namespace {

constexpr std::size_t kRuleIndent = 4;
constexpr std::size_t kColumnGap = 2;
constexpr std::size_t kLeastText = 40;
constexpr std::size_t kWidestLabel = 52;
constexpr const char *kNothing = "-";

// Two lines of a long text that differ tell more than its beginning.
std::string telling_line(const std::string &text, const Difference &difference)
{
	const auto line_of = [](const std::string &from, std::size_t start) { return from.substr(start, from.find('\n', start) - start); };
	std::size_t same = text.size();
	for (const Value &other : difference.values) {
		if (!other.is_text() || other.text() == text)
			continue;
		const std::string_view there = other.text();
		same = std::min(same, static_cast<std::size_t>(std::ranges::mismatch(text, there).in1 - text.begin()));
	}
	const std::size_t start = same == 0 ? 0 : text.rfind('\n', same - 1) + 1;
	return text.find('\n') == text.npos ? text : "... " + line_of(text, start) + " ...";
}

std::string text_of(const Value &value, const Difference &difference)
{
	return value.is_null() ? kNothing : telling_line(shown(value), difference);
}

class ComparisonText {
public:
	ComparisonText(const Comparison &comparison, const Terminal &terminal)
		: comparison_(comparison), terminal_(terminal), width_(std::max(terminal.width, kLeastText))
	{
	}

	std::string all()
	{
		kernels();
		rules("No rule expected these", comparison_.unforeseen, true);
		rules("What the rules expected", comparison_.foreseen, false);
		section("Calls", comparison_.calls);
		section("Probes of the module's build", comparison_.probes);
		table("Who may pin what (ptelab gup)", comparison_.pins);
		table("What user space is told (ptelab kinds)", comparison_.visibility);
		coverage();
		legend();
		return std::move(text_);
	}

	std::string only_rules()
	{
		rules("No rule expected these", comparison_.unforeseen, true);
		rules("What differs", comparison_.foreseen, false);
		return std::move(text_);
	}

	std::string only(const std::vector<Difference> &differences)
	{
		block(differences);
		return std::move(text_);
	}

private:
	void kernels()
	{
		std::size_t widest = 0;
		for (const KernelResults *kernel : comparison_.kernels)
			widest = std::max(widest, kernel->cell.size());
		for (const KernelResults *kernel : comparison_.kernels) {
			const std::string line = fmt::format("{:<{}}  {}{}", kernel->cell, widest, headline_of(*kernel),
							     kernel->partial.empty() ? "" : ", a part of the rules: " + kernel->partial);
			text_ += (kernel->verdict == "pass" ? line : terminal_.bad(line)) + "\n";
		}
		text_ += "\n" + wrapped(comparison_.same() ? "They do not differ." : summary_of(comparison_), width_, 0) + "\n";
	}

	void rules(const std::string &title, const std::vector<RuleDifference> &list, bool alarming)
	{
		if (list.empty())
			return;
		heading(title, alarming);
		std::string call;
		for (const RuleDifference &rule : list) {
			if (rule.call != call)
				text_ += "\n" + terminal_.bold(rule.call) + "\n";
			call = rule.call;
			paragraph(kRuleIndent, fmt::format("  {}{}{}", rule_name(rule), rule.about->contract.empty() ? "" : "  ", rule.about->contract));
			if (!rule.about->statement.empty())
				paragraph(kRuleIndent, "    " + rule.about->statement);
			if (!rule.about->source.empty())
				paragraph(6, "    kernel source: " + rule.about->source);
			block(rule.differences);
		}
	}

	void heading(const std::string &title, bool alarming = false)
	{
		const std::string line(std::min(width_, title.size()), '=');
		text_ += "\n" + (alarming ? terminal_.bad(title) : terminal_.bold(title)) + "\n" + line + "\n";
	}

	void section(const std::string &title, const std::vector<Difference> &differences)
	{
		if (differences.empty())
			return;
		heading(title);
		block(differences);
	}

	void table(const std::string &title, const std::vector<TableDifference> &cells)
	{
		if (cells.empty())
			return;
		heading(title);
		for (const TableDifference &cell : cells) {
			std::string nodes;
			for (const std::string &node : cell.nodes)
				nodes += (nodes.empty() ? "" : ", ") + node;
			paragraph(kRuleIndent, "  " + nodes);
			block({cell.difference});
		}
	}

	// The observations one below the other, a column for each kernel; where that is too wide, a line for each value.
	void block(const std::vector<Difference> &differences)
	{
		std::size_t label = 0, sum = 0;
		for (const Difference &difference : differences)
			label = std::max(label, difference.what.size());
		label = std::min(label, kWidestLabel);
		std::vector<std::size_t> widths;
		for (std::size_t i = 0; i < comparison_.kernels.size(); ++i) {
			std::size_t width = comparison_.kernels[i]->cell.size();
			for (const Difference &difference : differences)
				width = std::max(width, text_of(difference.values[i], difference).size());
			widths.push_back(width);
			sum += width + kColumnGap;
		}
		const bool columns = kRuleIndent + label + sum <= width_;
		if (columns) {
			std::string head = fmt::format("{:{}}", "", kRuleIndent + label);
			for (std::size_t i = 0; i < widths.size(); ++i)
				head += fmt::format("  {:<{}}", comparison_.kernels[i]->cell, widths[i]);
			text_ += terminal_.paint("2", trimmed(head)) + "\n";
		}
		// A reason that the next line shares is told once, after the last of them.
		for (std::size_t i = 0; i < differences.size(); ++i) {
			columns ? row(differences[i], label, widths) : stack(differences[i]);
			if (!differences[i].note.empty())
				paragraph(6, "      " + differences[i].note);
			if (i + 1 == differences.size() || differences[i + 1].reasons != differences[i].reasons)
				for (const std::string &reason : differences[i].reasons)
					paragraph(15, "      because: " + reason);
		}
	}

	void row(const Difference &difference, std::size_t label, const std::vector<std::size_t> &widths)
	{
		std::string line = fmt::format("{:{}}{:<{}}", "", kRuleIndent, difference.what, label);
		if (difference.what.size() > label)
			line += fmt::format("\n{:{}}", "", kRuleIndent + label);
		for (std::size_t i = 0; i < widths.size(); ++i)
			line += fmt::format("  {:<{}}", text_of(difference.values[i], difference), widths[i]);
		text_ += trimmed(line) + "\n";
	}

	// A line for each value, with the kernels that have it.
	void stack(const Difference &difference)
	{
		std::vector<std::pair<std::string, std::string>> lines;
		for (std::size_t i = 0; i < difference.values.size(); ++i) {
			const std::string value = text_of(difference.values[i], difference);
			const auto known = std::ranges::find(lines, value, &std::pair<std::string, std::string>::first);
			if (known == lines.end())
				lines.emplace_back(value, comparison_.kernels[i]->cell);
			else
				known->second += ", " + comparison_.kernels[i]->cell;
		}
		text_ += fmt::format("    {}\n", difference.what);
		for (const auto &[value, kernels] : lines)
			paragraph(8, fmt::format("      {}: {}", kernels, value));
	}

	void coverage()
	{
		if (comparison_.coverage.empty())
			return;
		heading("Rules that ran on some only");
		for (const Coverage &some : comparison_.coverage) {
			std::string where, why;
			for (std::size_t i = 0; i < some.ran.size(); ++i)
				if (some.ran[i])
					where += (where.empty() ? "" : ", ") + comparison_.kernels[i]->cell;
			for (const std::string &reason : some.reasons)
				why += (why.empty() ? "" : "; ") + reason;
			paragraph(kRuleIndent, fmt::format("  {} on {} only: {}", some.rules.size(), where, why));
			// Once for all nodes.
			std::set<std::string_view> names;
			std::string list;
			for (const std::string &rule : some.rules)
				if (names.insert(parts_of(rule).second).second)
					list += (list.empty() ? "" : ", ") + std::string(parts_of(rule).second);
			paragraph(kRuleIndent, "    " + list);
		}
	}

	void legend()
	{
		if (!comparison_.same())
			paragraph(0, "\n\"-\": the rule did not observe it there. \"... line ...\": the first line of a longer text that differs.");
	}

	void paragraph(std::size_t indent, const std::string &text) { text_ += wrapped(text, width_, indent) + "\n"; }

	static std::string trimmed(std::string line)
	{
		line.erase(line.find_last_not_of(' ') + 1);
		return line;
	}

	const Comparison &comparison_;
	const Terminal &terminal_;
	std::size_t width_;
	std::string text_;
};

} // namespace

std::string comparison_text(const Comparison &comparison, const Terminal &terminal)
{
	return ComparisonText(comparison, terminal).all();
}

std::string rules_text(const Comparison &comparison, const Terminal &terminal)
{
	return ComparisonText(comparison, terminal).only_rules();
}

std::string differences_text(const Comparison &comparison, const std::vector<Difference> &differences, const Terminal &terminal)
{
	return ComparisonText(comparison, terminal).only(differences);
}

} // namespace ptelab::cli
