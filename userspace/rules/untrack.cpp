// SPDX-License-Identifier: GPL-2.0-or-later
#include "untrack.hpp"

#include "symbols.hpp"

namespace ptelab {

bool remap_is_one_function()
{
	return !has_global_function("remap_pfn_range_notrack");
}

bool failed_remap_may_warn()
{
	return !remap_is_one_function() && has_global_function("untrack_pfn");
}

} // namespace ptelab
