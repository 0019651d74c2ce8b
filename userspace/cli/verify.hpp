// SPDX-License-Identifier: GPL-2.0-or-later
// The rules in this program: chosen, listed, run.
#ifndef PTELAB_CLI_VERIFY_HPP
#define PTELAB_CLI_VERIFY_HPP

#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "runner.hpp"

namespace ptelab::cli {

struct VerifyOptions {
	std::vector<std::string> globs; // none: all rules
	unsigned repeat = 1;
	std::optional<unsigned> shuffle; // the seed
	bool fail_fast = false;
	bool ktap = false;
	bool json = false;
};

// The rules whose name, or contract id, one of the globs matches; those of each node also without the node's name.
std::vector<const RuleInfo *> chosen_rules(const std::vector<std::string> &globs);
bool matches(const std::string &glob, std::string_view text);

// Runs them once, says nothing, and answers with what came of each.
std::vector<Record> run_quietly(const std::vector<const RuleInfo *> &rules);

// "CONFIG_KSM, root"; "" if it needs nothing
std::string needs_of(const RuleInfo &rule);

} // namespace ptelab::cli

#endif
