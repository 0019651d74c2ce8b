// SPDX-License-Identifier: GPL-2.0-or-later
// What is there: the nodes, the kernel's features, the counters.
#include "commands.hpp"

#include <cerrno>

#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/loader.hpp>
#include <ptelab/procfs.hpp>

namespace ptelab::cli {
namespace {

constexpr const char *kNotLoaded = "the module ptelab is not loaded: load it as root with \"ptelab load\" or "
				   "\"ptelab load PATH/ptelab.ko\"";

struct Counter {
	const char *name;
	__u64 ptelab_stats::*field;
	const char *meaning;
};

constexpr Counter kCounters[] = {
	{"maps", &ptelab_stats::maps, "mmap calls that succeeded"},
	{"map_errors", &ptelab_stats::map_errors, "mmap calls that the driver refused"},
	{"opens", &ptelab_stats::opens, "mappings copied (fork) or split"},
	{"closes", &ptelab_stats::closes, "mappings that went away"},
	{"faults", &ptelab_stats::faults, "calls of ->fault"},
	{"fault_errors", &ptelab_stats::fault_errors, "of these, answered with an error"},
	{"accesses", &ptelab_stats::accesses, "calls of ->access"},
	{"zaps", &ptelab_stats::zaps, "ZAP calls"},
	{"unmaps", &ptelab_stats::unmaps, "UNMAP calls"},
	{"revokes", &ptelab_stats::revokes, "REVOKE calls"},
	{"files", &ptelab_stats::files, "files open now, this one included"},
	{"regions", &ptelab_stats::regions, "regions alive"},
	{"pages_allocated", &ptelab_stats::pages_allocated, "pages taken from the kernel"},
	{"pages_freed", &ptelab_stats::pages_freed, "pages given back"},
	{"node_regions", &ptelab_stats::node_regions, "of the regions, the nodes' own"},
	{"node_pages", &ptelab_stats::node_pages, "pages that these have"},
};

utsname system_name()
{
	utsname name{};
	uname(&name);
	return name;
}

struct NodeState {
	std::string state; // "ready", or why not
	bool ready = false;
	ptelab_query query{};
};

NodeState state_of(const Node &node, const ptelab_query &any)
{
	try {
		return {"ready", true, Device(node, O_RDONLY).query()};
	} catch (const std::system_error &error) {
		if (error.code().value() != ENOENT)
			return {fmt::format("cannot be opened: {}", errno_name(error.code().value())), false, {}};
	}
	return {fmt::format("absent: {}", explain(static_cast<ptelab_absence>(any.absence[node.method]))), false, {}};
}

} // namespace

std::string headline()
{
	const utsname system = system_name();
	return fmt::format("ptelab {} on Linux {} {}", kVersion, system.release, system.machine);
}

std::string size_text(std::size_t bytes)
{
	if (bytes % (1 << 20) == 0)
		return fmt::format("{} MiB", bytes >> 20);
	return fmt::format("{} KiB", bytes >> 10);
}

Device any_node()
{
	int refused = 0;

	for (const Node &node : nodes()) {
		try {
			return Device(node, O_RDONLY);
		} catch (const std::system_error &error) {
			if (error.code().value() != ENOENT)
				refused = error.code().value();
		}
	}
	if (refused)
		throw_errno(refused, fmt::format("open {}", kDeviceFolder));
	throw NothingToRunOn(kNotLoaded);
}

const Node &present_node(const std::string &name)
{
	const Node *node = find_node(name);
	if (!node) {
		std::string known;
		for (const Node &candidate : nodes())
			known += (known.empty() ? "" : ", ") + std::string(candidate.name);
		throw UsageError(fmt::format("there is no node \"{}\": use one of {}", name, known));
	}
	if (::access(node->path().c_str(), F_OK) == 0)
		return *node;
	const ptelab_query any = any_node().query();
	throw NothingToRunOn(fmt::format("the node {} is not on this machine: {}", name,
					 explain(static_cast<ptelab_absence>(any.absence[node->method]))));
}

Report info(const Terminal &terminal)
{
	const ptelab_query any = any_node().query();
	const utsname system = system_name();
	const std::string version = read_line("/sys/module/ptelab/version");
	Report report;

	report.json.set("version", kVersion);
	report.json.set("kernel", Value::Object{{"release", system.release}, {"arch", system.machine}});
	report.json.set("module", Value::Object{{"version", version}, {"abi", any.abi}, {"refcount", Loader::refcount("ptelab")}});
	report.json.set("page_size", page_size());

	report.text = fmt::format("{}, module {}, ABI {}, pages of {} bytes\n\n", headline(), version.empty() ? "without version" : version,
				  any.abi, page_size());
	report.text += terminal.bold(fmt::format("{:<18} {:<38} {:<10} {}", "node", "how its pages are mapped", "region", "state")) + "\n";
	Value::Array rows;
	for (const Node &node : nodes()) {
		const NodeState state = state_of(node, any);
		const std::size_t bytes = static_cast<std::size_t>(state.query.pages) << state.query.page_shift;
		Value row = Value::Object{{"name", node.name}, {"call", node.call}, {"moment", node.moment}, {"ready", state.ready}, {"state", state.state}};
		if (state.ready) {
			row.set("bytes", bytes);
			row.set("backing", name_of(static_cast<ptelab_backing>(state.query.backing)));
			row.set("cache", name_of(static_cast<ptelab_cache>(state.query.cache)));
			row.set("revoked", state.query.revoked != 0);
			row.set("has_access", state.query.has_access != 0);
			row.set("max_pages", state.query.max_pages);
			row.set("max_block_pages", state.query.max_block_pages);
		}
		rows.push_back(row);
		report.text += fmt::format("{:<18} {:<38} {:<10} ", node.name, fmt::format("{}, {}", node.call, node.moment),
					   state.ready ? size_text(bytes) : "-");
		report.text += (state.ready ? terminal.good(state.state) : terminal.bad(state.state)) + "\n";
	}
	report.json.set("nodes", rows);

	report.text += "\n" + terminal.bold("this kernel has") + "\n";
	Value known = Value::Object{};
	for (const Feature &feature : features()) {
		const bool has = (any.features & feature.bit) != 0;
		known.set(feature.name, has);
		report.text += fmt::format("  {} {:<18} {}\n", has ? "yes" : " no", feature.name, feature.meaning);
	}
	report.json.set("features", known);
	return report;
}

Report stats(const Terminal &terminal)
{
	const ptelab_stats stats = any_node().stats(PTELAB_SCOPE_MODULE);
	Report report;

	report.text = terminal.bold("since the module was loaded") + "\n";
	for (const Counter &counter : kCounters) {
		report.json.set(counter.name, stats.*counter.field);
		report.text += fmt::format("{:>12} {:<16} {}\n", stats.*counter.field, counter.name, counter.meaning);
	}
	return report;
}

} // namespace ptelab::cli
