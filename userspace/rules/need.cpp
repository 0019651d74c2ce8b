// SPDX-License-Identifier: GPL-2.0-or-later
#include "need.hpp"

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string_view>

#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/device.hpp>

namespace ptelab {
namespace {

std::string release()
{
	utsname name{};
	uname(&name);
	return name.release;
}

std::optional<ptelab_query> query_any_node()
{
	for (const Node &node : nodes()) {
		try {
			return Device(node, O_RDONLY).query();
		} catch (const std::system_error &) {
			// absent, or not ours to open: another one may do
		}
	}
	return std::nullopt;
}

} // namespace

__u64 kernel_features()
{
	static std::optional<__u64> known;

	if (!known)
		if (const std::optional<ptelab_query> query = query_any_node())
			known = query->features;
	return known.value_or(0);
}

std::string why_absent(const Node &node)
{
	if (::access(node.path().c_str(), F_OK) == 0)
		return "";
	const std::optional<ptelab_query> query = query_any_node();
	if (!query)
		return fmt::format("{} is not there: load the module as root (ptelab load)", kDeviceFolder);
	return fmt::format("the node {} is not there: {}", node.name,
			   explain(static_cast<ptelab_absence>(query->absence[node.method])));
}

Need feature(__u64 bit)
{
	for (const Feature &known : features()) {
		if (known.bit != bit)
			continue;
		return {std::string(known.name), [known] {
				return kernel_features() & known.bit
					       ? std::string()
					       : fmt::format("kernel {} has not got {}", release(), known.meaning);
			}};
	}
	return {"a feature without a name", [] { return std::string("the rule names an unknown feature"); }};
}

Need kconfig(const std::string &option, const std::string &evidence)
{
	return {option, [option, evidence] {
			return ::access(evidence.c_str(), F_OK) == 0
				       ? std::string()
				       : fmt::format("kernel {} was built without {} (there is no {})", release(), option, evidence);
		}};
}

Need filesystem(const std::string &name)
{
	return {"filesystem " + name, [name] {
			std::ifstream known("/proc/filesystems");
			for (std::string line; std::getline(known, line);)
				if (line.ends_with("\t" + name))
					return std::string();
			return fmt::format("kernel {} has no {} built in (/proc/filesystems does not name it)", release(), name);
		}};
}

Need node(ptelab_method method)
{
	return {fmt::format("node {}", node_of(method).name), [method] { return why_absent(node_of(method)); }};
}

Need root()
{
	return {"root", [] { return ::geteuid() == 0 ? std::string() : std::string("only root can run this"); }};
}

Need booted()
{
	return {"a machine that booted for this run", [] {
			const char *start = std::getenv("PTELAB_START");
			return start && std::string_view(start) == "saved"
				       ? std::string("it reads the time, and this machine is a copy of a saved one: run it with scripts/vm --boot")
				       : std::string();
		}};
}

} // namespace ptelab
