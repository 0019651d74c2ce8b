// SPDX-License-Identifier: GPL-2.0-or-later
// What a whole run does to the kernel's code, alone and over and over: an emulator that misses it shows itself sooner.
#include <algorithm>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "lab.hpp"
#include "reach.hpp"
#include "runner.hpp"

namespace ptelab {
namespace {

void use(const Node &node)
{
	const Device device(node);
	const Mapping map(device, pages(1));
	map.touch(0);
}

void use_every_node()
{
	for (const Node &node : nodes()) {
		try {
			use(node);
		} catch (const std::system_error &) {
			// Not on this kernel or on this machine.
		}
	}
}

bool says(const std::vector<std::string> &missed, std::string_view call)
{
	return std::ranges::any_of(missed, [&](const std::string &one) { return one.starts_with(fmt::format("{} (", call)); });
}

} // namespace

int drill_reach(int rounds)
{
	const std::jthread meanwhile([](const std::stop_token &over) {
		while (!over.stop_requested())
			use_every_node();
	});

	for (int round = 1; round <= rounds; ++round) {
		const Reach reach;
		if (!reach.why_not().empty()) {
			fmt::print("no probes: {}\n", reach.why_not());
			return kExitNothingRan;
		}
		use_every_node();
		const std::vector<std::string> missed = reach.missed();
		fmt::print("round {}: {} calls not reached\n", round, missed.size());
		if (says(missed, "vm_insert_page")) {
			fmt::print("vm_insert_page was called, and its probe was not hit\n");
			return kExitFail;
		}
	}
	return kExitPass;
}

} // namespace ptelab
