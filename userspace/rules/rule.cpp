// SPDX-License-Identifier: GPL-2.0-or-later
#include "rule.hpp"

#include <cstdlib>
#include <deque>
#include <exception>
#include <stdexcept>

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

struct Registry {
	std::deque<RuleInfo> rules; // a deque: names and addresses stay where they are
	std::vector<const RuleInfo *> in_order;

	static Registry &get()
	{
		static Registry registry;
		return registry;
	}
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

bool add_rule(void (*body)(Rule &), const char *file, unsigned line, std::string_view name, __u32 node_mask, const Traits &traits)
{
	Registry &registry = Registry::get();
	const auto add = [&](std::string full_name, const Node *node) {
		// Found by its name: the second would never run.
		if (const RuleInfo *const first = find_rule(full_name)) {
			fmt::print(stderr, "{}:{}: {} is the name of the rule at {}:{} too\n", file, line, full_name, first->file, first->line);
			std::abort();
		}
		const RuleInfo &info = registry.rules.emplace_back(
			RuleInfo{std::move(full_name), node, traits, file, line, body});
		registry.in_order.push_back(&info);
		doctest::detail::regTest(doctest::detail::TestCase(run_current_rule, file, line,
								   doctest::detail::TestSuite() * traits.suite) *
					 info.name.c_str());
	};

	if (node_mask == 0)
		add(std::string(name), nullptr);
	for (const Node &node : nodes())
		if (node_mask & bit_of(node.method))
			add(fmt::format("{}.{}", node.name, name), &node);
	return true;
}

std::span<const RuleInfo *const> all_rules()
{
	return Registry::get().in_order;
}

const RuleInfo *find_rule(std::string_view name)
{
	for (const RuleInfo *info : all_rules())
		if (info->name == name)
			return info;
	return nullptr;
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
