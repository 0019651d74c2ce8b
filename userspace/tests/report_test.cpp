// SPDX-License-Identifier: GPL-2.0-or-later
// The rule model and the reporters: this program runs its own samples below and reads what they report.
// Its main() leaves the suite "samples" out unless $PTELAB_SAMPLES is set.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <ptelab/procfs.hpp>
#include <ptelab/temporary_folder.hpp>

#include "runner.hpp"

namespace ptelab {
namespace {

constexpr const char *kSamples = "samples";

RULE("sample.passes", .contract = "XX-01", .says = "One is one", .source = "mm/memory.c:one", .suite = kSamples, .needs_module = false)
{
	rule.observe("seen", 7);
	rule.expect("one", 1, 1U);
	rule.expect("errno", Errno(EBUSY), EBUSY);
	rule.expect("depends", 1, choose(true, 1, 2, "this kernel counts from one"));
}

RULE("sample.fails", .says = "One is two", .source = "mm/memory.c:two", .suite = kSamples, .needs_module = false)
{
	rule.expect("errno", Errno(ENOMEM), EBUSY);
	rule.expect("goes on", 2, 2);
}

RULE("sample.throws", .says = "It ends well", .source = "mm/memory.c:three", .suite = kSamples, .needs_module = false)
{
	throw_errno(ENODEV, "mmap");
}

RULE("sample.known", .says = "It is fixed", .source = "mm/memory.c:four", .suite = kSamples, .needs_module = false)
{
	rule.expected_fail("CVE-0000-0000: not fixed");
	rule.expect("fixed", false, true);
}

RULE("sample.known_no_more", .says = "It is fixed", .source = "mm/memory.c:five", .suite = kSamples, .needs_module = false)
{
	rule.expected_fail("CVE-0000-0001: not fixed");
	rule.expect("fixed", true, true);
}

RULE("sample.leaves_a_handler", .says = "It cleans up", .source = "mm/memory.c:six", .suite = kSamples, .needs_module = false)
{
	std::signal(SIGBUS, SIG_IGN);
}

RULE("sample.needs", .says = "It needs much", .source = "mm/memory.c:seven",
     .needs = {kconfig("CONFIG_NO_SUCH", "/proc/there/is/none")}, .suite = kSamples, .needs_module = false)
{
	rule.expect("it runs", true, false);
}

RULE("sample.speaks # hash", .says = "It declares", .source = "mm/memory.c:eight", .suite = kSamples, .needs_module = false)
{
	rule.declare_kernel_line("WARNING: .* sample");
}

RULE("sample.zz_dies", .says = "It lives", .source = "mm/memory.c:nine", .suite = kSamples, .needs_module = false)
{
	if (std::getenv("PTELAB_SAMPLE_DIES"))
		::_exit(9);
}

struct Run {
	int status;
	std::string text;
	nlohmann::json rules;
	std::string declared;
	std::string kernel_log;
};

Run run_samples(const std::string &environment, const std::string &filter)
{
	const TemporaryFolder folder;
	const std::string self = std::filesystem::read_symlink("/proc/self/exe");
	const std::string kernel_log = folder.file("kernel.log");
	std::ofstream(kernel_log).flush();
	const std::string command =
		"PTELAB_KERNEL_LOG='" + kernel_log + "' " + environment + " PTELAB_RESULTS='" + folder.path() + "' '" + self + "' -ts=samples -tc='" + filter + "'";
	std::FILE *pipe = ::popen(command.c_str(), "r");
	REQUIRE(pipe);
	Run run;
	std::array<char, 4096> buffer;
	while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
		run.text.append(buffer.data(), got);
	run.status = WEXITSTATUS(::pclose(pipe));
	run.rules = nlohmann::json::parse(read_text(folder.file("rules.json")).value_or("null"));
	run.declared = read_line(folder.file("declared"));
	run.kernel_log = read_text(kernel_log).value_or("");
	return run;
}

nlohmann::json rule_of(const Run &run, const std::string &id)
{
	for (const nlohmann::json &rule : run.rules)
		if (rule["id"] == id)
			return rule;
	return {};
}

bool has(const Run &run, const std::string &text)
{
	return run.text.find(text) != std::string::npos;
}

TEST_CASE("report.ktap_and_json_tell_the_same")
{
	const Run run = run_samples("PTELAB_SAMPLES=1", "*");

	CHECK(run.status == kExitFail);
	CHECK(run.text.starts_with("KTAP version 1\n1..9\n"));
	CHECK(has(run, "ok 1 sample.passes\n"));
	CHECK(has(run, "errno: expected \"EBUSY\", observed \"ENOMEM\"\n# rule: One is two\n# kernel source: mm/memory.c:two\nnot ok 2 sample.fails\n"));
	CHECK(has(run, "threw mmap: No such device"));
	CHECK(has(run, "not ok 3 sample.throws\n"));
	CHECK(has(run, "ok 4 sample.known # XFAIL CVE-0000-0000: not fixed\n"));
	CHECK(has(run, "not ok 5 sample.known_no_more\n"));
	CHECK(has(run, "left something behind: the handler of SIGBUS"));
	CHECK(has(run, "ok 7 sample.needs # SKIP kernel "));
	CHECK(has(run, "was built without CONFIG_NO_SUCH"));
	CHECK(has(run, "ok 8 sample.speaks _ hash\n"));
	CHECK(has(run, "# Totals: pass:3 fail:4 xfail:1 xpass:0 skip:1 error:0\n"));

	REQUIRE(run.rules.size() == 9);
	const nlohmann::json passed = rule_of(run, "sample.passes");
	CHECK(passed["contract"] == "XX-01");
	CHECK(passed["status"] == "pass");
	CHECK(passed["observed"]["seen"] == 7);
	CHECK(passed["observed"]["errno"] == "EBUSY");
	CHECK(passed["expected_because"]["depends"] == "this kernel counts from one");
	CHECK(passed["file"] == "userspace/tests/report_test.cpp");
	const nlohmann::json failed = rule_of(run, "sample.fails");
	CHECK(failed["status"] == "fail");
	CHECK(failed["expected"]["errno"] == "EBUSY");
	CHECK(failed["observed"]["goes on"] == 2);
	CHECK(failed["source"] == "mm/memory.c:two");
	CHECK(rule_of(run, "sample.known")["status"] == "expected_fail");
	CHECK(rule_of(run, "sample.needs")["status"] == "skip");
	CHECK(run.declared == "sample.speaks # hash\tWARNING: .* sample");
}

TEST_CASE("report.a_rule_marks_its_time_in_the_kernel_log")
{
	CHECK(run_samples("PTELAB_SAMPLES=1", "sample.throws,sample.needs,sample.speaks*").kernel_log ==
	      "ptelab-rule: begin sample.throws\nptelab-rule: end sample.throws\n"
	      "ptelab-rule: begin sample.speaks # hash\nptelab-rule: end sample.speaks # hash\n");
	const Run unmarked = run_samples("PTELAB_SAMPLES=1 PTELAB_KERNEL_LOG=/no/such/file", "sample.speaks*");
	CHECK(unmarked.status == kExitPass);
	CHECK(unmarked.declared == "WARNING: .* sample");
}

TEST_CASE("report.exit_status_says_whether_anything_ran")
{
	CHECK(run_samples("PTELAB_SAMPLES=1", "sample.passes").status == kExitPass);
	CHECK(run_samples("PTELAB_SAMPLES=1", "sample.needs").status == kExitNothingRan);
	CHECK(run_samples("PTELAB_SAMPLES=1", "no.such.rule").status == kExitNothingRan);
}

TEST_CASE("report.a_death_leaves_the_earlier_records_and_names_the_rule")
{
	const Run run = run_samples("PTELAB_SAMPLES=1 PTELAB_SAMPLE_DIES=1", "sample.passes,sample.zz_dies");

	CHECK(run.status == 9);
	REQUIRE(run.rules.size() == 2);
	CHECK(run.rules[0]["status"] == "pass");
	CHECK(run.rules[1]["id"] == "sample.zz_dies");
	CHECK(run.rules[1]["status"] == "fail");
	CHECK(std::string(run.rules[1]["reason"]).starts_with("did not end"));
}

} // namespace
} // namespace ptelab
