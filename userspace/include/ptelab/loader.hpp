// SPDX-License-Identifier: GPL-2.0-or-later
// Loads and unloads the module, and says what to do when the kernel refuses.
#ifndef PTELAB_LOADER_HPP
#define PTELAB_LOADER_HPP

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

struct kmod_ctx;
struct kmod_module;

namespace ptelab {

struct Parameter {
	std::string name;
	std::string type;
	std::string description;
};

// What a module's file says of itself.
struct ModuleInfo {
	std::string name;
	std::string path;
	std::string version;
	std::string vermagic;
	std::vector<Parameter> parameters;
};

// What of the running system decides whether a module loads.
struct Circumstances {
	bool root = false;
	std::string release;	      // uname -r
	std::string lockdown;	      // /sys/kernel/security/lockdown, "" if there is none
	bool modules_disabled = false; // /proc/sys/kernel/modules_disabled

	static Circumstances here();
};

// One sentence: what went wrong, and the cure.
std::string explain_load(int error, const ModuleInfo &module, const Circumstances &system);
std::string explain_unload(int error, const std::string &name, const std::string &refcount, const Circumstances &system);

class LoadError : public std::runtime_error {
public:
	LoadError(int error, const std::string &what) : std::runtime_error(what), error_(error) {}
	int error() const { return error_; }

private:
	int error_;
};

class Loader {
public:
	Loader();

	// A file if there is a slash or the suffix .ko in it, else a name that is looked up below /lib/modules.
	ModuleInfo info(const std::string &path_or_name) const;
	// Parameters are "name=value". One that the module does not have is refused here: the kernel only warns.
	ModuleInfo load(const std::string &path_or_name, std::span<const std::string> parameters = {}) const;
	void unload(const std::string &name) const;
	static bool is_loaded(const std::string &name);
	static std::string refcount(const std::string &name);

private:
	struct Free {
		void operator()(kmod_ctx *context) const;
		void operator()(kmod_module *module) const;
	};
	using Module = std::unique_ptr<kmod_module, Free>;
	Module find(const std::string &path_or_name) const;
	ModuleInfo info_of(kmod_module *module, const std::string &asked) const;

	std::unique_ptr<kmod_ctx, Free> context_;
};

} // namespace ptelab

#endif
