// SPDX-License-Identifier: GPL-2.0-or-later
// A value or an error number, and the one macro that hands the error on. There are no exceptions to do it.
// Not a std::expected: no monadic calls, no error type but Errno, and a non-trivial Result can't be assigned.
#pragma once

#include "cxxrt/assert.hpp"
#include "cxxrt/errno.h"
#include "cxxrt/traits.hpp"
#include "cxxrt/utility.hpp"

namespace cxxrt {

// Positive, as in <linux/errno.h>. A number that the kernel returned and that has no name here is kept as it is.
enum class [[nodiscard]] Errno : int {
	kPerm = CXXRT_EPERM,
	kNoEnt = CXXRT_ENOENT,
	kSrch = CXXRT_ESRCH,
	kIntr = CXXRT_EINTR,
	kIo = CXXRT_EIO,
	kNxIo = CXXRT_ENXIO,
	k2Big = CXXRT_E2BIG,
	kBadF = CXXRT_EBADF,
	kAgain = CXXRT_EAGAIN,
	kNoMem = CXXRT_ENOMEM,
	kAcces = CXXRT_EACCES,
	kFault = CXXRT_EFAULT,
	kBusy = CXXRT_EBUSY,
	kExist = CXXRT_EEXIST,
	kNoDev = CXXRT_ENODEV,
	kInval = CXXRT_EINVAL,
	kNoTty = CXXRT_ENOTTY,
	kNoSpc = CXXRT_ENOSPC,
	kRange = CXXRT_ERANGE,
	kNoSys = CXXRT_ENOSYS,
	kOverflow = CXXRT_EOVERFLOW,
	kOpNotSupp = CXXRT_EOPNOTSUPP,
	kTimedOut = CXXRT_ETIMEDOUT,
	kCanceled = CXXRT_ECANCELED,
	kHwPoison = CXXRT_EHWPOISON,
};

namespace detail {

[[nodiscard, gnu::always_inline]] constexpr int checked_error(Errno error)
{
	CXXRT_ASSERT(static_cast<int>(error) > 0);
	return static_cast<int>(error);
}

// Either error_ is 0 and value_ lives, or error_ is an errno and none_ stands in for the value. In two versions, as
// clang 14 can't choose between a trivial and a non-trivial destructor in one.
template <typename T, bool kTrivial = TriviallyCopyable<T>>
class ResultStorage {
public:
	[[gnu::always_inline]] constexpr ResultStorage(T &&value) : value_{cxxrt::move(value)} {}
	[[gnu::always_inline]] constexpr ResultStorage(Errno error) : none_{}, error_{checked_error(error)} {}

protected:
	union {
		T value_;
		char none_;
	};
	int error_ = 0;
};

template <typename T>
class ResultStorage<T, false> {
public:
	[[gnu::always_inline]] ResultStorage(T &&value) : value_{cxxrt::move(value)} {}
	[[gnu::always_inline]] ResultStorage(Errno error) : none_{}, error_{checked_error(error)} {}
	[[gnu::always_inline]] ResultStorage(ResultStorage &&other) : none_{}, error_{other.error_}
	{
		if (error_ == 0)
			construct<T>(&value_, cxxrt::move(other.value_));
	}
	ResultStorage &operator=(ResultStorage &&) = delete;
	[[gnu::always_inline]] ~ResultStorage()
	{
		if (error_ == 0)
			value_.~T();
	}

protected:
	union {
		T value_;
		char none_;
	};
	int error_ = 0;
};

} // namespace detail

template <typename T>
class [[nodiscard]] Result : detail::ResultStorage<T> {
	static_assert(!Reference<T>, "return a pointer or a handle");
	static_assert(!SameAs<T, Errno>, "is it the value or the error?");

public:
	// Both implicit, so that a function ends in `return value;` or `return Errno::kInval;`.
	[[gnu::always_inline]] constexpr Result(T value) : detail::ResultStorage<T>{cxxrt::move(value)} {}
	[[gnu::always_inline]] constexpr Result(Errno error) : detail::ResultStorage<T>{error} {}

	// As trivial, or as deleted, as the storage's own; written out to be inlined always.
	[[gnu::always_inline]] constexpr Result(const Result &) = default;
	[[gnu::always_inline]] constexpr Result(Result &&) = default;
	[[gnu::always_inline]] constexpr Result &operator=(const Result &) = default;
	[[gnu::always_inline]] constexpr Result &operator=(Result &&) = default;
	[[gnu::always_inline]] ~Result() = default;

	[[nodiscard, gnu::always_inline]] constexpr bool ok() const { return this->error_ == 0; }

	[[nodiscard, gnu::always_inline]] constexpr Errno error() const
	{
		CXXRT_ASSERT(!ok());
		return static_cast<Errno>(this->error_);
	}

	[[nodiscard, gnu::always_inline]] constexpr T &value() &
	{
		CXXRT_ASSERT(ok());
		return this->value_;
	}

	[[nodiscard, gnu::always_inline]] constexpr const T &value() const &
	{
		CXXRT_ASSERT(ok());
		return this->value_;
	}

	void value() && = delete;

	// Moves the value out; what stays behind is a moved-from value, not an error.
	[[gnu::always_inline]] constexpr T take() &&
	{
		CXXRT_ASSERT(ok());
		return cxxrt::move(this->value_);
	}
};

template <>
class [[nodiscard]] Result<void> {
public:
	[[gnu::always_inline]] constexpr Result() {}
	[[gnu::always_inline]] constexpr Result(Errno error) : error_{detail::checked_error(error)} {}

	[[nodiscard, gnu::always_inline]] constexpr bool ok() const { return error_ == 0; }

	[[nodiscard, gnu::always_inline]] constexpr Errno error() const
	{
		CXXRT_ASSERT(!ok());
		return static_cast<Errno>(error_);
	}

	[[gnu::always_inline]] constexpr void take() && { CXXRT_ASSERT(ok()); }

private:
	int error_ = 0;
};

// The two ends of the C boundary, where an error is a negative int and everything else is success.
[[nodiscard, gnu::always_inline]] constexpr Result<void> from_kernel(int status)
{
	if (status < 0)
		return static_cast<Errno>(-status);
	return {};
}

[[nodiscard, gnu::always_inline]] constexpr int to_kernel(Result<void> result)
{
	return result.ok() ? 0 : -static_cast<int>(result.error());
}

} // namespace cxxrt

#define CXXRT_DETAIL_JOIN(a, b) a##b
#define CXXRT_DETAIL_NAME(a, b) CXXRT_DETAIL_JOIN(a, b)
#define CXXRT_DETAIL_TRY(name, ...)                   \
	({                                            \
		auto name = (__VA_ARGS__);            \
		if (!name.ok())                       \
			return name.error();          \
		::cxxrt::move(name).take();           \
	})

// The value of a Result; an error is returned to the caller of the function it stands in. Let it be a whole statement
// or a whole initialiser: leaving a braced list half way, gcc 12 and clang 14 forget to destroy the members made so far.
#define CXXRT_TRY(...) CXXRT_DETAIL_TRY(CXXRT_DETAIL_NAME(cxxrt_try_, __COUNTER__), __VA_ARGS__)
