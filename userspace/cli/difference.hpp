// SPDX-License-Identifier: GPL-2.0-or-later
// What of one rule differs between kernels, and whether the rule foresaw it.
#ifndef PTELAB_CLI_DIFFERENCE_HPP
#define PTELAB_CLI_DIFFERENCE_HPP

#include <string>
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
	std::string note = {}; // what it is, or what to use in its place
	Foreseen foreseen = Foreseen::kNo;
};

// The records of one rule, one for each kernel; null: it did not run there.
using Records = std::vector<const RuleResult *>;
std::vector<Difference> differences_of(const Records &records);

// Null is equal to null.
bool differ(const std::vector<Value> &values);
// Appends what is not "" and not there yet.
void add_once(std::vector<std::string> &list, std::string_view text);

// Whose behaviour a rule is about: the call that its statement, its source or its node names; else its area.
std::string subject_of(const RuleResult &rule);
// It is named by the rule itself: the same on each node.
bool names_a_call(const RuleResult &rule);
} // namespace ptelab::cli

#endif
