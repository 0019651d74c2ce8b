// SPDX-License-Identifier: GPL-2.0-or-later
// The rules in the command: chosen by glob, listed, explained; the calls and what was known of them. The samples are those of
// report_test.cpp.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <ptelab/procfs.hpp>
#include <ptelab/temporary_folder.hpp>

#include "call_table.hpp"
#include "not_run.hpp"
#include "results.hpp"
#include "verify.hpp"

namespace ptelab::cli {
namespace {

struct Run {
	int status;
	std::string text;
};

// This program again, told by the environment to do what `ptelab verify` would.
Run verify_samples(const std::string &how)
{
	const std::string self = std::filesystem::read_symlink("/proc/self/exe");
	std::FILE *pipe = ::popen(("PTELAB_VERIFY='" + how + "' '" + self + "' -tc='verify.worker' -r=console 2>&1").c_str(), "r");
	REQUIRE(pipe);
	Run run;
	std::array<char, 4096> buffer;
	while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
		run.text.append(buffer.data(), got);
	run.status = WEXITSTATUS(::pclose(pipe));
	return run;
}

bool has(const Run &run, const std::string &text)
{
	return run.text.find(text) != std::string::npos;
}

std::size_t count(const std::string &text, const std::string &word)
{
	std::size_t found = 0;
	for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
		++found;
	return found;
}

VerifyOptions with_globs(std::vector<std::string> globs)
{
	VerifyOptions options;
	options.globs = std::move(globs);
	return options;
}

// Only in the second process: a run inside of a run of doctest would be the end of the outer one.
TEST_CASE("verify.worker")
{
	const char *how = std::getenv("PTELAB_VERIFY");
	if (!how)
		return;
	const std::string option(how);
	VerifyOptions options = with_globs({"sample.passes", "sample.fails", "sample.needs"});
	if (option == "pass")
		options.globs = {"XX-0?"};
	if (option == "skip")
		options.globs = {"sample.needs"};
	options.ktap = option == "ktap";
	options.fail_fast = option == "fail-fast";
	options.json = option == "json";
	if (option == "repeat") {
		options.repeat = 3;
		options.shuffle = 7;
	}
	const Report report = verify(options);
	std::puts(options.json ? report.json.json().c_str() : "");
	std::fflush(nullptr);
	::_exit(report.status);
}

TEST_CASE("verify.tells_what_failed_where_and_why")
{
	const Run run = verify_samples("");
	CHECK(run.status == kFailed);
	CHECK(has(run, "FAIL sample.fails\n  userspace/tests/report_test.cpp:"));
	CHECK(has(run, "errno: expected \"EBUSY\", observed \"ENOMEM\""));
	CHECK(has(run, "  rule: One is two\n  kernel source: mm/memory.c:two\n"));
	CHECK(has(run, "3 rules: 1 hold, 1 do not, 1 could not run here\n"));
	CHECK(has(run, "CONFIG_NO_SUCH"));
	CHECK_FALSE(has(run, "\r")); // no progress into a pipe
}

TEST_CASE("verify.has_an_exit_status_for_each_end")
{
	CHECK(verify_samples("pass").status == kOk);
	CHECK(verify_samples("skip").status == kNothingToRunOn);
	CHECK_THROWS_AS(verify(with_globs({"no.such.rule"})), UsageError);
	CHECK_THROWS_AS(verify(with_globs({"IP-10"})), NothingToRunOn);
}

TEST_CASE("verify.speaks_ktap_and_json")
{
	const Run ktap = verify_samples("ktap");
	CHECK(has(ktap, "KTAP version 1\n1..3\n"));
	CHECK(has(ktap, "not ok "));
	const Run json = verify_samples("json");
	CHECK(has(json, "\"status\":\"fail\""));
	CHECK(has(json, "\"round\":1"));
	CHECK_FALSE(has(json, "FAIL"));
}

TEST_CASE("verify.repeats_and_stops_early")
{
	CHECK(count(verify_samples("repeat").text, "FAIL sample.fails") == 3);
	const Run run = verify_samples("fail-fast");
	CHECK(run.status == kFailed);
	CHECK_FALSE(has(run, "3 rules"));
}

TEST_CASE("rules.are_chosen_by_name_or_contract_id")
{
	CHECK(chosen_rules({"sample.passes"}).size() == 1);
	CHECK(chosen_rules({"XX-01"}).front()->name == "sample.passes");
	CHECK(chosen_rules({"sample.*"}).size() > 5);
	CHECK(chosen_rules({}).size() == all_rules().size());
	CHECK(chosen_rules({"sample"}).empty());
}

TEST_CASE("rules.lists_also_what_is_not_run_here")
{
	const Report report = rules({}, {});
	CHECK(report.text.find("IP-10  not run here\n") != report.text.npos);
	CHECK(report.json.size() == all_rules().size() + not_run().size());
	CHECK_THROWS_AS(rules({"no.such.rule"}, {}), UsageError);
	std::set<std::string_view> ids;
	for (const NotRun &rule : not_run())
		CHECK(ids.insert(rule.contract).second);
}

TEST_CASE("explain.knows_calls_by_all_their_names")
{
	const Report old = explain_what("zap_vma_ptes", {}, {});
	CHECK(old.text.find("zap_special_vma_range") != old.text.npos);
	CHECK(find_call("zap_special_vma_range") == find_call("zap_vma_ptes"));
	CHECK(find_call("vm_insert_page") != find_call("vm_insert_pages"));
	CHECK(explain_what("vm_insert_page", {}, {}).text.find("IP-10") != std::string::npos);
	CHECK(explain_what("vm_insert_page", {}, {}).text.find("IP-11") == std::string::npos);
	CHECK_THROWS_AS(explain_what("insert_nothing", {}, {}), UsageError);
	std::set<std::string_view> names;
	for (const CallInfo &call : calls())
		CHECK(names.insert(call.name).second);
}

} // namespace
} // namespace ptelab::cli
