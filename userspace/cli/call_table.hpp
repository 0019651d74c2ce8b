// SPDX-License-Identifier: GPL-2.0-or-later
// The calls of the family by all the names they have had.
#ifndef PTELAB_CLI_CALL_TABLE_HPP
#define PTELAB_CLI_CALL_TABLE_HPP

#include <span>
#include <string_view>
#include <vector>

namespace ptelab::cli {

struct CallInfo {
	std::string_view name;		      // as it was first documented
	std::vector<std::string_view> today;  // the names to use now; empty: the same
	std::string_view since;		      // when and why it changed; "": it did not
	std::string_view advice;	      // what to use, and what to look out for
	std::string_view reached;	      // nodes and settings that use it
};

std::span<const CallInfo> calls();
// By an old name or a new one; null: no such call.
const CallInfo *find_call(std::string_view name);

// The text has one of its names, as a whole word: vm_insert_page is not vm_insert_pages.
bool mentions(std::string_view text, const CallInfo &call);
// The one that the text names first; null if none.
const CallInfo *first_in(std::string_view text);

} // namespace ptelab::cli

#endif
