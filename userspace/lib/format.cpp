// SPDX-License-Identifier: GPL-2.0-or-later
// The one place where fmt's functions are compiled: the others include <fmt/core.h> and build in a fraction of the time,
// and the guest needs no libfmt.so.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {
template FMT_API auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template FMT_API auto decimal_point_impl(locale_ref) -> char;
template FMT_API void buffer<char>::append(const char *, const char *);
// What fmt names the arguments differs from release to release; from 11 on this is no template.
#if FMT_VERSION < 100000
template FMT_API void vformat_to(buffer<char> &, string_view, basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);
#elif FMT_VERSION < 110000
template FMT_API void vformat_to(buffer<char> &, string_view, vformat_args<>::type, locale_ref);
#endif
} // namespace detail
FMT_END_NAMESPACE
