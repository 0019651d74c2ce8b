// SPDX-License-Identifier: GPL-2.0-or-later
// In what machines differ: how much memory there is, and of which type a mapping of it is.
#ifndef PTELAB_RULES_MACHINE_HPP
#define PTELAB_RULES_MACHINE_HPP

#include <cstddef>
#include <functional>
#include <string>

#include "need.hpp"

namespace ptelab {

// So many bytes in a row are a small part of this machine's memory, and the kernel gives blocks so large. A PMD maps 32 MiB with
// pages of 16 KiB, where that is the largest block, and 512 MiB with pages of 64 KiB.
Need memory_for(const std::string &what, std::function<std::size_t()> bytes);

// x86 with PAT keeps the memory type of every range that is mapped, and gives RAM write-back whatever is asked; elsewhere an
// entry has the type that was asked for, of RAM too.
inline constexpr const char *kMemtypes = "/sys/kernel/debug/x86/pat_memtype_list";
inline constexpr const char *kMemtypesReason = "only x86 with CONFIG_X86_PAT keeps memory types and overrides what is asked for RAM";
bool keeps_memory_types();

// ioremap() of RAM that is marked as reserved. Where it looks at pfn_is_map_memory() it takes none.
Need ioremap_of_reserved_ram();

} // namespace ptelab

#endif
