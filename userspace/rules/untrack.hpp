// SPDX-License-Identifier: GPL-2.0-or-later
// What a remap_pfn_range that fails takes back it also takes off the books of the memory types. While x86 had untrack_pfn, that
// looked for the first page, which may not have been mapped yet: WARN_ON_ONCE, and the reservation stays
// (arch/x86/mm/pat/memtype.c).
#ifndef PTELAB_RULES_UNTRACK_HPP
#define PTELAB_RULES_UNTRACK_HPP

namespace ptelab {

inline constexpr const char *kNoFirstPage = "WARNING: .* (get_pat_info|untrack_pfn)";

// The mend of CVE-2024-47674 in 5.10, where alone the call has not always been two functions, is not there: nothing is taken back.
bool remap_is_one_function();
bool failed_remap_may_warn();

} // namespace ptelab

#endif
