// SPDX-License-Identifier: GPL-2.0-or-later
#include "page_size.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace ptelab::cli {
namespace {

struct Number {
	std::uint64_t value;
	std::uint64_t page;
};

__extension__ using Product = unsigned __int128;

Product product(std::uint64_t left, std::uint64_t right)
{
	return Product{left} * right;
}

struct Way {
	const char *what;
	bool (*holds)(const Number &, const Number &);
};

constexpr Way kWays[] = {
	{"as many pages", [](const Number &one, const Number &other) { return product(one.value, other.page) == product(other.value, one.page); }},
	{"as many bytes, in pages", [](const Number &one, const Number &other) { return product(one.value, one.page) == product(other.value, other.page); }},
	{"the same byte of the same page", [](const Number &one, const Number &other) {
		 return one.value / one.page == other.value / other.page && one.value % one.page == other.value % other.page;
	 }}};

} // namespace

std::string same_but_for_page_size(const std::vector<Value> &values, const std::vector<const KernelResults *> &kernels)
{
	std::vector<Number> numbers;
	for (std::size_t i = 0; i < values.size(); ++i) {
		if (values[i].is_null())
			continue;
		numbers.push_back({values[i].number(), kernels[i]->page_size});
		if (numbers.back().value == 0 || numbers.back().page == 0)
			return "";
	}
	for (const Way &way : kWays)
		if (std::ranges::all_of(numbers, [&](const Number &number) { return way.holds(numbers.front(), number); }))
			return fmt::format("the size of a page: {}", way.what);
	return "";
}

} // namespace ptelab::cli
