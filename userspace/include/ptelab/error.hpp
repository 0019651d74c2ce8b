// SPDX-License-Identifier: GPL-2.0-or-later
// Errors: an errno that knows its name, and the way from an exception back to it.
#ifndef PTELAB_ERROR_HPP
#define PTELAB_ERROR_HPP

#include <string>
#include <string_view>
#include <system_error>

#include <ptelab/value.hpp>

namespace ptelab {

// "EBUSY", "ok" for 0, "errno 4242" for what libc has no name for.
std::string errno_name(int error);

struct Errno {
	int value = 0;

	Errno() = default;
	Errno(int error) : value(error) {}
	bool operator==(const Errno &) const = default;
};

Value to_value(const Errno &error);

// Throws std::system_error with the current errno.
[[noreturn]] void throw_errno(const std::string &what);
[[noreturn]] void throw_errno(int error, const std::string &what);

// Runs something that throws std::system_error when it fails, and answers with its errno: 0 if it did not fail.
template <class F>
Errno errno_of(F &&action)
{
	try {
		action();
	} catch (const std::system_error &error) {
		return error.code().value();
	}
	return 0;
}

} // namespace ptelab

#endif
