// SPDX-License-Identifier: GPL-2.0-or-later
// For people: what failed and why, at once; what could not run and why, at the end; the rule at hand, on a terminal only.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <ostream>
#include <string>
#include <string_view>

#include <unistd.h>

#include <fmt/core.h>

#include "runner.hpp"

namespace ptelab {
namespace {

bool can_erase_a_line()
{
	const char *const terminal = std::getenv("TERM");
	return ::isatty(STDERR_FILENO) == 1 && terminal && std::string_view(terminal) != "dumb";
}

class TextReporter : public doctest::IReporter {
public:
	explicit TextReporter(const doctest::ContextOptions &options)
		: options_(options), shows_progress_(!options.quiet && can_erase_a_line())
	{
	}

	void test_case_start(const doctest::TestCaseData &test) override
	{
		++number_;
		if (shows_progress_)
			progress(fmt::format("[{}/{}] {}", number_, RunLog::get().injected, test.m_name));
	}

	void test_case_end(const doctest::CurrentTestCaseStats &) override
	{
		const Record &record = RunLog::get().current();
		if (record.status == Status::kFail)
			tell(record);
	}

	void test_run_end(const doctest::TestRunStats &) override
	{
		const RunLog &log = RunLog::get();
		std::map<std::string, std::size_t> reasons;
		std::ostream &out = *options_.cout;

		progress("");
		out << log.records.size() << " rules: " << log.count(Status::kPass) << " hold, " << log.count(Status::kFail) << " do not";
		if (const std::size_t known = log.count(Status::kExpectedFail))
			out << ", " << known << " do not and are known not to";
		out << ", " << log.count(Status::kSkip) << " could not run here\n";
		for (const Record &record : log.records)
			if (record.status == Status::kSkip)
				++reasons[record.reason];
		for (const auto &[reason, count] : reasons)
			out << "  " << count << " could not run: " << reason << '\n';
		out << std::flush;
	}

	void report_query(const doctest::QueryData &) override {}
	void test_run_start() override {}
	void test_case_reenter(const doctest::TestCaseData &) override {}
	void test_case_exception(const doctest::TestCaseException &) override {}
	void subcase_start(const doctest::SubcaseSignature &) override {}
	void subcase_end() override {}
	void log_assert(const doctest::AssertData &) override {}
	void log_message(const doctest::MessageData &) override {}
	void test_case_skipped(const doctest::TestCaseData &) override {}

private:
	void tell(const Record &record)
	{
		std::ostream &out = *options_.cout;

		progress("");
		out << "FAIL " << record.name << '\n';
		for (const std::string &line : record.diagnostics)
			out << "  " << line << '\n';
		if (record.reasons.size() > 0)
			out << "  expected because: " << record.reasons.json() << '\n';
		if (record.info) {
			out << "  rule: " << record.info->traits.says << '\n';
			out << "  kernel source: " << record.info->traits.source << '\n';
		}
		out << '\n' << std::flush;
	}

	// Replaces the line that is being written over.
	void progress(const std::string &line)
	{
		if (shows_progress_)
			std::fprintf(stderr, "\r\033[K%.*s", kProgressWidth, line.c_str());
	}

	static constexpr int kProgressWidth = 78;
	const doctest::ContextOptions &options_;
	const bool shows_progress_;
	std::size_t number_ = 0;
};

REGISTER_REPORTER("ptelab-text", 2, TextReporter);

} // namespace
} // namespace ptelab
