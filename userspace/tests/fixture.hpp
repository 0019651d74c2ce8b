// SPDX-License-Identifier: GPL-2.0-or-later
// Results of kernels that do not exist, made by a test.
#ifndef PTELAB_TESTS_FIXTURE_HPP
#define PTELAB_TESTS_FIXTURE_HPP

#include <string>
#include <vector>

#include <ptelab/value.hpp>

namespace ptelab::fixture {

// A folder of its own, gone at the end.
class Folder {
public:
	Folder();
	Folder(const Folder &) = delete;
	Folder &operator=(const Folder &) = delete;
	~Folder();

	const std::string &path() const { return path_; }
	// The path of a file in it with that content.
	std::string file(const std::string &name, const std::string &content) const;

private:
	std::string path_;
};

Value rule(const std::string &id, Value observed, Value expected = Value::Object{}, Value because = Value::Object{});
Value skipped(const std::string &id, const std::string &reason);
Value failed(const std::string &id, Value observed, Value expected);

Value document(const std::string &cell, const std::string &release, Value::Array rules);

} // namespace ptelab::fixture

#endif
