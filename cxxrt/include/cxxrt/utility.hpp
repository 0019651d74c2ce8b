// SPDX-License-Identifier: GPL-2.0-or-later
// Moving, forwarding and constructing in place, since <utility>, <new> and <cstddef> can't be had with -nostdinc.
//
// Every function of cxxrt is always_inline: an inline function that the compiler decides to emit becomes a weak symbol
// in a COMDAT group, and a kernel module wants neither.
#pragma once

#include "cxxrt/traits.hpp"

namespace cxxrt {

using Size = __SIZE_TYPE__;

template <typename T>
[[nodiscard, gnu::always_inline]] constexpr RemoveReference<T> &&move(T &&value)
{
	return static_cast<RemoveReference<T> &&>(value);
}

template <typename T>
[[nodiscard, gnu::always_inline]] constexpr T &&forward(RemoveReference<T> &value)
{
	return static_cast<T &&>(value);
}

template <typename T>
[[nodiscard, gnu::always_inline]] constexpr T &&forward(RemoveReference<T> &&value)
{
	static_assert(!LvalueReference<T>, "an rvalue can't be forwarded as an lvalue");
	return static_cast<T &&>(value);
}

// Gives the old value and leaves the new one behind.
template <typename T, typename U = T>
[[nodiscard, gnu::always_inline]] constexpr T exchange(T &object, U &&value)
{
	T old = cxxrt::move(object);
	object = cxxrt::forward<U>(value);
	return old;
}

// Where an object is to be constructed. A type of our own keeps this operator new apart from the replaceable ones, of
// which a kernel has none, and from <new> where the headers are used in a hosted program.
struct Place {
	void *address;
};

} // namespace cxxrt

[[nodiscard, gnu::always_inline, gnu::returns_nonnull]] inline void *operator new(cxxrt::Size, cxxrt::Place place) noexcept
{
	return place.address;
}

namespace cxxrt {

// Braces: they refuse narrowing, and clang 14 can't initialise an aggregate with parentheses.
template <typename T, typename... Args>
[[gnu::always_inline]] inline T *construct(void *address, Args &&...args)
{
	return new (Place{address}) T{cxxrt::forward<Args>(args)...};
}

} // namespace cxxrt
