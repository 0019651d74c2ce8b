// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/badge.hpp"

#include <doctest/doctest.h>

using cxxrt::Badge;

namespace {

class Entry;

class Vault {
public:
	int open(Badge<Entry>) const { return 42; }
};

class Entry {
public:
	static int ask(const Vault &vault) { return vault.open({}); }
};

class Stranger {
public:
	template <typename V>
	static constexpr bool kCanOpen = requires(const V &vault) { vault.open({}); };
	template <typename B>
	static constexpr bool kCanMake = requires { B{}; };
};

template <typename B>
concept CopiesBadge = requires(const B &from) { B(from); };

} // namespace

static_assert(!Stranger::kCanOpen<Vault>);
static_assert(!Stranger::kCanMake<Badge<Entry>>);
static_assert(!CopiesBadge<Badge<Entry>>, "a badge is not handed on");

TEST_CASE("the named class gets in")
{
	CHECK(Entry::ask(Vault{}) == 42);
}
