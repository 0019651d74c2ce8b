// SPDX-License-Identifier: GPL-2.0-or-later
#include "hygiene.hpp"

#include <cerrno>
#include <csignal>
#include <optional>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/device.hpp>
#include <ptelab/procfs.hpp>

namespace ptelab {
namespace {

constexpr int kLooksAgain = 1000; // times to look again: a file's last reference can be dropped a moment after its close

std::int64_t handler_of(int signal)
{
	struct sigaction action {};
	sigaction(signal, nullptr, &action);
	return reinterpret_cast<std::int64_t>(action.sa_sigaction);
}

std::optional<Device> any_device()
{
	for (const Node &node : nodes()) {
		try {
			return Device(node, O_RDONLY);
		} catch (const std::system_error &) {
			// absent: the next one
		}
	}
	return std::nullopt;
}

// A node takes its memory when it is first opened, and in a module that was loaded anew nobody has.
void open_each_node()
{
	for (const Node &node : nodes()) {
		try {
			const Device device(node, O_RDONLY);
		} catch (const std::system_error &) {
			// absent
		}
	}
}

void open_each_node_once()
{
	static const bool opened = (open_each_node(), true);
	static_cast<void>(opened);
}

} // namespace

Hygiene::State Hygiene::take()
{
	State state{
		{"mappings of /dev/ptelab", static_cast<std::int64_t>(count_vmas_of(kDeviceFolder))},
		{"the handler of SIGBUS", handler_of(SIGBUS)},
		{"the handler of SIGSEGV", handler_of(SIGSEGV)},
		{"the effective user", ::geteuid()},
		{"child processes", ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD ? 0 : 1},
	};
	if (const std::optional<Device> device = any_device()) {
		const ptelab_stats stats = device->stats(PTELAB_SCOPE_MODULE);
		state["open files"] = static_cast<std::int64_t>(stats.files) - 1;
		state["regions"] = static_cast<std::int64_t>(stats.regions);
		state["pages of the module"] = static_cast<std::int64_t>(stats.pages_allocated - stats.pages_freed);
	}
	return state;
}

Hygiene::Hygiene(const RuleInfo &info) : info_(info), before_((open_each_node_once(), take()))
{
	guards_window_ = info.node && info.node->method == PTELAB_IOMAP && !info.traits.answers_host;
	if (guards_window_)
		Device(*info.node).read(kHostWindow, host_window_);
}

std::vector<std::string> Hygiene::left_behind() const
{
	std::vector<std::string> traces;
	State after = take();

	if (after != before_) {
		open_each_node();
		after = take();
	}
	for (int i = 0; i < kLooksAgain && after != before_; ++i) {
		::sched_yield();
		after = take();
	}
	for (const auto &[what, count] : before_) {
		if (const auto now = after.find(what); now == after.end())
			traces.push_back(fmt::format("the rule left the module unloaded: {} cannot be read", what));
		else if (now->second != count)
			traces.push_back(fmt::format("the rule left something behind: {}: {} before, {} after", what, count, now->second));
	}
	for (const Node &node : nodes()) {
		try {
			Device device(node);
			if (!device.query().revoked)
				continue;
			device.restore();
			traces.push_back(fmt::format("the rule left the node {} revoked", node.name));
		} catch (const std::system_error &) {
			// not there, so not revoked
		}
	}
	if (guards_window_)
		Device(*info_.node).write(kHostWindow, host_window_);
	return traces;
}

} // namespace ptelab
