// SPDX-License-Identifier: GPL-2.0-or-later
// What a rule needs of the machine it runs on. A rule whose need is not met is skipped with the reason.
#ifndef PTELAB_RULES_NEED_HPP
#define PTELAB_RULES_NEED_HPP

#include <functional>
#include <string>

#include <ptelab/node.hpp>

namespace ptelab {

struct Need {
	std::string what;			 // for the list of rules: "CONFIG_FAIL_PAGE_ALLOC"
	std::function<std::string()> why_not;	 // "" if it is met, else the reason for the skip
};

// A feature of the kernel that QUERY announces, one of PTELAB_HAS_*.
Need feature(__u64 bit);
// A kernel option, recognised by a file that exists only with it.
Need kconfig(const std::string &option, const std::string &evidence);
// A filesystem that this kernel can mount without loading a module.
Need filesystem(const std::string &name);
// A node beside the rule's own.
Need node(ptelab_method method);
Need root();
// A machine that booted for this run: in a copy of one that was saved, time has not always passed.
Need booted();

// The feature bits of this kernel, read once; 0 without the module.
__u64 kernel_features();
// "" if the node is there, else why not.
std::string why_absent(const Node &node);

} // namespace ptelab

#endif
