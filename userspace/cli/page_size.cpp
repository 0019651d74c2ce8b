// SPDX-License-Identifier: GPL-2.0-or-later
#include "page_size.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace ptelab::cli {
namespace {

__extension__ using Product = unsigned __int128;

Product product(std::uint64_t left, std::uint64_t right)
{
	return Product{left} * right;
}

struct Way {
	const char *what;
	bool (*holds)(const Sized &, const Sized &);
};

constexpr Way kWays[] = {
	{"as many pages", [](const Sized &one, const Sized &other) { return product(one.value, other.page) == product(other.value, one.page); }},
	{"as many bytes, in pages", [](const Sized &one, const Sized &other) { return product(one.value, one.page) == product(other.value, other.page); }},
	{"the same byte of the same page", [](const Sized &one, const Sized &other) {
		 return one.value / one.page == other.value / other.page && one.value % one.page == other.value % other.page;
	 }}};

} // namespace

std::string same_but_for_page_size(const std::vector<Sized> &numbers)
{
	if (std::ranges::any_of(numbers, [](const Sized &number) { return number.value == 0 || number.page == 0; }))
		return "";
	for (const Way &way : kWays)
		if (std::ranges::all_of(numbers, [&](const Sized &number) { return way.holds(numbers.front(), number); }))
			return fmt::format("the size of a page: {}", way.what);
	return "";
}

} // namespace ptelab::cli
