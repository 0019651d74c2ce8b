// SPDX-License-Identifier: GPL-2.0-or-later
// A permission in a signature: a function that takes a Badge<T> can be called by T alone, which writes `{}` for it.
// Narrower than friend, as it opens one function and not the whole class; costs nothing at run time.
#pragma once

namespace cxxrt {

template <typename T>
class Badge {
	friend T;
	[[gnu::always_inline]] constexpr Badge() {}

public:
	// Who has a badge may use it, not hand it on.
	Badge(const Badge &) = delete;
	Badge &operator=(const Badge &) = delete;
};

} // namespace cxxrt
