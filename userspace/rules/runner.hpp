// SPDX-License-Identifier: GPL-2.0-or-later
// One run of doctest: what it will run, what came of it, and the exit status that says so.
#ifndef PTELAB_RULES_RUNNER_HPP
#define PTELAB_RULES_RUNNER_HPP

#include <deque>
#include <string_view>

#include "rule.hpp"

namespace ptelab {

// The records of this run. A listener of doctest fills it before any reporter sees the same event.
class RunLog {
public:
	static RunLog &get();

	std::size_t injected = 0;
	std::deque<Record> records;

	Record &current() { return records.back(); }
	std::size_t count(Status status) const;
};

std::string_view name_of(Status status); // as in the JSON: "pass", "fail", "expected_fail", "skip"

inline constexpr int kExitPass = 0;
inline constexpr int kExitFail = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNothingRan = 77;

// main() of a test program: reporters "ktap" (the default) and "ptelab-json" (default too where $PTELAB_RESULTS is set); doctest's
// options and those of selection.hpp.
int run_tests(int argc, const char *const *argv);

// main() of the command under its other name, ptelab-tests.
int tests_main(int argc, char **argv);

} // namespace ptelab

#endif
