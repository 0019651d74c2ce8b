// SPDX-License-Identifier: GPL-2.0-or-later
#include "cxxrt/hooks.h"

#include <cstdint>

#include <doctest/doctest.h>

#include "bug.hpp"
#include "hosted/hooks.hpp"

using namespace cxxrt::hosted;

TEST_CASE("memory is zeroed and aligned")
{
	auto *block = static_cast<unsigned char *>(cxxrt_alloc(100));
	REQUIRE(block);
	CHECK(reinterpret_cast<std::uintptr_t>(block) % CXXRT_ALLOC_ALIGN == 0);
	for (int i = 0; i < 100; i++)
		CHECK(block[i] == 0);
	cxxrt_free(block);
}

TEST_CASE("live blocks are counted and null is ignored")
{
	unsigned long before = live_blocks();
	void *block = cxxrt_alloc(1);
	CHECK(live_blocks() == before + 1);
	cxxrt_free(nullptr);
	CHECK(live_blocks() == before + 1);
	cxxrt_free(block);
	CHECK(live_blocks() == before);
}

TEST_CASE("only the chosen allocation fails")
{
	fail_allocation(2);
	void *first = cxxrt_alloc(1);
	CHECK(first != nullptr);
	CHECK(cxxrt_alloc(1) == nullptr);
	void *third = cxxrt_alloc(1);
	CHECK(third != nullptr);
	cxxrt_free(first);
	cxxrt_free(third);
}

TEST_CASE("a failure can be called off")
{
	fail_allocation(1);
	fail_allocation(0);
	void *block = cxxrt_alloc(1);
	CHECK(block != nullptr);
	cxxrt_free(block);
}

TEST_CASE("cxxrt_bug does not return")
{
	CHECK(is_bug([] { cxxrt_bug("file", 1, "what"); }));
	CHECK_FALSE(is_bug([] {}));
}
