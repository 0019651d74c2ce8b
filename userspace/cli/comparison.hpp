// SPDX-License-Identifier: GPL-2.0-or-later
// All that differs between kernels: rules, calls, probes, tables.
#ifndef PTELAB_CLI_COMPARISON_HPP
#define PTELAB_CLI_COMPARISON_HPP

#include <string>
#include <string_view>
#include <vector>

#include "difference.hpp"

namespace ptelab::cli {

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

// How a kernel has a call of the family, from its reach table: "there", "as NAME", or why it is not to be had; null: unknown.
Value presence(const KernelResults &kernel, std::string_view call);

} // namespace ptelab::cli

#endif
