// SPDX-License-Identifier: GPL-2.0-or-later
#include "misuse_module.hpp"

#include <fmt/core.h>

#include <ptelab/loader.hpp>

#include <unistd.h>

namespace ptelab {
namespace {

constexpr const char *kMisuse = "ptelab_misuse";

} // namespace

Need misuse_module()
{
	return {kMisuse, [] {
			if (::geteuid() != 0)
				return std::string("only root can load ptelab_misuse.ko, and open a file that may use it");
			if (misuse_is_loaded())
				return std::string();
			try {
				Loader().info(kMisuse);
			} catch (const LoadError &error) {
				return fmt::format("ptelab_misuse.ko is not on this machine: {}", error.what());
			}
			return std::string();
		}};
}

bool misuse_is_loaded()
{
	return Loader::is_loaded(kMisuse);
}

MisuseModule::MisuseModule() : ours_(!misuse_is_loaded())
{
	if (ours_)
		Loader().load(kMisuse);
}

MisuseModule::~MisuseModule()
{
	try {
		if (ours_)
			Loader().unload(kMisuse);
	} catch (const LoadError &) {
		// A file holds it still: the next rule finds it loaded, and what a rule leaves behind is told of that file.
	}
}

NoMisuseModule::NoMisuseModule() : was_there_(misuse_is_loaded())
{
	if (was_there_)
		Loader().unload(kMisuse);
}

NoMisuseModule::~NoMisuseModule()
{
	try {
		if (was_there_)
			Loader().load(kMisuse);
	} catch (const LoadError &) {
		// Then the rules behind it load it.
	}
}

} // namespace ptelab
