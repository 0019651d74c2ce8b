// SPDX-License-Identifier: GPL-2.0
// Which PIN and UNPIN are made. Facts in, 0 or the errno out; tests/pin_guard_test.cpp tries every combination.
#pragma once

#include "verdict.hpp"

namespace ptelab {
namespace {

constexpr unsigned kPinFlags = PTELAB_PIN_WRITE | PTELAB_PIN_FORCE | PTELAB_PIN_LONGTERM | PTELAB_PIN_KEEP | PTELAB_PIN_NO_PAGES;
constexpr unsigned long long kMostPinned = 512;

constexpr bool is_remote(unsigned how)
{
	return how == PTELAB_PIN_GET_REMOTE || how == PTELAB_PIN_PIN_REMOTE;
}

// Those that take mmap_lock from their caller; the others write through pages.
constexpr bool may_have_no_pages(unsigned how)
{
	return how == PTELAB_PIN_GET || how == PTELAB_PIN_GET_REMOTE;
}

// Whatever the file is.
constexpr bool is_pin(const ptelab_pin &arg)
{
	if (arg.flags & ~kPinFlags)
		return false;
	if (arg.reserved0 || arg.reserved[0] || arg.reserved[1])
		return false;
	if (!arg.how || arg.how >= PTELAB_PINS)
		return false;
	if (!arg.pages || arg.pages > kMostPinned)
		return false;
	if (arg.pid && !is_remote(arg.how))
		return false;
	if (arg.flags & PTELAB_PIN_NO_PAGES && arg.flags & PTELAB_PIN_KEEP)
		return false;
	return !(arg.flags & PTELAB_PIN_NO_PAGES) || may_have_no_pages(arg.how);
}

// Another process' memory only if that has lent it: what ptrace asks for besides CAP_SYS_PTRACE, a module cannot ask
// (kernel/fork.c: mm_access is not exported).
constexpr int pin_verdict(const ptelab_pin_facts &f, const ptelab_pin &arg)
{
	if (!is_pin(arg))
		return kNothingThere;
	if (arg.how == PTELAB_PIN_PIN_FAST_ONLY && !f.has_fast_only)
		return -CXXRT_EOPNOTSUPP;
	if (arg.pid && !f.lent)
		return kDamage;
	// FOLL_LONGTERM without FOLL_PIN: a warning (mm/gup.c: is_valid_gup_args).
	if (arg.flags & PTELAB_PIN_LONGTERM && arg.how < PTELAB_PIN_PIN && !f.may_warn)
		return kDamage;
	return arg.flags & PTELAB_PIN_KEEP && f.keeps ? -CXXRT_EBUSY : kPermitted;
}

constexpr int unpin_verdict(const ptelab_pin_facts &f, const ptelab_pin &arg)
{
	if (arg.flags || arg.reserved0 || arg.reserved[0] || arg.reserved[1])
		return kNothingThere;
	return f.keeps ? kPermitted : -CXXRT_ENOENT;
}

} // namespace
} // namespace ptelab
