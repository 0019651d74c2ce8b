// SPDX-License-Identifier: GPL-2.0-or-later
#include "selection.hpp"

#include <charconv>
#include <string_view>

#include <fmt/core.h>

namespace ptelab {
namespace {

constexpr std::string_view kNodes = "--nodes=";
constexpr std::string_view kShare = "--share=";

__u32 nodes_of(std::string_view word)
{
	if (word == "all")
		return ~0U;
	if (word == "one-of-each")
		return kOneOfEachKind;
	throw BadSelection(fmt::format("--nodes={}: give all or one-of-each", word));
}

bool parse(std::string_view text, unsigned &number)
{
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
	return error == std::errc() && end == text.data() + text.size();
}

void share_of(std::string_view word, Selection &selection)
{
	const std::size_t slash = word.find('/');
	if (slash == word.npos || !parse(word.substr(0, slash), selection.share) || !parse(word.substr(slash + 1), selection.shares) ||
	    selection.share < 1 || selection.share > selection.shares)
		throw BadSelection(fmt::format("--share={}: give I/N, from 1/N to N/N", word));
}

} // namespace

Selection selection_of(std::span<const char *const> arguments)
{
	Selection selection;
	for (const std::string_view argument : arguments) {
		if (argument.starts_with(kNodes))
			selection.nodes = nodes_of(argument.substr(kNodes.size()));
		else if (argument.starts_with(kShare))
			share_of(argument.substr(kShare.size()), selection);
	}
	return selection;
}

std::vector<const RuleInfo *> selected(const Selection &selection, std::span<const RuleInfo *const> rules)
{
	std::vector<const RuleInfo *> taken;
	unsigned turn = 0;
	for (const RuleInfo *rule : rules) {
		if (rule->node && !(selection.nodes & bit_of(rule->node->method)))
			continue;
		if (rule->traits.answers_host || turn++ % selection.shares + 1 == selection.share)
			taken.push_back(rule);
	}
	return taken;
}

} // namespace ptelab
