// SPDX-License-Identifier: GPL-2.0-or-later
// What a test may ask of the hosted hooks beyond cxxrt/hooks.h. One thread only, as the tests are.
#pragma once

namespace cxxrt::hosted {

// The nth allocation from now on gives nothing, 1 being the next; 0 calls it off.
void fail_allocation(unsigned long nth);

// Blocks that were allocated and not yet freed.
unsigned long live_blocks();

} // namespace cxxrt::hosted
