// SPDX-License-Identifier: GPL-2.0-or-later
// KTAP version 1 (Documentation/dev-tools/ktap.rst): one level, diagnostics before the result that they explain.
#include <algorithm>
#include <ostream>
#include <string>

#include "runner.hpp"

namespace ptelab {
namespace {

// A '#' would start a directive, a line break a new line.
std::string one_line(std::string text)
{
	std::ranges::replace(text, '#', '_');
	std::ranges::replace(text, '\n', ' ');
	return text;
}

class KtapReporter : public doctest::IReporter {
public:
	explicit KtapReporter(const doctest::ContextOptions &options) : options_(options) {}

	void test_run_start() override
	{
		*options_.cout << "KTAP version 1\n1.." << RunLog::get().injected << std::endl;
	}

	void test_case_end(const doctest::CurrentTestCaseStats &) override
	{
		const Record &record = RunLog::get().current();
		std::ostream &out = *options_.cout;

		for (const std::string &line : record.diagnostics)
			diagnose(line);
		if (record.info && record.status == Status::kFail) {
			diagnose(std::string("rule: ") + record.info->traits.says);
			diagnose(std::string("kernel source: ") + record.info->traits.source);
		}
		out << (record.status == Status::kFail ? "not ok " : "ok ") << ++number_ << ' ' << one_line(record.name);
		if (record.status == Status::kSkip)
			out << " # SKIP " << one_line(record.reason);
		else if (record.status == Status::kExpectedFail)
			out << " # XFAIL " << one_line(record.reason);
		out << std::endl; // flushed: the kernel may die in the next rule
	}

	void test_run_end(const doctest::TestRunStats &) override
	{
		const RunLog &log = RunLog::get();
		*options_.cout << "# Totals: pass:" << log.count(Status::kPass) << " fail:" << log.count(Status::kFail)
			       << " xfail:" << log.count(Status::kExpectedFail) << " xpass:0 skip:" << log.count(Status::kSkip)
			       << " error:0" << std::endl;
	}

	void report_query(const doctest::QueryData &) override {}
	void test_case_start(const doctest::TestCaseData &) override {}
	void test_case_reenter(const doctest::TestCaseData &) override {}
	void test_case_exception(const doctest::TestCaseException &) override {}
	void subcase_start(const doctest::SubcaseSignature &) override {}
	void subcase_end() override {}
	void log_assert(const doctest::AssertData &) override {}
	void log_message(const doctest::MessageData &) override {}
	void test_case_skipped(const doctest::TestCaseData &) override {}

private:
	void diagnose(const std::string &text)
	{
		std::ostream &out = *options_.cout;
		out << "# ";
		for (const char c : text)
			out << (c == '\n' ? "\n# " : std::string(1, c));
		out << '\n';
	}

	const doctest::ContextOptions &options_;
	std::size_t number_ = 0;
};

REGISTER_REPORTER("ktap", 1, KtapReporter);

} // namespace
} // namespace ptelab
