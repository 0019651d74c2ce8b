// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.hpp"

#include <fstream>

namespace ptelab::fixture {

std::string Folder::file(const std::string &name, const std::string &content) const
{
	const std::string at = TemporaryFolder::file(name);
	std::ofstream(at) << content;
	return at;
}

Value rule(const std::string &id, Value observed, Value expected, Value because)
{
	return Value::Object{{"id", id},
			     {"contract", ""},
			     {"status", "pass"},
			     {"reason", ""},
			     {"observed", std::move(observed)},
			     {"expected", std::move(expected)},
			     {"expected_because", std::move(because)},
			     {"source", "mm/memory.c:some_function"},
			     {"statement", "Something is so"},
			     {"file", "userspace/rules/sample.cpp"},
			     {"line", 7}};
}

Value skipped(const std::string &id, const std::string &reason)
{
	Value record = rule(id, Value::Object{});
	record.set("status", "skip");
	record.set("reason", reason);
	return record;
}

Value failed(const std::string &id, Value observed, Value expected)
{
	Value record = rule(id, std::move(observed), std::move(expected));
	record.set("status", "fail");
	record.set("reason", "an expectation was not met");
	return record;
}

Value document(const std::string &cell, const std::string &release, Value::Array rules)
{
	return Value::Object{{"kernel", Value::Object{{"release", release}, {"arch", "x86_64"}, {"flavour", "test"}, {"cell", cell}}},
			     {"verdict", "pass"},
			     {"reason", ""},
			     {"rules", std::move(rules)}};
}

bool has(const std::string &text, const std::string &part)
{
	return text.find(part) != text.npos;
}

} // namespace ptelab::fixture
