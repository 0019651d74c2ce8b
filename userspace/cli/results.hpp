// SPDX-License-Identifier: GPL-2.0-or-later
// What other kernels did: the files that scripts/run-cell leaves in build/results.
#ifndef PTELAB_CLI_RESULTS_HPP
#define PTELAB_CLI_RESULTS_HPP

#include <string>
#include <string_view>
#include <vector>

#include <ptelab/value.hpp>

namespace ptelab::cli {

struct Result {
	std::string kernel; // its release
	std::string rule;
	std::string status;
	std::string reason;
	Value observed = Value::Object{};
};

// The records of those rules; UsageError if a file is not such a file.
std::vector<Result> read_results(const std::vector<std::string> &files, const std::vector<std::string> &rules);

} // namespace ptelab::cli

#endif
