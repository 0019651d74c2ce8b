// SPDX-License-Identifier: GPL-2.0-or-later
// The steps of `ptelab map`: what is done to the mapping, one after the other.
#ifndef PTELAB_CLI_STEPS_HPP
#define PTELAB_CLI_STEPS_HPP

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ptelab::cli {

// Something that the user wrote cannot be done: exit status 2.
class UsageError : public std::runtime_error {
	using std::runtime_error::runtime_error;
};

enum class Verb { kTouch, kWrite, kZap, kZapSpecial, kUnmap, kRevoke, kRestore };

struct Step {
	Verb verb;
	std::size_t first = 0; // pages
	std::size_t last = 0;

	std::size_t count() const { return last - first + 1; }
	std::string text() const; // "zap=0-3"
	bool operator==(const Step &) const = default;
};

// "touch=0,write=3,zap=0-3,revoke,restore", for a mapping of that many pages. All of it is checked before any is done.
std::vector<Step> parse_steps(std::string_view text, std::size_t pages);
// "0-3" or "5".
std::pair<std::size_t, std::size_t> parse_pages(std::string_view text, std::size_t pages);

} // namespace ptelab::cli

#endif
