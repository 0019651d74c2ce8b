// SPDX-License-Identifier: GPL-2.0-or-later
// What kernels did: the files that scripts/run-cell leaves in build/results.
#ifndef PTELAB_CLI_RESULTS_HPP
#define PTELAB_CLI_RESULTS_HPP

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ptelab/value.hpp>

namespace ptelab::cli {

inline constexpr const char *kResultsFolder = "build/results";

struct RuleResult {
	std::string id;
	std::string contract;
	std::string statement;
	std::string source;
	std::string file;
	std::uint64_t line = 0;
	std::string status; // pass, fail, expected_fail, skip
	std::string reason; // of a status other than pass
	Value observed = Value::Object{}; // without what varies, and what was an object is taken apart: "name / member"
	Value expected = Value::Object{}; // likewise
	Value because = Value::Object{};  // names or globs of observations, and why they are so on this kernel
	std::vector<std::string> varies = {}; // globs of observations that differ from run to run

	bool ran() const { return status != "skip"; }
	bool is_varying(std::string_view observation) const;
	std::string_view why(std::string_view observation) const; // "": the rule does not say
};

struct KernelResults {
	std::string cell; // the name that it goes by
	std::string release;
	std::string version;
	std::string arch;
	std::string flavour;
	std::string compiler; // "": not recorded
	std::uint64_t page_size = 0; // in bytes; 0: not recorded
	std::string verdict;
	std::string reason;
	std::string partial; // of which rules the run was, where not of all: "one-of-each nodes"; "" of a whole one
	Value build; // {"verdict": ..., "reason": ...}; null: not recorded
	Value load;
	std::vector<std::pair<std::string, bool>> features; // probes, by name
	std::vector<RuleResult> rules;
	Value gup;
	Value kinds;
	Value reached;

	const RuleResult *find(std::string_view id) const;

private:
	friend KernelResults kernel_results(const Value &document, const std::string &file);
	std::map<std::string, std::size_t, std::less<>> by_id_;
};

// Files in the order given; those of a folder from the oldest kernel to the newest. UsageError if one is not of this kind.
std::vector<KernelResults> read_results(const std::vector<std::string> &paths);
// The document of one file, whose name stands for the cell where it says none.
KernelResults kernel_results(const Value &document, const std::string &file);

// A rule's name in two: the node, "" if it is about none, and the rest.
std::pair<std::string_view, std::string_view> parts_of(std::string_view rule);
// The area of a rule: its file without folder and ending.
std::string area_of(const RuleResult &rule);
// A string as it is, anything else as JSON.
std::string shown(const Value &value);

} // namespace ptelab::cli

#endif
