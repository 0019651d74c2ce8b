// SPDX-License-Identifier: GPL-2.0-or-later
// The hooks that the kernel called, in words.
#ifndef PTELAB_RULES_TRACE_HPP
#define PTELAB_RULES_TRACE_HPP

#include <string>
#include <vector>

#include <ptelab/direct.hpp>

#include "rule.hpp"

namespace ptelab {

using Events = std::vector<ptelab_event>;

inline constexpr __u64 kOpenAndClose = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE);
inline constexpr __u64 kUsualHooks = kOpenAndClose | hook_bit(PTELAB_HOOK_FAULT);

inline constexpr __u64 kFaultFlagWrite = 1; // include/linux/mm_types.h: FAULT_FLAG_WRITE

// A file with a region of its own, whose hooks are recorded.
Device traced_region(const Node &node, std::size_t page_count, const VmaSetup &wanted = {}, const Setup &setup = {});

// "open", "mremap", "close": in their order.
std::vector<std::string> hook_names(const Events &events);
std::size_t count_of(const Events &events, ptelab_hook hook);
// The first (or a later) call of this hook; std::runtime_error if there was none.
const ptelab_event &event_of(const Events &events, ptelab_hook hook, std::size_t number = 0);
// "none", "read", "write"
std::string lock_name(const ptelab_event &event);

} // namespace ptelab

#endif
