// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/loader.hpp>

#include <algorithm>
#include <cerrno>

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>
#include <libkmod.h>

#include <ptelab/error.hpp>
#include <ptelab/procfs.hpp>

namespace ptelab {
namespace {

// The state in brackets of "none [integrity] confidentiality".
std::string selected(const std::string &choices)
{
	const std::size_t open = choices.find('[');
	const std::size_t close = choices.find(']', open);
	return close == std::string::npos ? "" : choices.substr(open + 1, close - open - 1);
}

std::string parameter_names(const ModuleInfo &module)
{
	std::string names;
	for (const Parameter &parameter : module.parameters)
		names += (names.empty() ? "" : ", ") + parameter.name;
	return names.empty() ? "none" : names;
}

// libkmod is opened when a module is to be loaded or unloaded. To link with it would load it, libcrypto and two more for every
// command: most of what a start takes. Packagers and scripts/lib/collect.py find it by the note.
#define PTELAB_LIBKMOD "libkmod.so.2"
__asm__(".pushsection .note.dlopen, \"a\"\n"
	".balign 4\n"
	".long 4, 2f - 1f, 0x407c0c0a\n" // name, description, type: uapi-group.org, ELF dlopen metadata
	".asciz \"FDO\"\n"
	"1:	.asciz \"[{\\\"feature\\\":\\\"load\\\",\\\"priority\\\":\\\"recommended\\\",\\\"soname\\\":[\\\"" PTELAB_LIBKMOD
	"\\\"]}]\"\n"
	"2:	.balign 4\n"
	".popsection");

class Libkmod {
public:
	static const Libkmod &get()
	{
		static const Libkmod library;
		return library;
	}

#define PTELAB_OF_LIBKMOD(call) decltype(&::call) call = reinterpret_cast<decltype(&::call)>(address(#call))
	PTELAB_OF_LIBKMOD(kmod_new);
	PTELAB_OF_LIBKMOD(kmod_unref);
	PTELAB_OF_LIBKMOD(kmod_set_log_priority);
	PTELAB_OF_LIBKMOD(kmod_list_next);
	PTELAB_OF_LIBKMOD(kmod_module_new_from_path);
	PTELAB_OF_LIBKMOD(kmod_module_new_from_lookup);
	PTELAB_OF_LIBKMOD(kmod_module_new_from_name);
	PTELAB_OF_LIBKMOD(kmod_module_get_module);
	PTELAB_OF_LIBKMOD(kmod_module_unref);
	PTELAB_OF_LIBKMOD(kmod_module_unref_list);
	PTELAB_OF_LIBKMOD(kmod_module_get_path);
	PTELAB_OF_LIBKMOD(kmod_module_get_name);
	PTELAB_OF_LIBKMOD(kmod_module_get_info);
	PTELAB_OF_LIBKMOD(kmod_module_info_get_key);
	PTELAB_OF_LIBKMOD(kmod_module_info_get_value);
	PTELAB_OF_LIBKMOD(kmod_module_info_free_list);
	PTELAB_OF_LIBKMOD(kmod_module_insert_module);
	PTELAB_OF_LIBKMOD(kmod_module_remove_module);
#undef PTELAB_OF_LIBKMOD

private:
	static void *address(const char *name)
	{
		static void *const library = ::dlopen(PTELAB_LIBKMOD, RTLD_NOW | RTLD_LOCAL);
		void *const found = library ? ::dlsym(library, name) : nullptr;
		if (!found)
			throw LoadError(ELIBACC, fmt::format("no module can be loaded or unloaded here: {}; install libkmod2", ::dlerror()));
		return found;
	}
};

const Libkmod &libkmod()
{
	return Libkmod::get();
}

bool is_path(const std::string &path_or_name)
{
	return path_or_name.find('/') != std::string::npos || path_or_name.ends_with(".ko");
}

} // namespace

Circumstances Circumstances::here()
{
	utsname name{};
	uname(&name);
	return {.root = ::geteuid() == 0,
		.release = name.release,
		.lockdown = selected(read_line("/sys/kernel/security/lockdown")),
		.modules_disabled = read_line("/proc/sys/kernel/modules_disabled") == "1"};
}

std::string explain_load(int error, const ModuleInfo &module, const Circumstances &system)
{
	const bool locked = !system.lockdown.empty() && system.lockdown != "none";

	switch (error) {
	case EPERM:
	case EACCES:
		if (!system.root)
			return fmt::format("no permission to load {}: run this as root", module.name);
		if (system.modules_disabled)
			return fmt::format("no module can be loaded any more (kernel.modules_disabled is 1): reboot to load {}", module.name);
		if (locked)
			return fmt::format("the kernel is locked down ({}) and takes only signed modules: sign {} with an "
					   "enrolled key, or switch Secure Boot off",
					   system.lockdown, module.name);
		return fmt::format("the kernel did not permit {} to be loaded: this process lacks CAP_SYS_MODULE, or a security "
				   "policy forbids it; run this as root outside of a container",
				   module.name);
	case EKEYREJECTED:
	case ENOKEY:
	case EBADMSG:
		return fmt::format("the kernel rejected the signature of {}: sign it with a key that the kernel knows (mokutil "
				   "--import), or boot without module.sig_enforce",
				   module.name);
	case ENOEXEC:
		if (module.vermagic.empty())
			return fmt::format("{} is not a kernel module: give the path of a .ko file", module.path);
		return fmt::format("{} was built for another kernel (module: {}; running: {}): build it against the headers of "
				   "the running one",
				   module.name, module.vermagic, system.release);
	case ENOENT:
		return fmt::format("{} uses a symbol that this kernel does not export: the kernel log names it (dmesg | grep {}); "
				   "build it against this kernel's own headers",
				   module.name, module.name);
	case EEXIST:
		return fmt::format("{} is already loaded: unload it first (ptelab unload)", module.name);
	case EINVAL:
		return fmt::format("{} refused a parameter's value, or the file is damaged: the kernel log says which (dmesg | grep "
				   "{}); its parameters are: {}",
				   module.name, module.name, parameter_names(module));
	case ENOMEM:
		return fmt::format("there is not enough memory to load {}: give the machine more, or the module a smaller pages=",
				   module.name);
	default:
		return fmt::format("{} could not be loaded ({}): the kernel log may say why (dmesg | grep {})", module.name,
				   errno_name(error), module.name);
	}
}

std::string explain_unload(int error, const std::string &name, const std::string &refcount, const Circumstances &system)
{
	switch (error) {
	case EBUSY:
	case EAGAIN:
		return fmt::format("{} is in use ({} open files and mappings): end the programs that use it (fuser -v {}/*)", name,
				   refcount.empty() ? "some" : refcount, "/dev/ptelab");
	case ENOENT:
		return fmt::format("{} is not loaded: nothing to unload", name);
	case EPERM:
		if (!system.root)
			return fmt::format("no permission to unload {}: run this as root", name);
		return fmt::format("the kernel did not permit {} to be unloaded: this process lacks CAP_SYS_MODULE, or "
				   "kernel.modules_disabled is 1",
				   name);
	default:
		return fmt::format("{} could not be unloaded ({}): the kernel log may say why", name, errno_name(error));
	}
}

void Loader::Free::operator()(kmod_ctx *context) const
{
	libkmod().kmod_unref(context);
}

void Loader::Free::operator()(kmod_module *module) const
{
	libkmod().kmod_module_unref(module);
}

Loader::Loader() : context_(libkmod().kmod_new(nullptr, nullptr))
{
	if (!context_)
		throw LoadError(ENOMEM, "libkmod could not be started: not enough memory");
	// It logs to stderr what load() explains better.
	libkmod().kmod_set_log_priority(context_.get(), 0);
}

Loader::Module Loader::find(const std::string &path_or_name) const
{
	kmod_module *module = nullptr;

	if (is_path(path_or_name)) {
		struct stat status {};
		if (::stat(path_or_name.c_str(), &status) < 0)
			throw LoadError(errno, fmt::format("{} cannot be read ({}): build the module first, or correct the path",
							   path_or_name, errno_name(errno)));
		const int error = libkmod().kmod_module_new_from_path(context_.get(), path_or_name.c_str(), &module);
		if (!S_ISREG(status.st_mode) || error < 0)
			throw LoadError(ENOEXEC, fmt::format("{} is not a kernel module: give the path of a .ko file", path_or_name));
		return Module(module);
	}

	kmod_list *found = nullptr;
	const int error = libkmod().kmod_module_new_from_lookup(context_.get(), path_or_name.c_str(), &found);
	if (error < 0 || !found) {
		const std::string release = Circumstances::here().release;
		throw LoadError(ENOENT, fmt::format("no module {} is installed for kernel {} (in /lib/modules/{}): give the path of its "
						    ".ko file, or install it and run depmod",
						    path_or_name, release, release));
	}
	module = libkmod().kmod_module_get_module(found);
	libkmod().kmod_module_unref_list(found);
	return Module(module);
}

ModuleInfo Loader::info_of(kmod_module *module, const std::string &asked) const
{
	const char *path = libkmod().kmod_module_get_path(module);
	ModuleInfo info{.name = libkmod().kmod_module_get_name(module),
			.path = path ? path : asked,
			.version = "",
			.vermagic = "",
			.parameters = {}};

	kmod_list *list = nullptr;
	if (libkmod().kmod_module_get_info(module, &list) < 0)
		return info;
	const auto parameter = [&info](const std::string &name) -> Parameter & {
		const auto known = std::ranges::find(info.parameters, name, &Parameter::name);
		if (known != info.parameters.end())
			return *known;
		return info.parameters.emplace_back(Parameter{.name = name, .type = "", .description = ""});
	};
	for (const kmod_list *item = list; item; item = libkmod().kmod_list_next(list, item)) {
		const std::string key = libkmod().kmod_module_info_get_key(item);
		const std::string value = libkmod().kmod_module_info_get_value(item);
		const std::size_t colon = std::min(value.find(':'), value.size());
		const std::string after = value.substr(std::min(colon + 1, value.size()));
		if (key == "vermagic")
			info.vermagic = value;
		else if (key == "version")
			info.version = value;
		else if (key == "parm")
			parameter(value.substr(0, colon)).description = after;
		else if (key == "parmtype")
			parameter(value.substr(0, colon)).type = after;
	}
	libkmod().kmod_module_info_free_list(list);
	return info;
}

ModuleInfo Loader::info(const std::string &path_or_name) const
{
	const Module module = find(path_or_name);
	return info_of(module.get(), path_or_name);
}

ModuleInfo Loader::load(const std::string &path_or_name, std::span<const std::string> parameters) const
{
	const Module module = find(path_or_name);
	const ModuleInfo info = info_of(module.get(), path_or_name);
	const Circumstances system = Circumstances::here();

	if (info.vermagic.empty())
		throw LoadError(ENOEXEC, explain_load(ENOEXEC, info, system));
	std::string options;
	for (const std::string &option : parameters) {
		const std::string name = option.substr(0, option.find('='));
		if (option.find('=') == std::string::npos)
			throw LoadError(EINVAL, fmt::format("\"{}\" is no parameter: write NAME=VALUE", option));
		if (std::ranges::find(info.parameters, name, &Parameter::name) == info.parameters.end())
			throw LoadError(EINVAL, fmt::format("{} has no parameter \"{}\": it has {}", info.name, name,
							    parameter_names(info)));
		options += (options.empty() ? "" : " ") + option;
	}
	if (const int error = libkmod().kmod_module_insert_module(module.get(), 0, options.c_str()); error < 0)
		throw LoadError(-error, explain_load(-error, info, system));
	return info;
}

void Loader::unload(const std::string &name) const
{
	kmod_module *found = nullptr;
	if (libkmod().kmod_module_new_from_name(context_.get(), name.c_str(), &found) < 0)
		throw LoadError(EINVAL, fmt::format("\"{}\" cannot be the name of a module", name));
	const Module module(found);
	if (const int error = libkmod().kmod_module_remove_module(module.get(), 0); error < 0)
		throw LoadError(-error, explain_unload(-error, name, refcount(name), Circumstances::here()));
}

bool Loader::is_loaded(const std::string &name)
{
	return ::access(("/sys/module/" + name + "/refcnt").c_str(), F_OK) == 0;
}

std::string Loader::refcount(const std::string &name)
{
	return read_line("/sys/module/" + name + "/refcnt");
}

} // namespace ptelab
