// SPDX-License-Identifier: GPL-2.0-or-later
// A rule leaves nothing behind: checked after each one, not assumed.
#ifndef PTELAB_RULES_HYGIENE_HPP
#define PTELAB_RULES_HYGIENE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "rule.hpp"

namespace ptelab {

class Hygiene {
public:
	explicit Hygiene(const RuleInfo &info); // takes the state before the rule
	// A sentence for each thing that is not as it was. Puts back what it can, so that the next rule is not blamed.
	std::vector<std::string> left_behind() const;

private:
	using State = std::map<std::string, std::int64_t>;
	static State take();

	const RuleInfo &info_;
	State before_;
	// What the host wrote into the device, and our answer to it: put back after rules that scribble there.
	std::array<std::byte, 0x2000> host_window_{};
	bool guards_window_ = false;
};

inline constexpr std::size_t kHostWindow = 0x1000; // its offset in the device

} // namespace ptelab

#endif
