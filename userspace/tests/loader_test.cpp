// SPDX-License-Identifier: GPL-2.0-or-later
// Each way in which a module does not load, and the cure that is named for it.
#include <cerrno>
#include <fstream>

#include <doctest/doctest.h>

#include <ptelab/loader.hpp>
#include <ptelab/temporary_folder.hpp>

using namespace ptelab;

namespace {

const ModuleInfo kModule{.name = "ptelab",
			 .path = "ptelab.ko",
			 .version = "0.1",
			 .vermagic = "6.1.0-1 SMP",
			 .parameters = {{.name = "pages", .type = "ulong", .description = "size"}}};
const Circumstances kRoot{.root = true, .release = "6.12.0-2", .lockdown = "", .modules_disabled = false};

bool says(const std::string &sentence, std::initializer_list<const char *> words)
{
	for (const char *word : words)
		if (sentence.find(word) == std::string::npos)
			return false;
	return sentence.find('\n') == std::string::npos;
}

Circumstances with(auto change)
{
	Circumstances system = kRoot;
	change(system);
	return system;
}

} // namespace

TEST_CASE("loader.explains_every_failure_with_its_cure")
{
	CHECK(says(explain_load(EPERM, kModule, with([](Circumstances &system) { system.root = false; })), {"permission", "as root"}));
	CHECK(says(explain_load(EPERM, kModule, with([](Circumstances &system) { system.lockdown = "integrity"; })),
		   {"locked down (integrity)", "Secure Boot"}));
	CHECK(says(explain_load(EPERM, kModule, with([](Circumstances &system) { system.modules_disabled = true; })),
		   {"modules_disabled", "reboot"}));
	CHECK(says(explain_load(EPERM, kModule, kRoot), {"CAP_SYS_MODULE"}));
	CHECK(says(explain_load(EKEYREJECTED, kModule, kRoot), {"signature", "mokutil"}));
	CHECK(says(explain_load(ENOEXEC, kModule, kRoot), {"6.1.0-1 SMP", "6.12.0-2", "headers"}));
	CHECK(says(explain_load(ENOENT, kModule, kRoot), {"symbol", "dmesg"}));
	CHECK(says(explain_load(EEXIST, kModule, kRoot), {"already loaded", "unload"}));
	CHECK(says(explain_load(EINVAL, kModule, kRoot), {"parameter", "pages"}));
	CHECK(says(explain_load(ENOMEM, kModule, kRoot), {"memory"}));
	CHECK(says(explain_load(EXDEV, kModule, kRoot), {"EXDEV", "log"}));
}

TEST_CASE("loader.explains_why_a_module_stays")
{
	CHECK(says(explain_unload(EAGAIN, "ptelab", "3", kRoot), {"in use (3", "fuser"}));
	CHECK(says(explain_unload(EBUSY, "ptelab", "", kRoot), {"in use"}));
	CHECK(says(explain_unload(ENOENT, "ptelab", "", kRoot), {"not loaded"}));
	CHECK(says(explain_unload(EPERM, "ptelab", "", with([](Circumstances &system) { system.root = false; })), {"as root"}));
}

TEST_CASE("loader.knows_what_is_no_module")
{
	const Loader loader;
	const auto error = [&loader](const std::string &what) {
		try {
			loader.load(what);
		} catch (const LoadError &failure) {
			return failure.error();
		}
		return 0;
	};

	CHECK(error("/there/is/no/such.ko") == ENOENT);
	CHECK(error("there_is_no_such_module") == ENOENT);
	CHECK(error("/") == ENOEXEC);
	const TemporaryFolder folder;
	const std::string text = folder.file("text.ko");
	std::ofstream(text) << "this is text";
	CHECK(error(text) == ENOEXEC);
	CHECK_FALSE(Loader::is_loaded("there_is_no_such_module"));
}
