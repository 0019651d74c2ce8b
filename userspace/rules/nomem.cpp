// SPDX-License-Identifier: GPL-2.0-or-later
// No memory: each allocation in turn fails once, the call says ENOMEM, and nothing is left behind.
#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "injection.hpp"
#include "lab.hpp"

namespace ptelab {
namespace {

constexpr int kMost = 2000; // allocations that one call may make before the rule gives up

// Fails the first, the second, ... allocation of an action until it makes fewer: each time it must either succeed (the
// kernel could do without) or fail with one of the errors, and then check() must hold. prepare() makes what the action is
// done to, with memory to spare. EFAULT is always right: fail-nth also fails a copy from or to user memory.
template <class Prepare, class Action, class Check>
void fail_each(Rule &rule, const std::string &what, std::vector<int> errors, Prepare prepare, Action action, Check check)
{
	const Injection injection;
	int failures = 0;
	std::set<std::string> seen;

	errors.push_back(EFAULT);
	rule.declare_kernel_line("page allocation failure");
	rule.declare_kernel_line("vmalloc error: size");
	for (int n = 1; n <= kMost; ++n) {
		Errno error;
		bool injected = false;
		{
			auto subject = prepare();
			injected = injection.fail(n, [&] { error = errno_of([&] { action(subject); }); });
		}
		if (error.value != 0) {
			++failures;
			seen.insert(errno_name(error.value));
			const bool right = std::ranges::find(errors, error.value) != errors.end();
			if (!right) {
				rule.expect(what + ", errno", error, ENOMEM);
				return;
			}
		}
		check();
		if (!injected) {
			rule.expect(what + ", in the end", error, 0);
			rule.varies(what + ", allocations and copies"); // a warm cache needs none
			rule.varies(what + ", of these answered with an error");
			rule.observe(what + ", allocations and copies", n - 1);
			rule.observe(what + ", of these answered with an error", failures);
			rule.expect(what + ", some failed", failures > 0, true);
			rule.observe(what + ", errors", Value::Array(seen.begin(), seen.end()));
			return;
		}
	}
	rule.expect(what + ", ends", false, true);
}

RULE_PER_NODE("setup_without_memory", kRamNodes & kFirstNodes, .says = "SETUP fails with ENOMEM whichever of its allocations fails, and keeps what the file had",
	      .source = "mm/fault-inject.c:should_fail_alloc_page", .needs = injection_needs())
{
	const Device watcher(rule.node(), O_RDONLY);
	const std::int64_t before = pages_in_use(watcher);

	for (const ptelab_backing backing : {PTELAB_BACKING_SINGLE, PTELAB_BACKING_COMPOUND, PTELAB_BACKING_SPLIT, PTELAB_BACKING_VMALLOC}) {
		if (rule.node().method == PTELAB_REMAP_PFN && (backing == PTELAB_BACKING_COMPOUND || backing == PTELAB_BACKING_VMALLOC))
			continue;
		fail_each(
			rule, std::string(name_of(backing)), {ENOMEM}, [&] { return Device(watcher.path()); },
			[&](Device &device) { device.setup({.backing = backing, .pages = 8}); },
			[&] { rule.expect("pages left behind", pages_in_use(watcher) - before, 0); });
	}
}

RULE_PER_NODE("mmap_without_memory", kFirstNodes,
	      .says = "mmap fails whichever of its allocations fails, and maps nothing; remap_pfn_range makes EINVAL of a device's ENOMEM",
	      .source = "mm/memory.c:remap_pfn_range", .needs = injection_needs())
{
	const Device device = own_region(rule.node());
	std::vector<int> errors{ENOMEM};
	if (rule.node().method == PTELAB_IOMAP)
		errors.push_back(EINVAL);

	fail_each(
		rule, "mmap", errors, [] { return 0; }, [&](int) { Mapping(device, pages(kPages)); },
		[&] {
			const ptelab_stats stats = device.stats();
			rule.expect("mappings left behind", stats.maps + stats.opens - stats.closes, 0U);
		});
}

RULE_PER_NODE("open_without_memory", kFirstNodes, .says = "open fails with ENOMEM whichever of its allocations fails, and opens nothing",
	      .source = "mm/fault-inject.c:should_failslab", .needs = injection_needs())
{
	const Device watcher(rule.node(), O_RDONLY);
	const __u64 before = watcher.stats(PTELAB_SCOPE_MODULE).files;

	fail_each(
		rule, "open", {ENOMEM}, [] { return 0; }, [&](int) { Device(watcher.path()); },
		[&] { rule.expect("files left open", watcher.stats(PTELAB_SCOPE_MODULE).files, before); });
}

} // namespace
} // namespace ptelab
