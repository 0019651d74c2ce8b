// SPDX-License-Identifier: GPL-2.0-or-later
// Arithmetic on numbers that come from outside: the result, or Errno::kOverflow. Both operands have one type, so that
// no promotion decides what overflows. Not for counters and indices that the code itself keeps in range.
#pragma once

#include "cxxrt/result.hpp"
#include "cxxrt/traits.hpp"

namespace cxxrt {

template <Integer T>
[[nodiscard, gnu::always_inline]] constexpr Result<T> checked_add(T a, T b)
{
	T sum{};
	if (__builtin_add_overflow(a, b, &sum))
		return Errno::kOverflow;
	return sum;
}

template <Integer T>
[[nodiscard, gnu::always_inline]] constexpr Result<T> checked_sub(T a, T b)
{
	T difference{};
	if (__builtin_sub_overflow(a, b, &difference))
		return Errno::kOverflow;
	return difference;
}

template <Integer T>
[[nodiscard, gnu::always_inline]] constexpr Result<T> checked_mul(T a, T b)
{
	T product{};
	if (__builtin_mul_overflow(a, b, &product))
		return Errno::kOverflow;
	return product;
}

// The same number in another type, if that type has it.
template <Integer To, Integer From>
[[nodiscard, gnu::always_inline]] constexpr Result<To> checked_cast(From value)
{
	To same{};
	if (__builtin_add_overflow(value, From{0}, &same))
		return Errno::kOverflow;
	return same;
}

template <UnsignedInteger T>
[[nodiscard, gnu::always_inline]] constexpr bool is_power_of_two(T value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

// The alignment is the program's own, hence asserted; the value is not.
template <UnsignedInteger T>
[[nodiscard, gnu::always_inline]] constexpr T align_down(T value, T alignment)
{
	CXXRT_ASSERT(is_power_of_two(alignment));
	return value & ~(alignment - 1);
}

template <UnsignedInteger T>
[[nodiscard, gnu::always_inline]] constexpr Result<T> checked_align_up(T value, T alignment)
{
	T last{};
	if (__builtin_add_overflow(value, alignment - 1, &last))
		return Errno::kOverflow;
	return align_down(last, alignment);
}

template <UnsignedInteger T>
[[nodiscard, gnu::always_inline]] constexpr bool is_aligned(T value, T alignment)
{
	return align_down(value, alignment) == value;
}

} // namespace cxxrt
