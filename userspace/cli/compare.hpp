// SPDX-License-Identifier: GPL-2.0-or-later
// A comparison of kernels as text for a terminal, as Markdown, and as JSON.
#ifndef PTELAB_CLI_COMPARE_HPP
#define PTELAB_CLI_COMPARE_HPP

#include <string>

#include "comparison.hpp"
#include "terminal.hpp"

namespace ptelab::cli {

std::string comparison_text(const Comparison &comparison, const Terminal &terminal);
// Parts of that text: the rules that differ; and differences with a column, or a line, for each kernel.
std::string rules_text(const Comparison &comparison, const Terminal &terminal);
std::string differences_text(const Comparison &comparison, const std::vector<Difference> &differences, const Terminal &terminal);
std::string comparison_markdown(const Comparison &comparison);
Value comparison_json(const Comparison &comparison);

// What is the same in all three: "12 differences: ..."
std::string summary_of(const Comparison &comparison);
// "6.1.0 x86_64 cloud 997 rules: pass"
std::string headline_of(const KernelResults &kernel);
// One rule, for all its nodes: "zero_page on insert_page, fault_page"
std::string rule_name(const RuleDifference &rule);

} // namespace ptelab::cli

#endif
