// SPDX-License-Identifier: GPL-2.0-or-later
// ptelab_misuse.ko, which does what no driver may: loaded for as long as a rule needs it.
#ifndef PTELAB_RULES_MISUSE_MODULE_HPP
#define PTELAB_RULES_MISUSE_MODULE_HPP

#include "need.hpp"

namespace ptelab {

// The module, and the right to load it.
Need misuse_module();

bool misuse_is_loaded();

// Loads it, unless it is there already; then it stays.
class MisuseModule {
public:
	MisuseModule();
	~MisuseModule();
	MisuseModule(const MisuseModule &) = delete;
	MisuseModule &operator=(const MisuseModule &) = delete;

private:
	bool ours_;
};

// The other way round: while it is loaded, ptelab.ko cannot go.
class NoMisuseModule {
public:
	NoMisuseModule();
	~NoMisuseModule();
	NoMisuseModule(const NoMisuseModule &) = delete;
	NoMisuseModule &operator=(const NoMisuseModule &) = delete;

private:
	bool was_there_;
};

} // namespace ptelab

#endif
