// SPDX-License-Identifier: GPL-2.0-or-later
#include "core.h"
#include "cxxrt/box.hpp"
#include "cxxrt/checked.hpp"

static cxxrt::Result<int> sum_to(int last)
{
	auto total = CXXRT_TRY(cxxrt::Box<int>::make(0));
	for (int i = 1; i <= last; i++)
		*total = CXXRT_TRY(cxxrt::checked_add(*total, i));
	return *total;
}

int hello_sum(int last)
{
	auto sum = sum_to(last);
	return sum.ok() ? sum.value() : cxxrt::to_kernel(sum.error());
}
