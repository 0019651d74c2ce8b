// SPDX-License-Identifier: GPL-2.0-or-later
// A few megabytes to swap to, as long as the object lives. Needs root, swap and a loop driver.
#ifndef PTELAB_RULES_SWAP_DISK_HPP
#define PTELAB_RULES_SWAP_DISK_HPP

#include "loop_disk.hpp"

namespace ptelab {

class SwapDisk {
public:
	SwapDisk();
	SwapDisk(const SwapDisk &) = delete;
	SwapDisk &operator=(const SwapDisk &) = delete;
	~SwapDisk(); // what is swapped out comes back first

private:
	LoopDisk disk_;
};

} // namespace ptelab

#endif
