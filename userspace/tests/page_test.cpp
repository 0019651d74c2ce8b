// SPDX-License-Identifier: GPL-2.0-or-later
// The page that `ptelab report` writes.
#include <algorithm>

#include <doctest/doctest.h>

#include <ptelab/procfs.hpp>

#include "commands.hpp"
#include "fixture.hpp"
#include "report_page.hpp"

namespace ptelab::cli {
namespace {

using fixture::document;
using fixture::has;
using fixture::rule;
using O = Value::Object;

std::string between(const std::string &text, const std::string &begin, const std::string &end)
{
	const std::size_t from = text.find(begin) + begin.size();
	return text.substr(from, text.find(end, from) - from);
}

// "" if each element that opens closes where it should; else the first that does not.
std::string badly_nested(const std::string &page)
{
	static const std::vector<std::string> kEmpty{"meta", "!doctype", "link", "br", "input"};
	std::vector<std::string> open;

	for (std::size_t at = 0; (at = page.find('<', at)) != page.npos;) {
		if (page.compare(at, 4, "<!--") == 0) {
			at = page.find("-->", at);
			continue;
		}
		const bool closes = page[at + 1] == '/';
		const std::size_t name_at = at + 1 + closes;
		const std::string name = page.substr(name_at, page.find_first_of(" >\n", name_at) - name_at);
		at = page.find('>', at);
		if (at == page.npos)
			return name;
		if (closes) {
			if (open.empty() || open.back() != name)
				return name;
			open.pop_back();
		} else if (std::ranges::find(kEmpty, name) == kEmpty.end()) {
			open.push_back(name);
			// What is in these is text up to their end.
			if (name == "script" || name == "style")
				at = page.find("</" + name, at);
		}
	}
	return open.empty() ? "" : open.back();
}

std::vector<KernelResults> two_kernels(const std::string &text)
{
	return {kernel_results(document("old", "5.10", {rule("zap.one", O{{"text", text}, {"same", 1}}), rule("zap.two", O{})}), "a"),
		kernel_results(document("new", "6.12", {rule("zap.one", O{{"text", "plain"}, {"same", 1}}), rule("zap.two", O{})}), "b")};
}

Value data_in(const std::string &page)
{
	return Value::parse(between(page, "<script type=\"application/json\" id=\"data\">", "</script>"));
}

} // namespace

TEST_CASE("page.is_well_formed_and_has_its_data")
{
	const std::string page = page_with(page_data(two_kernels("plain")));
	CHECK(page.find("<!doctype html>\n<html") < 80);
	CHECK(badly_nested(page) == "");
	CHECK(badly_nested("<p><b></p></b>") == "p"); // the check itself
	CHECK(badly_nested("<p>") == "p");
	CHECK(data_in(page).find("kernels")->size() == 2);
	for (const char *mark : {"@STYLE@", "@SCRIPT@", "@DATA@"})
		CHECK_FALSE(has(page, mark));
}

TEST_CASE("page.takes_nothing_from_elsewhere")
{
	const std::string page = page_with(page_data(two_kernels("plain")));
	for (const char *way : {"http:", "https:", "//cdn", "src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "import(", "innerHTML"}) {
		CAPTURE(way);
		CHECK_FALSE(has(page, way));
	}
}

TEST_CASE("page.data_can_end_neither_script_nor_json")
{
	const std::string evil = "</script><script>alert(1)</script><!-- @STYLE@ \" \\ \xff";
	const std::string page = page_with(page_data(two_kernels(evil)));
	CHECK_FALSE(has(page, "alert(1)</script>"));
	CHECK_FALSE(has(page, "<!-- @STYLE@"));
	CHECK(badly_nested(page) == "");
	const std::string seen(data_in(page).find("rules")->items()[0].find("outcomes")->items()[0].find("observed")->find("text")->text());
	CHECK(seen.starts_with("</script><script>alert(1)</script><!-- @STYLE@ \" \\ "));
}

TEST_CASE("page.what_kernels_did_alike_is_in_it_once")
{
	const Value data = page_data(two_kernels("other"));
	const auto rules = data.find("rules")->items();
	REQUIRE(rules.size() == 2);
	CHECK(rules[0].find("outcomes")->size() == 2);
	CHECK(rules[0].find("on")->json() == "[0,1]");
	CHECK(rules[1].find("outcomes")->size() == 1);
	CHECK(rules[1].find("on")->json() == "[0,0]");

	std::vector<KernelResults> kernels = two_kernels("other");
	kernels.push_back(kernel_results(document("third", "7.3", {}), "c"));
	CHECK(page_data(kernels).find("rules")->items()[0].find("on")->json() == "[0,1,-1]");
}

TEST_CASE("page.what_varies_is_left_out_wherever_it_was_kept")
{
	Value told = rule("zap.one", O{{"pfn", 1}, {"pages", 1}});
	told.set("varies", Value::Array{"pfn"});
	const std::vector<KernelResults> kernels{kernel_results(document("old", "5.10", {rule("zap.one", O{{"pfn", 2}, {"pages", 1}})}), "a"),
						 kernel_results(document("new", "6.12", {told}), "b")};
	const Value one = page_data(kernels).find("rules")->items()[0];
	CHECK(one.find("on")->json() == "[0,0]");
	CHECK(one.find("varies")->json() == R"(["pfn"])");
	CHECK_FALSE(has(one.find("outcomes")->json(), "pfn"));
}

TEST_CASE("page.keeps_what_was_not_as_expected")
{
	const std::vector<KernelResults> kernels{kernel_results(
		document("old", "5.10", {fixture::failed("zap.one", O{{"a", 1}, {"b", 2}, {"c", 3}}, O{{"a", 1}, {"b", 9}})}), "a")};
	const Value outcome = page_data(kernels).find("rules")->items()[0].find("outcomes")->items()[0];
	CHECK(outcome.find("unmet")->json() == R"({"b":9})");
	CHECK(outcome.find("unjudged")->json() == R"(["c"])");
	CHECK(outcome.find("status")->text() == "fail");
}

TEST_CASE("page.is_written_whole_or_refused")
{
	const fixture::Folder folder;
	const std::string results = folder.file("one.json", document("one", "5.10", {rule("zap.one", O{})}).json());
	const std::string output = folder.path() + "/report.html";
	CHECK(report({results}, output).status == kOk);
	CHECK(badly_nested(read_text(output).value()) == "");
	CHECK_THROWS_AS(report({results}, folder.path() + "/none/report.html"), std::system_error);
	CHECK_THROWS_AS(report({folder.path() + "/none"}, output), UsageError);
	const fixture::Folder empty;
	CHECK_THROWS_AS(report({empty.path()}, output), UsageError);
}

TEST_CASE("page.of_twelve_kernels_is_small_enough")
{
	std::vector<KernelResults> kernels;
	for (int kernel = 0; kernel < 12; ++kernel) {
		Value::Array rules;
		for (int number = 0; number < 1100; ++number)
			rules.push_back(rule("zap." + std::to_string(number), O{{"pages", 4}, {"outcome", "SIGBUS BUS_ADRERR"}, {"kernel", number % 10 ? 0 : kernel}}));
		kernels.push_back(kernel_results(document(std::to_string(kernel), "6." + std::to_string(kernel), std::move(rules)), "x"));
	}
	CHECK(page_with(page_data(kernels)).size() < (std::size_t{2} << 20));
}

} // namespace ptelab::cli
