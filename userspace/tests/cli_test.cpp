// SPDX-License-Identifier: GPL-2.0-or-later
// The picture, the steps, and what the commands say where there is no module.
#include <doctest/doctest.h>

#include <vector>

#include "commands.hpp"
#include "picture.hpp"

using namespace ptelab;
using namespace ptelab::cli;

namespace {

constexpr __u32 kPresent = PTELAB_PTE_PRESENT | PTELAB_PTE_OURS;

std::vector<ptelab_pte> every_kind()
{
	return {{.state = 0, .cache = 0, .page = 0, .pfn = 0},
		{.state = kPresent, .cache = 1, .page = 1, .pfn = 0},
		{.state = kPresent | PTELAB_PTE_DIRTY, .cache = 1, .page = 2, .pfn = 0},
		{.state = kPresent | PTELAB_PTE_SPECIAL, .cache = 1, .page = 3, .pfn = 0},
		{.state = kPresent | PTELAB_PTE_SPECIAL | PTELAB_PTE_DIRTY, .cache = 1, .page = 4, .pfn = 0},
		{.state = PTELAB_PTE_PRESENT | PTELAB_PTE_DIRTY, .cache = 1, .page = 0, .pfn = 0},
		{.state = PTELAB_PTE_REVOKED, .cache = 0, .page = 0, .pfn = 0}};
}

} // namespace

TEST_CASE("picture.has_a_cell_for_each_page")
{
	CHECK(picture(every_kind(), {}, 2) == "  0 .o#sSpx\n");
	CHECK(picture(every_kind(), {.unicode = true}, 0) == "0 ·░█◇◆▣×\n");
}

TEST_CASE("picture.wraps_at_a_multiple_of_eight_and_numbers_the_lines")
{
	const std::vector<ptelab_pte> entries(20);
	CHECK(picture(entries, {.width = 23}, 1) == "  0 ................\n 16 ....\n");
}

TEST_CASE("picture.colours_only_where_told_to")
{
	CHECK(picture(every_kind(), {}, 0).find('\033') == std::string::npos);
	CHECK(picture(every_kind(), {.colour = true}, 0).find('\033') != std::string::npos);
	CHECK(legend({}).find("revoked") != std::string::npos);
}

TEST_CASE("steps.are_read_and_written")
{
	const std::vector<Step> steps = parse_steps("touch=0,zap=0-3,revoke,restore", 4);
	REQUIRE(steps.size() == 4);
	CHECK(steps[0] == Step{.verb = Verb::kTouch, .first = 0, .last = 0});
	CHECK(steps[1].text() == "zap=0-3");
	CHECK(steps[2].text() == "revoke");
}

TEST_CASE("steps.are_refused_before_any_is_done")
{
	for (const char *wrong : {"jump=1", "touch", "touch=", "touch=x", "touch=3-1", "touch=4", "touch=1-99", "revoke=1", "touch=0,,write=1",
				  "touch=-1", "touch=99999999999999999999"}) {
		CAPTURE(wrong);
		CHECK_THROWS_AS(parse_steps(wrong, 4), UsageError);
	}
}

TEST_CASE("commands.say_that_there_is_no_such_node")
{
	CHECK_THROWS_AS(present_node("nonsense"), UsageError);
	CHECK_THROWS_AS(map("fault_page", {}, "touch=99", {}), UsageError);
}

TEST_CASE("commands.check_sizes_before_opening_anything")
{
	const Node &node = nodes().front();
	CHECK_THROWS_AS(Scene({.node = &node, .bytes = 1}), UsageError);
	CHECK_THROWS_AS(Scene({.node = &node, .offset = 7}), UsageError);
	CHECK_THROWS_AS(Scene({.node = &node, .bytes = (PTELAB_LOOKUP_MAX + 1) * page_size()}), UsageError);
}

TEST_CASE("node.words_and_numbers_agree")
{
	for (const Node &node : nodes()) {
		CHECK(find_node(node.name) == &node);
		CHECK(&node_of(node.method) == &node);
	}
	for (int value = 1; value < PTELAB_BACKINGS; ++value)
		CHECK(backing_of(name_of(static_cast<ptelab_backing>(value))) == value);
	for (int value = 1; value < PTELAB_CACHES; ++value)
		CHECK(cache_of(name_of(static_cast<ptelab_cache>(value))) == value);
	CHECK(cache_of("") == 0);
}
