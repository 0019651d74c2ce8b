// SPDX-License-Identifier: GPL-2.0-or-later
// What the sources hand out and PAGE_INFO tells of, in every combination.
#include <doctest/doctest.h>

#include <cerrno>

#include "kmod/core/source_guard.hpp"

TEST_SUITE_BEGIN("source guards");

TEST_CASE("a source is what it says it is")
{
	unsigned tried = 0, permitted = 0;
	for (unsigned source = 1; source < PTELAB_SOURCES; source++)
		for (unsigned bits = 0; bits < 8; bits++) {
			const bool mapped = bits & 1, anonymous = bits & 2, made = bits & 4;
			const ptelab_page_source_facts f{source, mapped, anonymous, made};
			// KERNEL: get_user_pages_fast() without FOLL_WRITE gives whatever is mapped: a file's page (mm/gup.c: gup_pte_range).
			const int due = source != PTELAB_SOURCE_ANON ? (made ? 0 : -ENOMEM) : !mapped ? -EFAULT : anonymous ? 0 : -EINVAL;
			CHECK(ptelab::source_verdict(f) == due);
			tried++, permitted += due == 0;
		}
	MESSAGE(tried, " combinations, ", permitted, " permitted");
}

TEST_CASE("PAGE_INFO takes one page that the file has")
{
	unsigned tried = 0, permitted = 0;
	for (unsigned source = 0; source < PTELAB_SOURCES + 2; source++)
		for (unsigned bits = 0; bits < 32; bits++) {
			ptelab_page_info arg{};
			arg.source = source;
			arg.flags = bits & 7;
			arg.reserved[0] = bits >> 3 & 1, arg.reserved[1] = bits >> 4;
			// uapi/ptelab_direct.h; an anonymous page is none of the file's, and a buffer has many.
			const bool is_page = source < PTELAB_SOURCE_ANON;
			const int due = (bits & ~static_cast<unsigned>(PTELAB_PAGE_DROP_ALL)) || !is_page ? -EINVAL : 0;
			CHECK(ptelab::page_info_verdict(arg) == due);
			tried++, permitted += due == 0;
		}
	MESSAGE(tried, " combinations, ", permitted, " permitted");
}

TEST_SUITE_END();
