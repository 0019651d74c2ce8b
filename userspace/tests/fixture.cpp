// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <stdlib.h>

namespace ptelab::fixture {

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "ptelab-test-XXXXXX").string())
{
	if (!::mkdtemp(path_.data()))
		throw std::runtime_error("mkdtemp " + path_);
}

Folder::~Folder()
{
	std::error_code ignored;
	std::filesystem::remove_all(path_, ignored);
}

std::string Folder::file(const std::string &name, const std::string &content) const
{
	const std::string path = path_ + "/" + name;
	std::ofstream(path) << content;
	return path;
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

} // namespace ptelab::fixture
