// SPDX-License-Identifier: GPL-2.0
// Which pages that are not the region's may be handed out, and looked at. Facts in, 0 or the errno out; tests/source_guard_test.cpp
// tries every combination.
#pragma once

#include "verdict.hpp"

namespace ptelab {
namespace {

// Of SOURCE_ANON: a page of a file, or the zero page, is not the caller's to map anew.
constexpr int source_verdict(const ptelab_page_source_facts &f)
{
	if (f.source != PTELAB_SOURCE_ANON)
		return f.made ? kPermitted : -CXXRT_ENOMEM;
	if (!f.mapped)
		return -CXXRT_EFAULT;
	return f.anonymous ? kPermitted : kNothingThere;
}

// PAGE_INFO tells of one page that the file has: of no anonymous one, and of no buffer.
constexpr int page_info_verdict(const ptelab_page_info &arg)
{
	if (arg.flags & ~PTELAB_PAGE_DROP_ALL || arg.reserved[0] || arg.reserved[1])
		return kNothingThere;
	if (arg.source >= PTELAB_SOURCES || arg.source == PTELAB_SOURCE_ANON)
		return kNothingThere;
	return arg.source == PTELAB_SOURCE_PLAIN_VMALLOC || arg.source == PTELAB_SOURCE_USER_VMALLOC ? kNothingThere : kPermitted;
}

} // namespace
} // namespace ptelab
