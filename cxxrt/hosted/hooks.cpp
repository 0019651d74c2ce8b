// SPDX-License-Identifier: GPL-2.0-or-later
// cxxrt/hooks.h for an ordinary program: link this instead of linux/hooks.c to run a core outside the kernel.

#include "hooks.hpp"

#include <cstdio>
#include <cstdlib>

#include "cxxrt/hooks.h"

namespace {

constinit unsigned long allocations_until_failure = 0;
constinit unsigned long blocks = 0;

} // namespace

namespace cxxrt::hosted {

void fail_allocation(unsigned long nth)
{
	allocations_until_failure = nth;
}

unsigned long live_blocks()
{
	return blocks;
}

} // namespace cxxrt::hosted

void *cxxrt_alloc(__SIZE_TYPE__ size)
{
	if (allocations_until_failure != 0 && --allocations_until_failure == 0)
		return nullptr;
	void *block = std::calloc(1, size);
	if (block)
		blocks++;
	return block;
}

void cxxrt_free(void *block)
{
	if (block)
		blocks--;
	std::free(block);
}

void cxxrt_bug(const char *file, int line, const char *what)
{
	std::fprintf(stderr, "cxxrt_bug: %s:%d: %s\n", file, line, what);
	std::abort();
}
