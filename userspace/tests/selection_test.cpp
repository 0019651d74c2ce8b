// SPDX-License-Identifier: GPL-2.0-or-later
// Which rules a run with --nodes and --share takes.
#include <algorithm>
#include <deque>
#include <set>
#include <tuple>

#include <doctest/doctest.h>

#include <fmt/core.h>

#include "lab.hpp"
#include "selection.hpp"

namespace ptelab {
namespace {

// What makes two nodes one kind, each part from where it is written down already: the node's row, and the masks of lab.hpp.
auto kind_of(const Node &node)
{
	const bool is_prepare = is_one_of(node, kPrepareNodes);
	// The actions of ->mmap_prepare and what they act on; the masks are of nodes with ->mmap.
	const __u32 mask_bits = is_prepare ? 0 : bit_of(node.method);
	return std::tuple(std::string_view(node.faults ? "fault" : is_prepare ? "prepared" : node.method == PTELAB_BARE ? "call" : "mmap"),
			  is_prepare, node.pfn, node.access, node.backing == PTELAB_BACKING_DEVICE, (mask_bits & kPlainNodes) != 0,
			  (mask_bits & kUncountedNodes) != 0, (mask_bits & kHugeNodes) != 0);
}

struct Rules {
	std::deque<RuleInfo> all;
	std::vector<const RuleInfo *> list;

	void add(const std::string &name, const Node *node, Traits traits = {})
	{
		list.push_back(&all.emplace_back(RuleInfo{name, node, traits, __FILE__, __LINE__, nullptr}));
	}
};

Rules per_node_and_not()
{
	Rules rules;
	for (const char *name : {"a", "b"}) {
		rules.add(name, nullptr);
		for (const Node &node : nodes())
			rules.add(fmt::format("{}.{}", node.name, name), &node);
	}
	rules.add("answer", &node_of(PTELAB_IOMAP), {.answers_host = true});
	return rules;
}

std::set<std::string> taken(const Rules &rules, const Selection &selection)
{
	std::set<std::string> names;
	for (const RuleInfo *rule : selected(selection, rules.list))
		names.insert(rule->name);
	return names;
}

Selection asked_for(std::initializer_list<const char *> arguments)
{
	const std::vector<const char *> words(arguments);
	return selection_of(words);
}

TEST_CASE("selection.one_node_stands_for_each_kind_and_only_one")
{
	std::multiset<decltype(kind_of(nodes().front()))> chosen;
	for (const Node &node : nodes())
		if (is_one_of(node, kOneOfEachKind))
			chosen.insert(kind_of(node));
	for (const Node &node : nodes()) {
		CAPTURE(node.name);
		CHECK(chosen.count(kind_of(node)) == 1);
	}
}

TEST_CASE("selection.nothing_asked_for_is_everything")
{
	const Rules rules = per_node_and_not();
	CHECK(taken(rules, asked_for({"ptelab-tests", "-tc=zap*"})).size() == rules.list.size());
	CHECK(taken(rules, asked_for({"--nodes=all", "--share=1/1"})).size() == rules.list.size());
}

TEST_CASE("selection.one_of_each_leaves_out_variations_and_nothing_else")
{
	const std::set<std::string> names = taken(per_node_and_not(), asked_for({"--nodes=one-of-each"}));
	CHECK(names.contains("a"));
	CHECK(names.contains("remap_pfn.a"));
	CHECK(names.contains("huge_folio.b"));
	CHECK_FALSE(names.contains("map_pages.a"));
	CHECK_FALSE(names.contains("prepare_ioremap.b"));
}

TEST_CASE("selection.shares_are_apart_and_together_all")
{
	const Rules rules = per_node_and_not();
	for (const __u32 mask : {~0U, kOneOfEachKind}) {
		const std::set<std::string> whole = taken(rules, {.nodes = mask});
		std::multiset<std::string> together;
		for (unsigned share = 1; share <= 3; ++share) {
			const std::set<std::string> part = taken(rules, {.nodes = mask, .share = share, .shares = 3});
			CHECK(part.size() <= whole.size() / 3 + 2);
			CHECK(part.contains("answer")); // the host asks each machine
			together.insert(part.begin(), part.end());
		}
		CHECK(std::set<std::string>(together.begin(), together.end()) == whole);
		CHECK(together.size() == whole.size() + 2);
	}
}

TEST_CASE("selection.nonsense_is_refused_with_what_to_give")
{
	for (const char *word : {"--nodes=", "--nodes=some", "--share=", "--share=1", "--share=0/2", "--share=3/2", "--share=1/2x", "--share=-1/2",
				 "--share=a/b", "--share=1/"}) {
		CAPTURE(word);
		CHECK_THROWS_AS(asked_for({word}), BadSelection);
	}
}

} // namespace
} // namespace ptelab
