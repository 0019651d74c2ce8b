// SPDX-License-Identifier: GPL-2.0-or-later
// `ptelab explain` with results at hand. The rules are the samples of report_test.cpp.
#include <doctest/doctest.h>

#include "commands.hpp"
#include "fixture.hpp"
#include "results.hpp"

namespace ptelab::cli {
namespace {

using fixture::document;
using fixture::has;
using fixture::rule;
using O = Value::Object;

} // namespace

TEST_CASE("explain.tells_what_each_kernel_of_a_folder_did")
{
	const fixture::Folder folder;
	folder.file("old.json", document("old", "6.98", {fixture::failed("sample.passes", O{{"one", 2}, {"two", 3}}, O{{"one", 1}})}).json());
	folder.file("mid.json", document("mid", "6.99", {rule("sample.passes", O{{"one", 1}, {"two", 3}}, O{{"one", 1}}, O{{"one", "counted anew"}})}).json());
	folder.file("new.json", document("new", "6.100", {rule("sample.passes", O{{"one", 1}, {"two", 3}}, O{{"one", 1}}, O{{"one", "counted anew"}})}).json());

	const Report report = explain_what("sample.passes", {folder.path()}, {.width = 200});
	CHECK(has(report.text, "One is one"));
	CHECK(has(report.text, "old            does not hold: an expectation was not met"));
	CHECK(has(report.text, "             old   mid   new\n    the rule  fail  pass  pass\n"));
	CHECK(has(report.text, "    one       2     1     1\n"));
	CHECK(has(report.text, "because: counted anew"));
	CHECK(has(report.text, R"("two": 3)")); // the same on all
	CHECK(report.text.find("old  ") < report.text.find("mid  "));
	CHECK(report.text.find("mid  ") < report.text.find("new  "));
	CHECK(has(report.json.json(), R"("kernel":"mid","release":"6.99","status":"pass")"));
}

TEST_CASE("explain.of_a_call_tells_how_each_kernel_has_it_and_what_differs")
{
	const fixture::Folder folder;
	const auto with = [](const char *cell, const char *release, O reached, int pages) {
		Value record = rule("sample.other", O{{"pages", pages}}, O{{"pages", pages}}, O{{"pages", "it takes other mappings now"}});
		record.set("statement", "zap_vma_ptes takes some");
		Value all = document(cell, release, {record});
		all.set("reached", O{{"zap_vma_ptes", std::move(reached)}});
		return all.json();
	};
	const std::string old = folder.file("old.json", with("old", "6.1", O{{"hits", 1}}, 4));
	const std::string now = folder.file("new.json", with("new", "7.2", O{{"hits", 1}, {"stands_for_it", "successor zap_special_vma_range"}}, 0));

	const Report report = explain_what("zap_vma_ptes", {old, now}, {.width = 200});
	CHECK(has(report.text, "  old            there\n"));
	CHECK(has(report.text, "  new            as zap_special_vma_range\n"));
	CHECK(has(report.text, "it takes other mappings now"));
	CHECK(explain_what("zap_vma_ptes", {old}, {.width = 200}).json.find("differences") == nullptr);
	CHECK_FALSE(has(explain_what("vm_insert_page", {old, now}, {.width = 200}).text, "it takes other mappings now"));
}

TEST_CASE("explain.refuses_what_is_no_file_of_results")
{
	const fixture::Folder folder;
	CHECK_THROWS_AS(explain_what("sample.passes", {folder.file("a.json", "[]")}, {}), UsageError);
	CHECK_THROWS_AS(explain_what("sample.passes", {folder.file("b.json", "{\"kernel\": {}, \"rules\": [{}]}")}, {}), UsageError);
	CHECK_THROWS_AS(explain_what("sample.passes", {folder.path() + "/none"}, {}), UsageError);
}

} // namespace ptelab::cli
