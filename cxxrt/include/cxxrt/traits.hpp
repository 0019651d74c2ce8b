// SPDX-License-Identifier: GPL-2.0-or-later
// The few questions the other headers ask about a type, since <type_traits> and <concepts> can't be had with -nostdinc.
// Concepts rather than structs: they leave nothing behind in the object file. Not a replacement for <type_traits>.
#pragma once

namespace cxxrt {

namespace detail {

template <typename T>
struct Bare {
	using Type = T;
};

template <typename T>
struct Bare<T &> {
	using Type = T;
};

template <typename T>
struct Bare<T &&> {
	using Type = T;
};

} // namespace detail

template <typename T>
using RemoveReference = typename detail::Bare<T>::Type;

template <typename A, typename B>
concept SameAs = __is_same(A, B);

template <typename T>
concept LvalueReference = !SameAs<T, RemoveReference<T>> && SameAs<T, RemoveReference<T> &>;

template <typename T>
concept Reference = !SameAs<T, RemoveReference<T>>;

template <typename T>
concept TriviallyCopyable = __is_trivially_copyable(T);

template <typename T>
concept Integer = SameAs<T, signed char> || SameAs<T, unsigned char> || SameAs<T, short> || SameAs<T, unsigned short> ||
		  SameAs<T, int> || SameAs<T, unsigned> || SameAs<T, long> || SameAs<T, unsigned long> ||
		  SameAs<T, long long> || SameAs<T, unsigned long long>;

template <typename T>
concept UnsignedInteger = Integer<T> && (T(-1) > T(0));

} // namespace cxxrt
