// SPDX-License-Identifier: GPL-2.0-or-later
#include "rule.hpp"

#include <cstdlib>
#include <deque>
#include <exception>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "hygiene.hpp"
#include "runner.hpp"

namespace ptelab {
namespace {

struct Skipped {
	std::string reason;
};

// The chain of what is written down; pointers, as these are ready before any constructor runs.
constinit WrittenRule *g_first = nullptr;
constinit WrittenRule **g_end = &g_first;

class Registry {
public:
	static const Registry &get()
	{
		static const Registry registry;
		return registry;
	}

	std::span<const RuleInfo *const> in_order() const { return in_order_; }

	const RuleInfo *find(std::string_view name) const
	{
		const auto found = by_name_.find(name);
		return found == by_name_.end() ? nullptr : found->second;
	}

private:
	Registry()
	{
		for (const WrittenRule *rule = g_first; rule; rule = rule->next) {
			if (rule->nodes == 0)
				add(*rule, std::string(rule->name), nullptr);
			for (const Node &node : nodes())
				if (rule->nodes & bit_of(node.method))
					add(*rule, fmt::format("{}.{}", node.name, rule->name), &node);
		}
	}

	void add(const WrittenRule &written, std::string name, const Node *node)
	{
		const RuleInfo &info = rules_.emplace_back(
			RuleInfo{std::move(name), node, written.traits(), written.file, written.line, written.body});
		in_order_.push_back(&info);
		// Found by its name: the second would never run.
		if (const auto [first, is_new] = by_name_.emplace(info.name, &info); !is_new) {
			fmt::print(stderr, "{}:{}: {} is the name of the rule at {}:{} too\n", info.file, info.line, info.name,
				   first->second->file, first->second->line);
			std::abort();
		}
	}

	std::deque<RuleInfo> rules_; // a deque: names and addresses stay where they are
	std::vector<const RuleInfo *> in_order_;
	std::unordered_map<std::string_view, const RuleInfo *> by_name_;
};

// The function that doctest calls, whatever the rule.
void run_current_rule()
{
	const RuleInfo *info = find_rule(doctest::getContextOptions()->currentTest->m_name);
	if (!info)
		throw std::logic_error("doctest runs a rule that was never registered");
	run_rule(*info, RunLog::get().current());
}

std::string unmet_need(const RuleInfo &info)
{
	if (info.node) {
		if (std::string reason = why_absent(*info.node); !reason.empty())
			return reason;
	} else if (info.traits.needs_module) {
		if (std::string reason = why_absent(nodes().front()); !reason.empty())
			return reason;
	}
	for (const Need &need : info.traits.needs)
		if (std::string reason = need.why_not(); !reason.empty())
			return reason;
	return "";
}

// One write, as /dev/kmsg makes a line of each.
bool append(const char *path, const std::string &line, int flags)
{
	const int fd = ::open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0644);
	if (fd < 0)
		return false;
	const bool whole = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
	::close(fd);
	return whole;
}

// Marks in $PTELAB_KERNEL_LOG, if that is set, between which a line of the kernel is of this rule's time
// (scripts/lib/kernellog.py).
class TimeInKernelLog {
public:
	explicit TimeInKernelLog(const std::string &rule) : path_(std::getenv("PTELAB_KERNEL_LOG")), rule_(rule), marked_(mark("begin")) {}
	~TimeInKernelLog() { mark("end"); }
	TimeInKernelLog(const TimeInKernelLog &) = delete;
	TimeInKernelLog &operator=(const TimeInKernelLog &) = delete;

	bool marked() const { return marked_; }

private:
	bool mark(const char *what) const { return path_ && append(path_, fmt::format("ptelab-rule: {} {}\n", what, rule_), 0); }

	const char *path_;
	const std::string &rule_;
	bool marked_;
};

} // namespace

bool write_down(WrittenRule &rule)
{
	*g_end = &rule;
	g_end = &rule.next;
	return true;
}

std::span<const RuleInfo *const> all_rules()
{
	return Registry::get().in_order();
}

const RuleInfo *find_rule(std::string_view name)
{
	return Registry::get().find(name);
}

std::size_t register_rules(std::span<const RuleInfo *const> rules)
{
	static std::unordered_set<const RuleInfo *> registered;

	for (const RuleInfo *info : rules)
		if (registered.insert(info).second)
			doctest::detail::regTest(doctest::detail::TestCase(run_current_rule, info->file, info->line,
									   doctest::detail::TestSuite() * info->traits.suite) *
						 info->name.c_str());
	return registered.size();
}

void run_rule(const RuleInfo &info, Record &record)
{
	record.info = &info;
	if (const std::string reason = unmet_need(info); !reason.empty()) {
		record.status = Status::kSkip;
		record.reason = reason;
		return;
	}

	const TimeInKernelLog time(info.name);
	const Hygiene hygiene(info);
	Rule rule(info, record);
	if (time.marked())
		rule.declares_as_ = info.name + "\t";
	std::exception_ptr failure;
	try {
		info.body(rule);
	} catch (const Skipped &skipped) {
		record.status = Status::kSkip;
		record.reason = skipped.reason;
	} catch (...) {
		failure = std::current_exception();
	}
	for (const std::string &trace : hygiene.left_behind())
		DOCTEST_ADD_FAIL_CHECK_AT(info.file, static_cast<int>(info.line), trace);
	if (failure)
		std::rethrow_exception(failure);
	if (rule.expects_fail_ && !rule.failed_as_expected_ && record.status != Status::kSkip)
		DOCTEST_ADD_FAIL_CHECK_AT(info.file, static_cast<int>(info.line),
					  "was declared to fail, and did not: " << record.reason);
}

bool Rule::check(std::string_view name, Value observed, Value wanted, const char *file, int line)
{
	const bool equal = observed == wanted;
	const std::string message =
		equal ? "" : fmt::format("{}: expected {}, observed {}", name, wanted.json(), observed.json());

	record_.observed.set(name, std::move(observed));
	record_.expected.set(name, std::move(wanted));
	if (equal)
		return true;
	if (expects_fail_) {
		failed_as_expected_ = true;
		record_.diagnostics.push_back(fmt::format("{}:{}: {}", file, line, message));
	} else {
		DOCTEST_ADD_FAIL_CHECK_AT(file, line, message);
	}
	return false;
}

void Rule::skip(const std::string &reason)
{
	throw Skipped{reason};
}

void Rule::expected_fail(const std::string &reason)
{
	expects_fail_ = true;
	record_.status = Status::kExpectedFail;
	record_.reason = reason;
}

void Rule::declare_kernel_line(std::string_view regex)
{
	const char *folder = std::getenv("PTELAB_RESULTS");
	if (!folder)
		return;
	const std::string path = fmt::format("{}/declared", folder);
	if (!append(path.c_str(), fmt::format("{}{}\n", declares_as_, regex), O_CREAT))
		throw_errno("write " + path);
}

} // namespace ptelab
