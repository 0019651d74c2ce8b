// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols.hpp"

#include <fstream>
#include <map>
#include <string>

namespace ptelab {

bool has_global_function(std::string_view name)
{
	static std::map<std::string, bool, std::less<>> known;

	if (const auto found = known.find(name); found != known.end())
		return found->second;
	const std::string wanted = " T " + std::string(name);
	std::ifstream in("/proc/kallsyms");
	bool there = false;
	for (std::string line; !there && std::getline(in, line);)
		there = line.ends_with(wanted);
	return known[std::string(name)] = there;
}

} // namespace ptelab
