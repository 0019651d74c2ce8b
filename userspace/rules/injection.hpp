// SPDX-License-Identifier: GPL-2.0-or-later
// Fault injection: one allocation of the calling thread fails, silently, the one that is asked for.
#ifndef PTELAB_RULES_INJECTION_HPP
#define PTELAB_RULES_INJECTION_HPP

#include <string>
#include <utility>
#include <vector>

#include "need.hpp"

namespace ptelab {

// Lets fail-nth reach every allocation; puts the settings back.
class Injection {
public:
	Injection();
	~Injection();
	Injection(const Injection &) = delete;
	Injection &operator=(const Injection &) = delete;

	// Runs the action with its n-th allocation, or copy from or to user memory, failing. False: it made fewer than n.
	template <class F>
	bool fail(int n, F &&action) const
	{
		arm(n);
		action();
		return disarm();
	}

private:
	void set(const std::string &path, const std::string &text);
	static void arm(int n);
	static bool disarm();

	std::vector<std::pair<std::string, std::string>> before_;
};

// What a rule that injects failures needs.
std::vector<Need> injection_needs();

} // namespace ptelab

#endif
