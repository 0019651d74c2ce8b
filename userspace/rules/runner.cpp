// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <sstream>
#include <string>

#include <fmt/core.h>

#include "selection.hpp"

namespace ptelab {
namespace {

// Reports to nobody; writes each test's outcome to the RunLog.
class Collector : public doctest::IReporter {
public:
	explicit Collector(const doctest::ContextOptions &) {}

	void report_query(const doctest::QueryData &query) override { RunLog::get().injected = query.num_data; }
	void test_run_start() override {}
	void test_run_end(const doctest::TestRunStats &) override {}

	void test_case_start(const doctest::TestCaseData &test) override
	{
		Record &record = RunLog::get().records.emplace_back();
		record.name = test.m_name;
		record.file = test.m_file.c_str();
		record.line = test.m_line;
	}
	void test_case_reenter(const doctest::TestCaseData &) override {}

	void test_case_end(const doctest::CurrentTestCaseStats &stats) override
	{
		Record &record = RunLog::get().current();
		record.milliseconds = stats.seconds * 1000;
		if (stats.testCaseSuccess)
			return;
		record.status = Status::kFail;
		record.reason = record.diagnostics.empty() ? "failed" : record.diagnostics.front();
	}

	void test_case_exception(const doctest::TestCaseException &exception) override
	{
		const Record &record = RunLog::get().current();
		say(fmt::format("{}:{}: {}{}", record.file, record.line, exception.is_crash ? "crashed with " : "threw ",
				exception.error_string.c_str()));
	}

	void subcase_start(const doctest::SubcaseSignature &) override {}
	void subcase_end() override {}

	void log_assert(const doctest::AssertData &assertion) override
	{
		if (!assertion.m_failed)
			return;
		std::string text = fmt::format("{}:{}: {}", assertion.m_file, assertion.m_line, assertion.m_expr);
		if (assertion.m_threw)
			text += fmt::format(" threw {}", assertion.m_exception.c_str());
		else if (assertion.m_decomp.size() > 0)
			text += fmt::format(" is {}", assertion.m_decomp.c_str());
		say(std::move(text));
	}

	void log_message(const doctest::MessageData &message) override
	{
		say(fmt::format("{}:{}: {}", message.m_file, message.m_line, message.m_string.c_str()));
	}

	void test_case_skipped(const doctest::TestCaseData &) override {}

private:
	static void say(std::string text)
	{
		for (int i = 0; i < get_num_active_contexts(); ++i) {
			std::ostringstream out;
			get_active_contexts()[i]->stringify(&out);
			text += " (" + out.str() + ")";
		}
		RunLog::get().current().diagnostics.push_back(std::move(text));
	}
};

REGISTER_LISTENER("collector", 1, Collector);

bool has_option(std::span<const char *const> arguments, std::initializer_list<std::string_view> names)
{
	return std::ranges::any_of(arguments, [&](const char *argument) {
		return std::ranges::any_of(names, [&](std::string_view name) {
			const std::string_view text(argument);
			return text.starts_with(std::string("-") + std::string(name) + "=") ||
			       text.starts_with(std::string("--") + std::string(name) + "=");
		});
	});
}

// Asks doctest which tests are selected, without a word on stdout.
void inject(int argc, const char *const *argv)
{
	std::ostream silence(nullptr);
	std::vector<const char *> arguments(argv, argv + argc);
	arguments.push_back("--list-test-cases"); // setOption() cannot set a flag
	doctest::Context context(static_cast<int>(arguments.size()), arguments.data());
	context.setCout(&silence);
	context.run();
}

} // namespace

RunLog &RunLog::get()
{
	static RunLog log;
	return log;
}

std::size_t RunLog::count(Status status) const
{
	return static_cast<std::size_t>(std::ranges::count(records, status, &Record::status));
}

std::string_view name_of(Status status)
{
	switch (status) {
	case Status::kPass: return "pass";
	case Status::kFail: return "fail";
	case Status::kExpectedFail: return "expected_fail";
	case Status::kSkip: return "skip";
	}
	return "?";
}

int run_tests(int argc, const char *const *argv)
{
	try {
		register_rules(selected(selection_of({argv, static_cast<std::size_t>(argc)}), all_rules()));
	} catch (const BadSelection &error) {
		fmt::print(stderr, "{}\n", error.what());
		return kExitUsage;
	}

	doctest::Context context;
	if (!has_option({argv, static_cast<std::size_t>(argc)}, {"ob", "order-by", "dt-order-by", "dt-ob"}))
		context.setOption("order-by", "suite");
	context.applyCommandLine(argc, argv);
	if (!has_option({argv, static_cast<std::size_t>(argc)}, {"r", "reporters", "dt-r", "dt-reporters"})) {
		context.addFilter("reporters", "ktap");
		if (std::getenv("PTELAB_RESULTS"))
			context.addFilter("reporters", "ptelab-json");
	}
	if (context.shouldExit()) { // --help, --list-test-cases and their like
		const int status = context.run();
		if (std::ranges::any_of(argv, argv + argc, [](std::string_view word) { return word == "--help" || word == "-h"; }))
			fmt::print("\n{}", kSelectionHelp);
		return status;
	}

	inject(argc, argv);
	RunLog::get().records.clear();
	if (context.run() != 0 || RunLog::get().count(Status::kFail) > 0)
		return kExitFail;
	const RunLog &log = RunLog::get();
	return log.count(Status::kPass) + log.count(Status::kExpectedFail) > 0 ? kExitPass : kExitNothingRan;
}

} // namespace ptelab
