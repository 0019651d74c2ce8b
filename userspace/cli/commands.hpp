// SPDX-License-Identifier: GPL-2.0-or-later
// The commands. Each answers with its report; main() prints it as text or as JSON.
#ifndef PTELAB_CLI_COMMANDS_HPP
#define PTELAB_CLI_COMMANDS_HPP

#include <string>
#include <vector>

#include <ptelab/value.hpp>

#include "scene.hpp"
#include "terminal.hpp"

namespace ptelab::cli {

inline constexpr const char *kVersion = "0.1";

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNothingToRunOn = 77;

struct Report {
	std::string text;
	Value json = Value::Object{};
	int status = kOk;
};

// The module is not loaded, or the node is absent: exit status 77.
class NothingToRunOn : public std::runtime_error {
	using std::runtime_error::runtime_error;
};

Report info(const Terminal &terminal);
Report stats(const Terminal &terminal);

// options.node is looked up from the name here; steps "" are a default that teaches.
Report map(const std::string &node, SceneOptions options, const std::string &steps, const Terminal &terminal);
Report touch(const std::string &node, SceneOptions options, const std::string &pages, bool write, const Terminal &terminal);
Report zap(const std::string &node, SceneOptions options, const std::string &pages, bool special, const Terminal &terminal);
Report lookup(const std::string &node, SceneOptions options, const std::string &pages, const Terminal &terminal);

Report load(const std::string &path_or_name, const std::vector<std::string> &parameters);
Report unload();

Report demo(const Terminal &terminal);

// The tables: who may pin what, and what user space is told.
Report gup(bool markdown, const Terminal &terminal);
Report kinds(bool markdown, const Terminal &terminal);

// The rules: listed, run (verify.hpp has its options), explained. No globs: all.
struct VerifyOptions;
Report rules(const std::vector<std::string> &globs, const Terminal &terminal);
Report verify(const VerifyOptions &options);
// What differs between the results of two kernels or more; paths are files, or folders of them. Status 1 if anything does.
Report compare(const std::vector<std::string> &paths, bool markdown, const Terminal &terminal);
// A page about all of them, written to a file.
Report report(const std::vector<std::string> &paths, const std::string &output);
Report explain_what(const std::string &rule_or_call, const std::vector<std::string> &results, const Terminal &terminal);

// The node of that name: UsageError if there is none, NothingToRunOn if it is not on this machine.
const Node &present_node(const std::string &name);
// Any open node, for what all of them answer alike.
Device any_node();
// "4 MiB"
std::string size_text(std::size_t bytes);
// "ptelab 0.1 on Linux 6.1.0 x86_64"
std::string headline();

} // namespace ptelab::cli

#endif
