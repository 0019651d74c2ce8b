// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's release, for expectations that nothing else tells apart: neither a feature nor a behaviour to measure first.
#ifndef PTELAB_RULES_RELEASE_HPP
#define PTELAB_RULES_RELEASE_HPP

namespace ptelab {

// The running kernel is from before this release of the mainline.
bool older_than(int major, int minor);

} // namespace ptelab

#endif
