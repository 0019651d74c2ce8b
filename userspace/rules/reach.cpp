// SPDX-License-Identifier: GPL-2.0-or-later
#include "reach.hpp"
#include "need.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/procfs.hpp>

#include "huge_lab.hpp"
#include "rule.hpp"
#include "runner.hpp"
#include "symbols.hpp"

namespace ptelab {
namespace {

constexpr std::string_view kTracing = "/sys/kernel/tracing/";
constexpr std::string_view kProbes = "ptelab_reach";
// After every rule but those that load the module anew: with probes in it, one load takes a second, as each is set again.
constexpr const char *kTallySuite = "reached";
static_assert(std::string_view(kMisuseSuite) < kTallySuite && std::string_view(kTallySuite) < kReloadSuite);

std::string tracing(std::string_view file)
{
	return fmt::format("{}{}", kTracing, file);
}

// One write(2), as the files of tracefs want it.
Errno put(const std::string &path, const std::string &text, int flags = 0)
{
	const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return errno;
	const ssize_t written = ::write(fd, text.data(), text.size());
	const int error = written < 0 ? errno : 0;
	::close(fd);
	return error;
}

// "name.isra.0" is the compiler's clone of name; ".cold" is a part that is only jumped to.
bool is_clone(std::string_view function, std::string_view name)
{
	if (!function.starts_with(name))
		return false;
	const std::string_view suffix = function.substr(name.size());
	return suffix.starts_with(".constprop.") || suffix.starts_with(".isra.") || suffix.starts_with(".part.");
}

} // namespace

KprobeCounter::KprobeCounter()
{
	const std::string functions = tracing("available_filter_functions");

	if (::access(tracing("kprobe_events").c_str(), W_OK) != 0) {
		why_not_ = ::geteuid() == 0 ? "this kernel was built without CONFIG_KPROBE_EVENTS, or tracefs is not mounted"
					    : "only root can set kprobes";
		return;
	}
	std::ifstream in(functions);
	for (std::string line; std::getline(in, line);) {
		// "name" or "name [module]"
		const std::size_t blank = line.find_first_of(" \t");
		if (blank == std::string::npos)
			functions_.insert(line);
		else if (line.ends_with("[ptelab]"))
			functions_.insert("ptelab:" + line.substr(0, blank));
	}
	if (functions_.empty())
		why_not_ = fmt::format("this kernel was built without CONFIG_FUNCTION_TRACER ({} cannot be read)", functions);
	tracing_on_ = read_line(tracing("tracing_on"));
}

KprobeCounter::~KprobeCounter()
{
	if (started_) {
		put(tracing(fmt::format("events/{}/enable", kProbes)), "0");
		put(tracing("tracing_on"), tracing_on_);
	}
	for (const auto &[event, symbol] : symbol_of_)
		put(tracing("kprobe_events"), fmt::format("-:{}/{}", kProbes, event), O_APPEND);
}

std::string KprobeCounter::find(std::string_view symbol) const
{
	if (functions_.contains(symbol))
		return std::string(symbol);
	const auto next = functions_.lower_bound(symbol);
	return next != functions_.end() && is_clone(*next, symbol) ? *next : "";
}

void KprobeCounter::watch(const std::string &symbol)
{
	std::string event = symbol;

	std::ranges::replace_if(event, [](char c) { return c == ':' || c == '.'; }, '_');
	if (symbol_of_.contains(event))
		return;
	const Errno error = put(tracing("kprobe_events"), fmt::format("p:{}/{} {}", kProbes, event, symbol), O_APPEND);
	if (error != 0)
		throw_errno(error.value, "a kprobe on " + symbol);
	symbol_of_[event] = symbol;
}

void KprobeCounter::start()
{
	// Hits are counted before the event is written to the buffer (kernel/trace/trace_kprobe.c: kprobe_dispatcher), and
	// nobody reads the buffer.
	put(tracing("tracing_on"), "0");
	started_ = true;
	if (const Errno error = put(tracing(fmt::format("events/{}/enable", kProbes)), "1"); error != 0)
		throw_errno(error.value, "enabling the kprobes");
}

std::map<std::string, std::uint64_t> KprobeCounter::hits() const
{
	std::map<std::string, std::uint64_t> found;
	std::ifstream in(tracing("kprobe_profile"));
	std::string event;
	std::uint64_t hit = 0, missed = 0;

	while (in >> event >> hit >> missed)
		if (const auto known = symbol_of_.find(event); known != symbol_of_.end())
			found[known->second] = hit;
	return found;
}

Reach::Reach()
{
	if (!counter_.why_not().empty())
		return;
	for (const FamilyCall &call : family()) {
		Counted &entry = counted_.emplace_back(Counted{&call, {}, ""});
		for (const Witness &witness : call.witnesses) {
			const std::string symbol = counter_.find(witness.symbol);
			if (symbol.empty() || (witness.exported && !(kernel_features() & witness.exported)))
				continue;
			entry.witnesses.emplace_back(&witness, symbol);
			counter_.watch(symbol);
		}
		if (!call.barred_by.empty() && has_global_function(call.barred_by))
			entry.barred = fmt::format("{}: {}", call.barred_by, call.barred_because);
		else if (call.exported && !(kernel_features() & call.exported))
			entry.barred = call.not_exported_because;
		else if (call.machine)
			entry.barred = call.machine().why_not();
	}
	counter_.start();
}

// The compiler may have put all uses of a function into its callers, and left the function: then a later witness tells.
Reach::Told Reach::told(const Counted &entry, const std::map<std::string, std::uint64_t> &hits)
{
	Told first;
	for (const auto &[witness, symbol] : entry.witnesses) {
		const auto found = hits.find(symbol);
		const Told one{witness, symbol, found == hits.end() ? 0 : found->second};
		if (one.hits)
			return one;
		if (!first.witness)
			first = one;
	}
	return first;
}

Value Reach::report() const
{
	const std::map<std::string, std::uint64_t> hits = counter_.hits();
	Value all = Value::Object{};

	for (const Counted &entry : counted_) {
		const Told found = told(entry, hits);
		Value one = Value::Object{};
		one.set("symbol", found.witness ? Value(found.symbol) : Value());
		one.set("route", entry.call->route);
		one.set("hits", found.witness ? Value(found.hits) : Value());
		if (!found.witness)
			one.set("absent", "this kernel has no such function for modules");
		else if (!found.witness->what.empty())
			one.set("stands_for_it", found.witness->what);
		if (!entry.barred.empty())
			one.set("barred", entry.barred);
		all.set(entry.call->name, std::move(one));
	}
	return all;
}

std::vector<std::string> Reach::missed() const
{
	const std::map<std::string, std::uint64_t> hits = counter_.hits();
	std::vector<std::string> names;

	for (const Counted &entry : counted_)
		if (const Told found = told(entry, hits); found.witness && entry.barred.empty() && found.hits == 0)
			names.push_back(fmt::format("{} ({})", entry.call->name, found.symbol));
	return names;
}

namespace {

std::unique_ptr<Reach> reach;

bool is_whole_run()
{
	return RunLog::get().injected >= all_rules().size();
}

std::size_t rules_before_the_tally()
{
	return static_cast<std::size_t>(std::ranges::count_if(
		all_rules(), [](const RuleInfo *rule) { return std::string_view(rule->traits.suite) < kTallySuite; }));
}

void finish()
{
	if (const char *folder = std::getenv("PTELAB_RESULTS"); reach && folder && reach->why_not().empty())
		std::ofstream(std::string(folder) + "/reached.json") << reach->report().json(1) << '\n';
	reach.reset();
}

// Probes cost a second to set, and their counts say nothing unless every rule runs between start and end.
class ReachListener : public doctest::IReporter {
public:
	explicit ReachListener(const doctest::ContextOptions &) {}

	void test_run_start() override
	{
		if (is_whole_run())
			reach = std::make_unique<Reach>();
	}
	void test_run_end(const doctest::TestRunStats &) override
	{
		finish();
	}

	void report_query(const doctest::QueryData &) override {}
	void test_case_start(const doctest::TestCaseData &) override {}
	void test_case_reenter(const doctest::TestCaseData &) override {}
	void test_case_end(const doctest::CurrentTestCaseStats &) override {}
	void test_case_exception(const doctest::TestCaseException &) override {}
	void subcase_start(const doctest::SubcaseSignature &) override {}
	void subcase_end() override {}
	void log_assert(const doctest::AssertData &) override {}
	void log_message(const doctest::MessageData &) override {}
	void test_case_skipped(const doctest::TestCaseData &) override {}
};

REGISTER_LISTENER("reach", 3, ReachListener);

RULE("reach.every_call_was_reached", .says = "The rules of one whole run reach every call of the family that this kernel has",
     .source = "kernel/trace/trace_kprobe.c:probes_profile_seq_show", .suite = kTallySuite)
{
	const std::size_t before = RunLog::get().records.size();

	if (!reach || before <= rules_before_the_tally())
		rule.skip(fmt::format("the counts mean something only after all rules: {} of {} came before this one", before - 1,
				      rules_before_the_tally()));
	if (!reach->why_not().empty())
		rule.skip(reach->why_not());
	rule.expect("never reached", reach->missed(), std::vector<std::string>{});
	finish();
}

} // namespace
} // namespace ptelab
