// SPDX-License-Identifier: GPL-2.0-or-later
// Results of kernels that do not exist, made by a test.
#ifndef PTELAB_TESTS_FIXTURE_HPP
#define PTELAB_TESTS_FIXTURE_HPP

#include <string>
#include <vector>

#include <ptelab/temporary_folder.hpp>
#include <ptelab/value.hpp>

namespace ptelab::fixture {

// A folder for a test's files.
class Folder : public TemporaryFolder {
public:
	// The path of a file in it with that content.
	std::string file(const std::string &name, const std::string &content) const;
};

Value rule(const std::string &id, Value observed, Value expected = Value::Object{}, Value because = Value::Object{});
Value skipped(const std::string &id, const std::string &reason);
Value failed(const std::string &id, Value observed, Value expected);

Value document(const std::string &cell, const std::string &release, Value::Array rules);

bool has(const std::string &text, const std::string &part);

} // namespace ptelab::fixture

#endif
