// SPDX-License-Identifier: GPL-2.0-or-later
// What differs between the results of kernels, and how it is told.
#include <doctest/doctest.h>

#include "commands.hpp"
#include "compare.hpp"
#include "fixture.hpp"

namespace ptelab::cli {
namespace {

using fixture::document;
using fixture::failed;
using fixture::has;
using fixture::rule;
using fixture::skipped;

using O = Value::Object;

std::vector<KernelResults> kernels_of(Value::Array left, Value::Array right)
{
	return {kernel_results(document("old", "5.10.0", std::move(left)), "a"), kernel_results(document("new", "6.12.0", std::move(right)), "b")};
}

Comparison compared(const std::vector<KernelResults> &kernels)
{
	return compare(kernels);
}

// The only difference of the only rule that differs, and whether a rule foresaw it.
void check_only(const Comparison &comparison, Foreseen foreseen)
{
	const auto &rules = foreseen == Foreseen::kNo ? comparison.unforeseen : comparison.foreseen;
	const auto &others = foreseen == Foreseen::kNo ? comparison.foreseen : comparison.unforeseen;
	CHECK(others.empty());
	REQUIRE(rules.size() == 1);
	REQUIRE(rules[0].differences.size() == 1);
	CHECK(rules[0].differences[0].foreseen == foreseen);
}

} // namespace

TEST_CASE("compare.the_same_is_no_difference")
{
	const Value::Array rules{rule("zap.one", O{{"errno", "ok"}}, O{{"errno", "ok"}}), skipped("zap.two", "no root")};
	const auto kernels = kernels_of(rules, rules);
	const Comparison comparison = compared(kernels);
	CHECK(comparison.same());
	CHECK(comparison.in_common == 1);
	CHECK(has(comparison_text(comparison, {}), "They do not differ."));
}

TEST_CASE("compare.what_a_partial_run_left_out_is_told_as_such")
{
	const Value::Array all{rule("zap.one", O{}), rule("map_pages.zap", O{})};
	Value part = document("part", "6.12.0", {rule("zap.one", O{})});
	part.set("partial", O{{"nodes", "one-of-each"}, {"machines", 2}});
	const std::vector<KernelResults> kernels{kernel_results(document("whole", "6.12.0", all), "a"), kernel_results(part, "b")};
	const Comparison comparison = compared(kernels);
	CHECK(comparison.unforeseen.empty());
	CHECK(comparison.foreseen.empty());
	REQUIRE(comparison.coverage.size() == 1);
	CHECK(comparison.coverage[0].reasons == std::vector<std::string>{"the run was of a part of the rules: one-of-each nodes"});
}

TEST_CASE("compare.a_reason_explains")
{
	const auto kernels = kernels_of({rule("zap.one", O{{"pages", 4}}, O{{"pages", 4}}, O{{"pages", "it was fixed in 6.2"}})},
					{rule("zap.one", O{{"pages", 0}}, O{{"pages", 0}}, O{{"pages", "it was fixed in 6.2"}})});
	const Comparison comparison = compared(kernels);
	check_only(comparison, Foreseen::kYes);
	CHECK(comparison.foreseen[0].differences[0].reasons == std::vector<std::string>{"it was fixed in 6.2"});
}

TEST_CASE("compare.what_is_observed_without_judgement_is_unforeseen_unless_a_glob_gives_a_reason")
{
	const auto silent = kernels_of({rule("zap.one", O{{"look: page", 1}})}, {rule("zap.one", O{{"look: page", 2}})});
	check_only(compared(silent), Foreseen::kNo);
	const O because{{"look: *", "another look"}};
	const auto told = kernels_of({rule("zap.one", O{{"look: page", 1}}, O{}, because)}, {rule("zap.one", O{{"look: page", 2}}, O{}, because)});
	check_only(compared(told), Foreseen::kYes);
}

TEST_CASE("compare.an_expectation_without_a_reason_is_told_as_such")
{
	const auto kernels = kernels_of({rule("zap.one", O{{"pages", 4}}, O{{"pages", 4}})}, {rule("zap.one", O{{"pages", 5}}, O{{"pages", 5}})});
	check_only(compared(kernels), Foreseen::kSilently);
}

TEST_CASE("compare.the_size_of_a_page_explains")
{
	const auto reason_for = [](std::uint64_t small, std::uint64_t large, bool expected, std::uint64_t page = 65536) {
		const auto seen = [&](std::uint64_t value) { return Value::Array{rule("zap.one", O{{"n", value}}, expected ? O{{"n", value}} : O{})}; };
		auto kernels = kernels_of(seen(small), seen(large));
		kernels[0].page_size = 4096;
		kernels[1].page_size = page;
		const Comparison comparison = compared(kernels);
		const auto &found = comparison.foreseen.empty() ? comparison.unforeseen : comparison.foreseen;
		const auto &reasons = found.at(0).differences.at(0).reasons;
		return reasons.empty() ? std::string() : reasons.at(0);
	};
	CHECK(reason_for(24, 384, true) == "the size of a page: as many pages");
	CHECK(reason_for(1024, 64, true) == "the size of a page: as many bytes, in pages");
	CHECK(reason_for(2 * 4096 + 291, 2 * 65536 + 291, true) == "the size of a page: the same byte of the same page");
	CHECK(reason_for(24, 385, true) == "");
	CHECK(reason_for(0, 16, true) == "");
	CHECK(reason_for(24, 384, false) == ""); // nobody expected it
	CHECK(reason_for(24, 384, true, 0) == ""); // it does not tell
	CHECK(reason_for(24, 384, true, 4096) == "");

	// One that took another way has no such number, and the page's size is not why.
	const O nothing{{"m", 1}};
	auto kernels = kernels_of({rule("zap.one", O{{"m", 1}, {"n", 24}}, O{{"m", 1}, {"n", 24}})}, {rule("zap.one", nothing, nothing)});
	kernels[0].page_size = 4096;
	kernels[1].page_size = 65536;
	check_only(compared(kernels), Foreseen::kSilently);
}

TEST_CASE("compare.a_failure_is_unforeseen_even_with_a_reason")
{
	const O because{{"pages", "it was fixed in 6.2"}};
	Value broken = failed("zap.one", O{{"pages", 4}}, O{{"pages", 0}});
	broken.set("expected_because", because);
	const auto kernels = kernels_of({rule("zap.one", O{{"pages", 0}}, O{{"pages", 0}}, because)}, {broken});
	const Comparison comparison = compared(kernels);
	CHECK(comparison.foreseen.empty());
	REQUIRE(comparison.unforeseen.size() == 1);
	CHECK(comparison.unforeseen[0].differences.size() == 2); // the rule itself, and what it saw
}

TEST_CASE("compare.a_known_failure_has_its_reason")
{
	Value known = rule("remap.half", O{{"left", 3}}, O{{"left", 0}});
	known.set("status", "expected_fail");
	known.set("reason", "CVE-0000-0000");
	const auto kernels = kernels_of({known}, {rule("remap.half", O{{"left", 0}}, O{{"left", 0}})});
	const Comparison comparison = compared(kernels);
	CHECK(comparison.unforeseen.empty());
	CHECK(comparison.count(Foreseen::kYes) == 2);
}

TEST_CASE("compare.what_is_looked_at_after_an_explained_difference_follows_from_it")
{
	const O because{{"errno", "there is no such call before 6.10"}};
	const auto kernels = kernels_of({rule("seal.one", O{{"errno", "ENOSYS"}}, O{{"errno", "ENOSYS"}}, because)},
					{rule("seal.one", O{{"errno", "ok"}, {"munmap", "EPERM"}, {"seen", 1}}, O{{"errno", "ok"}, {"munmap", "EPERM"}}, because)});
	const Comparison comparison = compared(kernels);
	CHECK(comparison.unforeseen.empty());
	CHECK(comparison.count(Foreseen::kYes) == 3);
}

TEST_CASE("compare.what_varies_is_left_out_also_of_older_records")
{
	Value told = rule("zap.one", O{{"pfn", 1}, {"pages", 1}, {"retries, first", 3}});
	told.set("varies", Value::Array{"pfn", "retries, *"});
	const auto kernels = kernels_of({rule("zap.one", O{{"pfn", 2}, {"pages", 1}, {"retries, first", 4}})}, {told});
	CHECK(compared(kernels).same());
}

TEST_CASE("compare.nodes_that_differ_alike_are_one_line")
{
	const auto of = [](int pages) {
		return Value::Array{rule("insert_page.zap", O{{"pages", pages}}), rule("fault_page.zap", O{{"pages", pages}}),
				    rule("remap_pfn.zap", O{{"pages", pages + 1}})};
	};
	const auto kernels = kernels_of(of(1), of(5));
	const Comparison comparison = compared(kernels);
	REQUIRE(comparison.unforeseen.size() == 2);
	CHECK(rule_name(comparison.unforeseen[0]) != rule_name(comparison.unforeseen[1]));
	const std::string text = comparison_text(comparison, {});
	CHECK(has(text, "zap on insert_page, fault_page"));
	CHECK(has(text, "remap_pfn.zap"));
}

TEST_CASE("compare.groups_by_the_call_that_the_rule_names")
{
	Value first = rule("seal.one", O{{"pages", 1}}), second = rule("seal.one", O{{"pages", 2}});
	for (Value *record : {&first, &second})
		record->set("statement", "A mapping of vm_insert_pages is like one of vm_insert_page");
	const auto kernels = kernels_of({first, rule("zap.area", O{{"pages", 1}})}, {second, rule("zap.area", O{{"pages", 2}})});
	const Comparison comparison = compared(kernels);
	REQUIRE(comparison.unforeseen.size() == 2);
	CHECK(comparison.unforeseen[0].call == "vm_insert_pages");
	CHECK(comparison.unforeseen[1].call == "sample"); // the rule's file
}

TEST_CASE("compare.rules_that_ran_on_one_only_are_told_with_the_reason")
{
	const auto kernels = kernels_of({skipped("zap.one", "no fault injection"), rule("zap.two", O{})}, {rule("zap.one", O{{"pages", 1}})});
	const Comparison comparison = compared(kernels);
	CHECK(comparison.in_common == 0);
	CHECK(comparison.coverage.size() == 2);
	CHECK_FALSE(comparison.same());
	CHECK(has(comparison_text(comparison, {.width = 200}), "1 on new only: no fault injection"));
}

TEST_CASE("compare.calls_probes_and_tables")
{
	const auto with = [](const char *cell, O reached, bool probe, const char *text) {
		Value all = document(cell, "6.1", {});
		all.set("reached", std::move(reached));
		all.set("features", O{{"follow_pfn", Value(probe)}, {"other", true}});
		all.set("gup", O{{"columns", Value::Array{O{{"key", "pin.read"}, {"meaning", "to read"}}}},
				 {"nodes", O{{"iomap", O{{"pin.read", O{{"verdict", "no"}, {"text", text}}}}}}}});
		return kernel_results(all, "x");
	};
	const std::vector<KernelResults> kernels{
		with("old", O{{"zap_page_range", O{{"symbol", "zap_page_range"}, {"hits", 3}}}, {"same", O{{"hits", 1}}}}, true, "EFAULT"),
		with("new", O{{"zap_page_range", O{{"hits", 4}, {"stands_for_it", "successor zap_vma_range"}}}, {"same", O{{"hits", 2}}}}, false, "EEXIST")};
	const Comparison comparison = compared(kernels);
	REQUIRE(comparison.calls.size() == 1);
	CHECK(comparison.calls[0].values == std::vector<Value>{"there", "as zap_vma_range"});
	CHECK(comparison.calls[0].foreseen == Foreseen::kYes);
	REQUIRE(comparison.probes.size() == 1);
	CHECK(comparison.probes[0].what == "follow_pfn");
	REQUIRE(comparison.pins.size() == 1);
	CHECK(comparison.pins[0].difference.values == std::vector<Value>{"EFAULT", "EEXIST"});
}

TEST_CASE("compare.columns_fit_or_become_lines")
{
	const std::string wide(60, 'w');
	const auto kernels = kernels_of({rule("zap.one", O{{"text", wide}})}, {rule("zap.one", O{{"text", wide + "x"}})});
	const Comparison comparison = compared(kernels);
	CHECK(has(comparison_text(comparison, {.width = 200}), "    text  " + wide + "  " + wide + "x\n"));
	CHECK(has(comparison_text(comparison, {.width = 80}), "\n      old: " + wide + "\n      new: "));
	CHECK_FALSE(has(comparison_text(comparison, {}), "\033"));
	CHECK(has(comparison_text(comparison, {.colour = true}), "\033"));
}

TEST_CASE("compare.of_a_long_text_the_line_that_differs_is_shown")
{
	const auto kernels = kernels_of({rule("zap.one", O{{"log", "first\nsecond: 1\nthird\n"}})}, {rule("zap.one", O{{"log", "first\nsecond: 2\nthird\n"}})});
	const Comparison comparison = compared(kernels);
	CHECK(has(comparison_text(comparison, {.width = 120}), "... second: 1 ...  ... second: 2 ..."));
}

TEST_CASE("compare.markdown_cells_stay_cells")
{
	const auto kernels = kernels_of({rule("zap.one", O{{"a|b", "x|y\nz"}})}, {rule("zap.one", O{{"a|b", "<b>"}})});
	const Comparison comparison = compared(kernels);
	const std::string text = comparison_markdown(comparison);
	CHECK(has(text, "| a\\|b | x\\|y<br>z | \\<b> |"));
	CHECK(has(text, "## No rule expected these"));
}

TEST_CASE("compare.has_the_exit_status_of_diff")
{
	const fixture::Folder folder;
	const std::string one = folder.file("one.json", document("one", "5.10", {rule("zap.one", O{{"pages", 1}})}).json());
	const std::string two = folder.file("two.json", document("two", "5.9", {rule("zap.one", O{{"pages", 2}})}).json());
	const std::string wrong = folder.file("wrong.txt", "[1");
	CHECK(compare({one, one}, false, {}).status == kOk);
	CHECK(read_results({one, one, two})[1].cell == "one #2"); // two runs of one kernel, apart
	const Report report = compare({one, two}, false, {});
	CHECK(report.status == kFailed);
	CHECK(has(report.json.json(), R"("values":{"one":1,"two":2})"));
	CHECK_THROWS_AS(compare({one}, false, {}), UsageError);
	CHECK_THROWS_AS(compare({one, wrong}, false, {}), UsageError);
	CHECK_THROWS_AS(compare({one, folder.path() + "/none"}, false, {}), UsageError);
	// A folder: the oldest kernel first, by its number.
	CHECK(read_results({folder.path()}).front().cell == "two");
}

TEST_CASE("compare.a_cell_that_never_ran_is_no_kernel_without_rules")
{
	Value broken = document("broken", "", {});
	broken.set("verdict", "broken");
	const std::vector<KernelResults> kernels{kernel_results(broken, "x"), kernel_results(document("new", "6.12", {rule("zap.one", O{{"pages", 1}})}), "y")};
	const Comparison comparison = compared(kernels);
	CHECK(comparison.in_common == 0);
	CHECK(comparison.coverage.empty());
	CHECK(has(comparison_text(comparison, {}), "broken"));
}

} // namespace ptelab::cli
