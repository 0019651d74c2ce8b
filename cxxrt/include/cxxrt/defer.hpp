// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a lambda when the scope is left, for the undo that has no type of its own: `Defer undo{[&] { … }};`
// What is owned for longer than one function deserves a class with a destructor instead.
#pragma once

#include "cxxrt/utility.hpp"

namespace cxxrt {

template <typename F>
class [[nodiscard]] Defer {
public:
	[[gnu::always_inline]] explicit Defer(F action) : action_{cxxrt::move(action)} {}
	Defer(const Defer &) = delete;
	Defer &operator=(const Defer &) = delete;
	[[gnu::always_inline]] ~Defer()
	{
		if (armed_)
			action_();
	}

	// The work succeeded: nothing to undo any more.
	[[gnu::always_inline]] void dismiss() { armed_ = false; }

private:
	F action_;
	bool armed_ = true;
};

} // namespace cxxrt
