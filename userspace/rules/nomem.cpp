// SPDX-License-Identifier: GPL-2.0-or-later
// No memory: each allocation in turn fails once, the call says ENOMEM, and nothing is left behind.
#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "injection.hpp"
#include "lab.hpp"
#include "room.hpp"
#include "untrack.hpp"

namespace ptelab {
namespace {

constexpr int kMost = 2000; // allocations that one call may make before the rule gives up

// Fails the first, the second, ... allocation of a part of the attempt, which runs that part through what it is given, until
// it makes fewer: each time it must either succeed (the kernel could do without) or fail with one of the errors. The attempt
// judges what is there then, with memory to spare. The answer is how often it failed. EFAULT is always right: fail-nth also fails a copy from or to user memory.
template <class Attempt>
int fail_each(Rule &rule, const std::string &what, std::vector<int> errors, Attempt attempt)
{
	const Injection injection;
	int failures = 0;

	errors.push_back(EFAULT);
	rule.declare_kernel_line("page allocation failure");
	rule.declare_kernel_line("vmalloc error: size");
	for (int n = 1; n <= kMost; ++n) {
		Errno error;
		bool injected = false;
		attempt([&](auto &&part) {
			injected = injection.fail(n, [&] { error = errno_of(part); });
			return error.value == 0;
		});
		if (error.value != 0) {
			++failures;
			if (std::ranges::find(errors, error.value) == errors.end()) {
				rule.expect(what + ", errno", error, ENOMEM);
				return failures;
			}
		}
		if (!injected) {
			rule.expect(what + ", in the end", error, 0);
			rule.varies(what + ", allocations and copies"); // a warm cache needs none
			rule.varies(what + ", of these answered with an error");
			rule.observe(what + ", allocations and copies", n - 1);
			rule.observe(what + ", of these answered with an error", failures);
			return failures;
		}
	}
	rule.expect(what + ", ends", false, true);
	return failures;
}

void unmap_or_throw(std::span<std::byte> range)
{
	if (::munmap(range.data(), range.size()) < 0)
		throw_errno("munmap");
}

// Of a mapping that may be several VMAs, of which one LOOKUP does not tell.
std::size_t entries(const Device &device, const Mapping &map)
{
	std::size_t count = 0;
	for (std::size_t index = 0; index < map.pages(); ++index)
		count += (state_of(device, map, index) & PTELAB_PTE_PRESENT) != 0;
	return count;
}

std::int64_t mappings(const ptelab_stats &stats)
{
	return static_cast<std::int64_t>(stats.maps + stats.opens - stats.closes);
}

RULE_PER_NODE("region_setup_without_memory", kRamNodes & kFirstNodes, .says = "REGION_SETUP fails with ENOMEM whichever of its allocations fails, and keeps what the file had",
	      .source = "mm/fault-inject.c:should_fail_alloc_page", .needs = injection_needs())
{
	const Device watcher(rule.node(), O_RDONLY);
	const std::int64_t before = pages_in_use(watcher);

	for (const ptelab_backing backing : {PTELAB_BACKING_SINGLE, PTELAB_BACKING_COMPOUND, PTELAB_BACKING_SPLIT, PTELAB_BACKING_VMALLOC}) {
		if (rule.node().method == PTELAB_REMAP_PFN && (backing == PTELAB_BACKING_COMPOUND || backing == PTELAB_BACKING_VMALLOC))
			continue;
		const int failures = fail_each(rule, std::string(name_of(backing)), {ENOMEM}, [&](auto &&failing) {
			{
				Device device(watcher.path());
				failing([&] { device.setup({.backing = backing, .pages = 8}); });
			}
			rule.expect("pages left behind", pages_in_use(watcher) - before, 0);
		});
		rule.expect(std::string(name_of(backing)) + ", some failed", failures > 0, true);
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
	if (is_one_of(rule.node(), bit_of(PTELAB_REMAP_PFN) | bit_of(PTELAB_IOMAP)) && failed_remap_may_warn())
		rule.declare_kernel_line(kNoFirstPage);

	const int failures = fail_each(rule, "mmap", errors, [&](auto &&failing) {
		std::optional<Mapping> map;
		failing([&] { map.emplace(device, pages(kPages)); });
		rule.expect("mapped or not, as mmap says", mappings(device.stats()) == map.has_value(), true);
		map.reset();
		rule.expect("mappings left behind", mappings(device.stats()), 0);
	});
	rule.expect("mmap, some failed", failures > 0, true);
}

RULE_PER_NODE("munmap_without_memory", kFirstNodes & kSplitNodes,
	      .says = "munmap, of all or of the middle, that fails for want of memory unmaps nothing: each entry is there, and each part that is "
		      "a VMA of its own by then had its ->open and gets its ->close",
	      .source = "mm/mmap.c:__split_vma", .needs = injection_needs())
{
	const struct {
		const char *what;
		std::size_t first, count;
	} cuts[] = {{"all", 0, kPages}, {"the middle", 2, 3}};
	rule.because("all, some failed", "6.1's munmap gives up if it cannot preallocate nodes of the maple tree (mm/mmap.c:do_mas_align_munmap); later ones "
				    "allocate as they store, without waiting and if that fails again (lib/maple_tree.c:mas_store_gfp); before 6.1 "
				    "there is no such tree");
	const Device device = own_region(rule.node());

	for (const auto &cut : cuts) {
		const int failures = fail_each(rule, cut.what, {ENOMEM}, [&](auto &&failing) {
			Mapping map(device, pages(kPages));
			touch_all(map);
			const std::span<std::byte> part = map.bytes(pages(cut.first), pages(cut.count));
			if (failing([&] { unmap_or_throw(part); })) {
				rule.expect("VMAs left", count_vmas(map.bytes()), cut.count == kPages ? 0U : 2U);
			} else {
				rule.expect("entries after a failure", entries(device, map), kPages);
				rule.expect("as many VMAs as were opened", count_vmas(map.bytes()) == static_cast<std::size_t>(mappings(device.stats())), true);
			}
			map.unmap();
			rule.expect("mappings left behind", mappings(device.stats()), 0);
		});
		const std::string name = std::string(cut.what) + ", some failed";
		if (cut.count == kPages)
			rule.observe(name, failures > 0);
		else
			rule.expect(name, failures > 0, true);
	}
}

RULE_PER_NODE("open_without_memory", kFirstNodes, .says = "open fails with ENOMEM whichever of its allocations fails, and opens nothing",
	      .source = "mm/fault-inject.c:should_failslab", .needs = injection_needs())
{
	const Device watcher(rule.node(), O_RDONLY);
	const __u64 before = watcher.stats(PTELAB_SCOPE_MODULE).files;

	const int failures = fail_each(rule, "open", {ENOMEM}, [&](auto &&failing) {
		failing([&] { Device(watcher.path()); });
		rule.expect("files left open", watcher.stats(PTELAB_SCOPE_MODULE).files, before);
	});
	rule.expect("open, some failed", failures > 0, true);
}

} // namespace
} // namespace ptelab
