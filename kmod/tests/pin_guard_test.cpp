// SPDX-License-Identifier: GPL-2.0-or-later
// What PIN refuses, in every combination, against the kernel's own conditions and the ABI's.
//
// The lines are those of mm/gup.c in Debian's 5.10.223, 6.1.192 and 7.3.4.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "kmod/core/pin_guard.hpp"

TEST_SUITE_BEGIN("pin guards");

namespace {

struct Count {
	std::uint64_t tried = 0, permitted = 0;
	std::string wrong;	// the first that is
};

bool takes_the_lock_itself(unsigned how)
{
	return how != PTELAB_PIN_GET && how != PTELAB_PIN_PIN && how != PTELAB_PIN_GET_REMOTE && how != PTELAB_PIN_PIN_REMOTE;
}

int model(const ptelab_pin_facts &f, const ptelab_pin &arg)
{
	const bool remote = arg.how == PTELAB_PIN_GET_REMOTE || arg.how == PTELAB_PIN_PIN_REMOTE;
	// 1041, 1193, 1368: VM_BUG_ON(!!pages != !!(gup_flags & (FOLL_GET | FOLL_PIN))), and gup_fast writes through pages;
	// 2153 (6.1), 2529 (7.3): WARN_ON
	bool invalid = arg.flags & PTELAB_PIN_NO_PAGES && (arg.how >= PTELAB_PIN_PIN || takes_the_lock_itself(arg.how));
	// uapi/ptelab_direct.h
	invalid |= arg.flags & PTELAB_PIN_NO_PAGES && arg.flags & PTELAB_PIN_KEEP;
	invalid |= arg.how == 0 || arg.how > PTELAB_PIN_PIN_FAST_ONLY || arg.flags >= PTELAB_PIN_NO_PAGES << 1;
	invalid |= arg.pages == 0 || arg.pages > 512;
	invalid |= arg.pid && !remote;
	invalid |= arg.reserved0 || arg.reserved[0] || arg.reserved[1];
	if (invalid)
		return -EINVAL;
	if (arg.how == PTELAB_PIN_PIN_FAST_ONLY && !f.has_fast_only)
		return -EOPNOTSUPP;
	// kernel/ptrace.c: ptrace_may_access() and kernel/fork.c: mm_access() are not exported
	if (arg.pid && !f.lent)
		return -EPERM;
	// 1785, 2184, 2525: WARN_ON_ONCE(gup_flags & FOLL_LONGTERM), without FOLL_PIN
	if (arg.flags & PTELAB_PIN_LONGTERM && arg.how <= PTELAB_PIN_GET_UNLOCKED && !f.may_warn)
		return -EPERM;
	return arg.flags & PTELAB_PIN_KEEP && f.keeps ? -EBUSY : 0;
}

void try_one(const ptelab_pin_facts &f, const ptelab_pin &arg, Count &count)
{
	const int told = ptelab::pin_verdict(f, arg), due = model(f, arg);
	count.tried++, count.permitted += told == 0;
	if (told != due && count.wrong.empty())
		count.wrong = "how " + std::to_string(arg.how) + " flags " + std::to_string(arg.flags) + " pages " + std::to_string(arg.pages) + " pid " +
			      std::to_string(arg.pid) + ": " + std::to_string(told) + ", due " + std::to_string(due);
}

// bits: the facts, whether there is a pid, and the reserved fields.
void set(unsigned bits, ptelab_pin_facts &f, ptelab_pin &arg)
{
	f = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
	arg.pid = bits & 16 ? 7 : 0;
	arg.reserved0 = bits >> 5 & 1, arg.reserved[0] = bits >> 6 & 1, arg.reserved[1] = bits >> 7 & 1;
}

} // namespace

TEST_CASE("PIN, in every combination")
{
	Count count;
	ptelab_pin_facts f{};
	ptelab_pin arg{};
	for (arg.how = 0; arg.how <= PTELAB_PINS; arg.how++)
		for (arg.flags = 0; arg.flags < 64; arg.flags++)
			for (const std::uint64_t pages : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{512}, std::uint64_t{513}, ~std::uint64_t{0}})
				for (unsigned bits = 0; bits < 256; bits++) {
					arg.pages = pages;
					set(bits, f, arg);
					try_one(f, arg, count);
				}
	CHECK(count.wrong == "");
	CHECK(count.permitted > 0);
	MESSAGE(count.tried, " combinations, ", count.permitted, " permitted");
}

TEST_CASE("UNPIN, in every combination")
{
	Count count;
	ptelab_pin_facts f{};
	ptelab_pin arg{};
	for (arg.flags = 0; arg.flags < 2; arg.flags++)
		for (unsigned bits = 0; bits < 256; bits++) {
			set(bits, f, arg);
			const bool invalid = arg.flags || arg.reserved0 || arg.reserved[0] || arg.reserved[1];
			const int due = invalid ? -EINVAL : f.keeps ? 0 : -ENOENT;
			CHECK(ptelab::unpin_verdict(f, arg) == due);
			count.tried++, count.permitted += due == 0;
		}
	MESSAGE(count.tried, " combinations, ", count.permitted, " permitted");
}

TEST_SUITE_END();
