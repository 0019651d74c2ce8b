// SPDX-License-Identifier: GPL-2.0-or-later
// Loading and unloading.
#include "commands.hpp"

#include <fmt/core.h>

#include <ptelab/loader.hpp>

namespace ptelab::cli {

Report load(const std::string &path_or_name, const std::vector<std::string> &parameters)
{
	const ModuleInfo module = Loader().load(path_or_name, parameters);

	return {.text = fmt::format("{} loaded from {}\n", module.name, module.path),
		.json = Value::Object{{"loaded", module.name}, {"path", module.path}, {"vermagic", module.vermagic}}};
}

Report unload()
{
	if (!Loader::is_loaded("ptelab"))
		throw NothingToRunOn("ptelab is not loaded: nothing to unload");
	Loader().unload("ptelab");
	return {.text = "ptelab unloaded\n", .json = Value::Object{{"unloaded", "ptelab"}}};
}

} // namespace ptelab::cli
