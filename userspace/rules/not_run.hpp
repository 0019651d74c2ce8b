// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of the contract that are known and not run: to provoke them is to lose the machine.
#ifndef PTELAB_RULES_NOT_RUN_HPP
#define PTELAB_RULES_NOT_RUN_HPP

#include <span>
#include <string_view>

namespace ptelab {

enum class Risk {
	kCrash,	     // B: BUG or oops
	kCorruption, // M: memory that is written or freed while somebody else has it
	kEndless,    // H: a loop that ends with a kill only
	kStuck	     // U: a lock that nobody gives back
};

struct NotRun {
	std::string_view contract; // its id
	std::string_view says;
	std::string_view source;
	Risk risk;
};

std::span<const NotRun> not_run();
// The letter, and what it means for whoever tries.
char letter_of(Risk risk);
std::string_view reason_of(Risk risk);

} // namespace ptelab

#endif
