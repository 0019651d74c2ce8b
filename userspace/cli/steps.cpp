// SPDX-License-Identifier: GPL-2.0-or-later
#include "steps.hpp"

#include <array>
#include <charconv>
#include <tuple>

#include <fmt/core.h>

namespace ptelab::cli {
namespace {

struct Word {
	std::string_view name;
	Verb verb;
	bool takes_pages;
};

constexpr std::array kWords{
	Word{"touch", Verb::kTouch, true}, Word{"write", Verb::kWrite, true},	Word{"zap", Verb::kZap, true},
	Word{"zap-special", Verb::kZapSpecial, true}, Word{"unmap", Verb::kUnmap, true}, Word{"revoke", Verb::kRevoke, false},
	Word{"restore", Verb::kRestore, false},
};

const Word &word_of(std::string_view name)
{
	std::string known;
	for (const Word &word : kWords) {
		if (word.name == name)
			return word;
		known += (known.empty() ? "" : ", ") + std::string(word.name);
	}
	throw UsageError(fmt::format("\"{}\" is no step: use one of {}", name, known));
}

std::size_t parse_number(std::string_view text)
{
	std::size_t number = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
	if (error != std::errc() || end != text.data() + text.size())
		throw UsageError(fmt::format("\"{}\" is no page number: write one as 5, a range as 0-3", text));
	return number;
}

} // namespace

std::string Step::text() const
{
	for (const Word &word : kWords) {
		if (word.verb != verb)
			continue;
		if (!word.takes_pages)
			return std::string(word.name);
		return first == last ? fmt::format("{}={}", word.name, first) : fmt::format("{}={}-{}", word.name, first, last);
	}
	return "?";
}

std::pair<std::size_t, std::size_t> parse_pages(std::string_view text, std::size_t pages)
{
	const std::size_t dash = text.find('-');
	const std::size_t first = parse_number(text.substr(0, dash));
	const std::size_t last = dash == text.npos ? first : parse_number(text.substr(dash + 1));

	if (first > last)
		throw UsageError(fmt::format("\"{}\" runs backwards: write the smaller page first", text));
	if (last >= pages)
		throw UsageError(fmt::format("page {} is not in the mapping: it has {} pages, 0 to {}", last, pages, pages - 1));
	return {first, last};
}

std::vector<Step> parse_steps(std::string_view text, std::size_t pages)
{
	std::vector<Step> steps;

	while (!text.empty()) {
		const std::size_t comma = text.find(',');
		const std::string_view item = text.substr(0, comma);
		text = comma == text.npos ? "" : text.substr(comma + 1);

		const std::size_t equals = item.find('=');
		const Word &word = word_of(item.substr(0, equals));
		if (word.takes_pages != (equals != item.npos))
			throw UsageError(word.takes_pages ? fmt::format("\"{0}\" needs pages: write {0}=0 or {0}=0-3", word.name)
							  : fmt::format("\"{0}\" takes no pages: write {0}", word.name));
		Step step{.verb = word.verb};
		if (word.takes_pages)
			std::tie(step.first, step.last) = parse_pages(item.substr(equals + 1), pages);
		steps.push_back(step);
	}
	return steps;
}

} // namespace ptelab::cli
