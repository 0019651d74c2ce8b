// SPDX-License-Identifier: GPL-2.0-or-later
// A pointer that knows how many elements follow it and refuses to go past them: out of bounds is a cxxrt_bug(), in
// production too. It owns nothing. A length that comes from outside is to be checked before, and answered by an Errno.
#pragma once

#include "cxxrt/assert.hpp"
#include "cxxrt/utility.hpp"

namespace cxxrt {

template <typename T>
class Span {
public:
	[[gnu::always_inline]] constexpr Span() {}
	[[gnu::always_inline]] constexpr Span(T *data, Size size) : data_{data}, size_{size} {}

	template <Size count>
	[[gnu::always_inline]] constexpr Span(T (&array)[count]) : data_{array}, size_{count}
	{
	}

	[[nodiscard, gnu::always_inline]] constexpr operator Span<const T>() const { return {data_, size_}; }

	[[nodiscard, gnu::always_inline]] constexpr T *data() const { return data_; }
	[[nodiscard, gnu::always_inline]] constexpr Size size() const { return size_; }
	[[nodiscard, gnu::always_inline]] constexpr bool empty() const { return size_ == 0; }

	[[nodiscard, gnu::always_inline]] constexpr T *begin() const { return data_; }
	[[nodiscard, gnu::always_inline]] constexpr T *end() const { return data_ + size_; }

	[[nodiscard, gnu::always_inline]] constexpr T &operator[](Size index) const
	{
		CXXRT_ASSERT(index < size_);
		return data_[index];
	}

	[[nodiscard, gnu::always_inline]] constexpr Span first(Size count) const { return part(0, count); }

	[[nodiscard, gnu::always_inline]] constexpr Span part(Size offset, Size count) const
	{
		CXXRT_ASSERT(offset <= size_ && count <= size_ - offset);
		return {data_ + offset, count};
	}

private:
	T *data_ = nullptr;
	Size size_ = 0;
};

} // namespace cxxrt
