// SPDX-License-Identifier: GPL-2.0-or-later
// What to do when the code itself is wrong: stop, in the kernel as in a test. Not for errors that a caller, a device or
// memory pressure can cause; those are a Result.
#pragma once

#include "cxxrt/hooks.h"

namespace cxxrt {

// The trap is never reached. It ends the control flow for the compiler, and for objtool, which knows an illegal
// instruction but not our hook as a dead end.
[[noreturn, gnu::always_inline]] inline void bug(const char *file, int line, const char *what)
{
	cxxrt_bug(file, line, what);
	__builtin_trap();
}

} // namespace cxxrt

#define CXXRT_ASSERT(condition) \
	(__builtin_expect(static_cast<bool>(condition), true) ? static_cast<void>(0) \
							       : ::cxxrt::bug(__FILE__, __LINE__, #condition))
