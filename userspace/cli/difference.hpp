// SPDX-License-Identifier: GPL-2.0-or-later
// What differs between kernels, found in their results.
#ifndef PTELAB_CLI_DIFFERENCE_HPP
#define PTELAB_CLI_DIFFERENCE_HPP

#include <string>
#include <string_view>
#include <vector>

#include "results.hpp"

namespace ptelab::cli {

enum class Foreseen {
	kNo,	   // no rule expected it: it was observed without being judged, or the expectation was not met
	kSilently, // the rule expected it, and does not say why
	kYes	   // a rule, or the table of calls, knows the reason
};

// One thing, and what each kernel has there; null: nothing, as the rule took another way or did not run.
struct Difference {
	std::string what;
	std::vector<Value> values = {}; // one for each kernel
	std::vector<std::string> reasons = {};
	Foreseen foreseen = Foreseen::kNo;
};

// A rule's differences, for all nodes where they are the same.
struct RuleDifference {
	std::string call; // whose behaviour it is; where that is none of the family's, the rule's area
	std::string rule; // without the node
	std::vector<std::string> nodes; // empty: about none in particular
	const RuleResult *about; // one of its records, for statement, source and contract
	std::vector<Difference> differences;
};

// Rules that only some of the kernels ran, for the same reason.
struct Coverage {
	std::vector<bool> ran; // one for each kernel
	std::vector<std::string> reasons; // why the others did not
	std::vector<std::string> rules;
};

// One column of a table, for all nodes where it differs in the same way.
struct TableDifference {
	std::string column;
	std::string meaning;
	std::vector<std::string> nodes;
	Difference difference;
};

struct Comparison {
	std::vector<const KernelResults *> kernels;
	std::size_t in_common = 0; // rules that at least two of them ran
	std::vector<RuleDifference> unforeseen;
	std::vector<RuleDifference> foreseen; // ordered by call
	std::vector<Coverage> coverage;
	std::vector<Difference> calls;	// of the family: there, replaced, gone
	std::vector<Difference> probes; // of the module's build
	std::vector<TableDifference> pins;
	std::vector<TableDifference> visibility;

	bool same() const;
	std::size_t count(Foreseen foreseen) const;
};

Comparison compare(const std::vector<KernelResults> &kernels);

// Whose behaviour a rule is about: the call that its statement, its source or its node names; else its area.
std::string subject_of(const RuleResult &rule);
// It is named by the rule itself: the same on each node.
bool names_a_call(const RuleResult &rule);
// How a kernel has a call of the family, from its reach table: "there", "as NAME", or why it is not to be had; null: unknown.
Value presence(const KernelResults &kernel, std::string_view call);

} // namespace ptelab::cli

#endif
