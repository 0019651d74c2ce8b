// SPDX-License-Identifier: GPL-2.0-or-later
// An array of records, one for each rule, in $PTELAB_RESULTS/rules.json; on stdout if that is not set.
//
// The file is a complete JSON document at every moment: a rule's record is written when it starts, as one that did not end,
// and overwritten when it ends. Whatever kills the run, its file tells how far it came and in which rule.
//
// A panic takes the file with it, so $PTELAB_STREAM may name a serial line, to which the verdict of each record goes at once, on a
// line. Without what was observed: a serial line of an emulated machine is slow.
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "runner.hpp"

namespace ptelab {

// Declared here for the tests: the JSON of one record.
Value to_value(const Record &record);

Value to_value(const Record &record)
{
	const Traits traits = record.info ? record.info->traits : Traits{};

	Value value;
	value.set("id", record.name);
	value.set("contract", traits.contract);
	value.set("name", record.name);
	value.set("status", name_of(record.status));
	value.set("reason", record.reason);
	value.set("observed", record.observed);
	value.set("expected", record.expected);
	value.set("expected_because", record.reasons);
	value.set("varies", record.varies);
	value.set("source", traits.source);
	value.set("statement", traits.says);
	value.set("file", record.file);
	value.set("line", record.line);
	value.set("duration_ms", record.milliseconds);
	return value;
}

namespace {

Value verdict_of(const Record &record)
{
	return Value::Object{{"id", record.name},     {"status", name_of(record.status)}, {"reason", record.reason},
			     {"file", record.file},   {"line", record.line},		  {"observed", Value::Object{}},
			     {"expected", Value::Object{}}};
}

class JsonReporter : public doctest::IReporter {
public:
	explicit JsonReporter(const doctest::ContextOptions &options) : options_(options) {}
	~JsonReporter() override
	{
		for (const int fd : {fd_, stream_}) {
			if (fd >= 0)
				::close(fd);
		}
	}

	void test_run_start() override
	{
		if (const char *folder = std::getenv("PTELAB_RESULTS")) {
			const std::string path = std::string(folder) + "/rules.json";
			fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			if (fd_ < 0)
				throw_errno("open " + path);
		}
		if (const char *path = std::getenv("PTELAB_STREAM")) {
			stream_ = ::open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
			if (stream_ < 0)
				throw_errno(std::string("open ") + path);
		}
		Value injected;
		injected.set("injected", RunLog::get().injected);
		send(injected.json() + "\n");
		end_ = put(0, "[");
		put(end_, "\n]\n");
	}

	void test_case_start(const doctest::TestCaseData &) override
	{
		if (fd_ < 0)
			return;
		Record unfinished = RunLog::get().current();
		unfinished.info = find_rule(unfinished.name);
		unfinished.status = Status::kFail;
		unfinished.reason = "did not end: the program or the kernel died in it";
		write_record(unfinished);
	}

	void test_case_end(const doctest::CurrentTestCaseStats &) override
	{
		end_ = write_record(RunLog::get().current());
		first_ = false;
	}

	void test_run_end(const doctest::TestRunStats &) override
	{
		if (fd_ < 0)
			*options_.cout << buffer_ << std::flush;
	}

	void report_query(const doctest::QueryData &) override {}
	void test_case_reenter(const doctest::TestCaseData &) override {}
	void test_case_exception(const doctest::TestCaseException &) override {}
	void subcase_start(const doctest::SubcaseSignature &) override {}
	void subcase_end() override {}
	void log_assert(const doctest::AssertData &) override {}
	void log_message(const doctest::MessageData &) override {}
	void test_case_skipped(const doctest::TestCaseData &) override {}

private:
	// Writes the record and the end of the array after it; answers with the offset between the two.
	std::size_t write_record(const Record &record)
	{
		const std::string text = (first_ ? "\n" : ",\n") + to_value(record).json();
		put(end_, text + "\n]\n");
		send(verdict_of(record).json() + "\n");
		return end_ + text.size();
	}

	void send(std::string_view line) const
	{
		while (stream_ >= 0 && !line.empty()) {
			const ssize_t sent = ::write(stream_, line.data(), line.size());
			if (sent < 0)
				throw_errno("write to PTELAB_STREAM");
			line.remove_prefix(static_cast<std::size_t>(sent));
		}
	}

	// Replaces everything from the offset on; answers with the new end.
	std::size_t put(std::size_t offset, const std::string &text)
	{
		if (fd_ < 0) {
			buffer_.resize(offset);
			buffer_ += text;
			return buffer_.size();
		}
		if (::pwrite(fd_, text.data(), text.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(text.size()) ||
		    ::ftruncate(fd_, static_cast<off_t>(offset + text.size())) < 0)
			throw_errno("write rules.json");
		return offset + text.size();
	}

	const doctest::ContextOptions &options_;
	int fd_ = -1;
	int stream_ = -1;
	std::size_t end_ = 0;
	bool first_ = true;
	std::string buffer_;
};

REGISTER_REPORTER("ptelab-json", 2, JsonReporter);

} // namespace
} // namespace ptelab
