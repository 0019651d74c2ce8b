// SPDX-License-Identifier: GPL-2.0-or-later
// What the suites share: the ioctls as functions of a file.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cerrno>

#include "fake_process.hpp"

using fake::Kernel;
using fake::kSegv;
using fake::kSigbus;
using fake::Mapped;
using fake::Module;
using fake::Outcome;
using fake::Personality;
using fake::Process;
using fake::value;

inline constexpr std::array kRamMethods{PTELAB_INSERT_PAGE, PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_PAGE, PTELAB_FAULT_INSERT_PFN,
					PTELAB_REMAP_PFN};
inline constexpr std::array kAllMethods{PTELAB_INSERT_PAGE,	 PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_PAGE,
					PTELAB_FAULT_INSERT_PFN, PTELAB_REMAP_PFN,	   PTELAB_IOMAP};
inline constexpr std::array kLazyMethods{PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_PAGE, PTELAB_FAULT_INSERT_PFN};
inline constexpr std::array kEagerMethods{PTELAB_INSERT_PAGE, PTELAB_REMAP_PFN, PTELAB_IOMAP};
inline constexpr fake::MapFlags kPrivate{.is_private = true};

inline int setup(file *file, const ptelab_setup &arg)
{
	return ptelab_ioctl_setup(file->session, &arg);
}

inline int revoke(file *file)
{
	const ptelab_revoke arg{};
	return ptelab_ioctl_revoke(file->session, &arg);
}

inline int restore(file *file)
{
	const ptelab_revoke arg{};
	return ptelab_ioctl_restore(file->session, &arg);
}

inline int unmap(file *file, unsigned long page, unsigned long pages, unsigned flags = 0)
{
	const unsigned shift = Kernel::get().shift();
	const ptelab_unmap arg{.flags = flags, .reserved0 = 0, .offset = page << shift, .bytes = pages << shift, .reserved = {}};
	return ptelab_ioctl_unmap(file->session, &arg);
}

inline ptelab_zap zap_arg(unsigned long addr, unsigned long pages, unsigned how = PTELAB_ZAP_VMA)
{
	ptelab_zap arg{};
	arg.how = how;
	arg.address = addr;
	arg.bytes = pages << Kernel::get().shift();
	return arg;
}

inline int zap(file *file, ptelab_zap &arg)
{
	return ptelab_ioctl_zap(file->session, &arg);
}

inline ptelab_pte lookup(file *file, unsigned long addr)
{
	ptelab_lookup arg{};
	arg.address = addr;
	arg.bytes = Kernel::get().page_bytes();
	ptelab_pte pte{};
	REQUIRE(ptelab_ioctl_lookup_entries(&arg) == 1);
	REQUIRE(ptelab_ioctl_lookup(file->session, &arg, &pte, true) == 0);
	return pte;
}

inline ptelab_stats stats(file *file, unsigned scope = PTELAB_SCOPE_FILE)
{
	ptelab_stats arg{};
	arg.scope = scope;
	REQUIRE(ptelab_ioctl_stats(file->session, &arg) == 0);
	return arg;
}

inline ptelab_query query(file *file)
{
	ptelab_query arg{};
	REQUIRE(ptelab_ioctl_query(file->session, &arg) == 0);
	return arg;
}

// The address of the nth page of a mapping.
inline unsigned long page_at(const Mapped &map, unsigned long index)
{
	return map.at() + (index << Kernel::get().shift());
}
