// SPDX-License-Identifier: GPL-2.0-or-later
// The states of an entry that is neither none nor present, each made by the kernel: swap, migration, a marker of userfaultfd's.
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>

#include "lab.hpp"
#include "swap_disk.hpp"

namespace ptelab {
namespace {

constexpr int kPageOut = 21; // MADV_PAGEOUT

// Pages on a processor's own list are on no list that reclaim or compaction takes from; theirs is emptied by madvise() there.
void stay_on_one_processor()
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	::sched_setaffinity(0, sizeof(one), &one);
}

RULE("lookup.swapped_copy", .says = "A private copy of a driver's page that was swapped out is told as swap, not as none, and comes back with its bytes",
     .source = "mm/rmap.c:try_to_unmap_one", .needs = {root(), kconfig("CONFIG_BLK_DEV_LOOP", "/dev/loop-control"), kconfig("CONFIG_SWAP", "/proc/swaps")})
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const SwapDisk swap;
	struct Seen {
		__u32 before, after, back;
		std::uint64_t word;
	};
	const Seen seen = in_child([&] {
		stay_on_one_processor();
		const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
		Seen told{};
		map.put(0, std::uint64_t{0x73776170});
		told.before = state_of(device, map, 0);
		for (int tries = 0; tries < 50 && !(told.after & PTELAB_PTE_SWAP); tries++) {
			::madvise(map.data(), page_size(), kPageOut);
			told.after = state_of(device, map, 0);
		}
		told.word = map.get<std::uint64_t>(0);
		told.back = state_of(device, map, 0);
		return told;
	});
	rule.expect("a copy: present", (seen.before & PTELAB_PTE_PRESENT) != 0, true);
	rule.expect("a copy: ours", (seen.before & PTELAB_PTE_OURS) != 0, false);
	rule.expect("swapped out", (seen.after & PTELAB_PTE_SWAP) != 0, true);
	rule.expect("swapped out: present", (seen.after & PTELAB_PTE_PRESENT) != 0, false);
	rule.expect("its word", seen.word, 0x73776170U);
	rule.expect("after a read: present", (seen.back & PTELAB_PTE_PRESENT) != 0, true);
	rule.expect("after a read: swap", (seen.back & PTELAB_PTE_SWAP) != 0, false);
}

RULE("revoke.takes_swapped_copies", .says = "REVOKE takes a private copy away that was swapped out, as it does one in memory",
     .source = "mm/memory.c:zap_pte_range", .needs = {root(), kconfig("CONFIG_BLK_DEV_LOOP", "/dev/loop-control"), kconfig("CONFIG_SWAP", "/proc/swaps")})
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const SwapDisk swap;
	stay_on_one_processor();
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
	map.put(0, std::uint64_t{1});
	for (int tries = 0; tries < 50 && !(state_of(device, map, 0) & PTELAB_PTE_SWAP); tries++)
		::madvise(map.data(), page_size(), kPageOut);
	rule.expect("swapped out", (state_of(device, map, 0) & PTELAB_PTE_SWAP) != 0, true);
	device.revoke();
	rule.expect("the entry", state_of(device, map, 0) & ~static_cast<__u32>(PTELAB_PTE_REVOKED), 0U);
	rule.expect("an access", map.touch(0).outcome(), kSigbus);
	device.restore();
	rule.expect("the driver's own page", map.get<std::uint64_t>(0), 0U);
}

RULE("lookup.migrating_copy", .says = "A private copy of a driver's page that is being moved is told as a migration entry, not as none",
     .source = "mm/migrate.c:migrate_pages", .needs = {root(), booted(), kconfig("CONFIG_COMPACTION", "/proc/sys/vm/compact_memory")})
{
	using namespace std::chrono_literals;
	constexpr std::size_t kCopies = 1024, kBetween = 24;
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE), kCopies);
	const Mapping map(device, pages(kCopies), {.flags = MAP_PRIVATE});
	__u32 seen = 0;
	std::size_t none = 0;
	const auto end = std::chrono::steady_clock::now() + 240s; // chance: seconds as a rule, more beside other guests

	// Compaction moves what lies low in memory to where there is room higher up: so the copies are scattered over much of it.
	while (!(seen & PTELAB_PTE_MIGRATION) && std::chrono::steady_clock::now() < end) {
		::madvise(map.data(), map.size(), MADV_DONTNEED);
		Mapping between(-1, pages(kCopies * kBetween), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
		::madvise(between.data(), between.size(), MADV_NOHUGEPAGE);
		for (std::size_t page = 0; page < kCopies; page++) {
			map.put(pages(page), std::uint64_t{page + 1});
			for (std::size_t other = 0; other < kBetween; other++)
				between.put(pages(page * kBetween + other), std::uint8_t{1});
		}
		between.unmap();
		std::atomic<bool> done = false;
		std::thread compaction([&] {
			std::ofstream("/proc/sys/vm/compact_memory") << 1 << std::flush;
			done = true;
		});
		while (!done)
			for (const ptelab_pte &entry : device.lookup(map.bytes())) {
				seen |= entry.state;
				none += !(entry.state & (PTELAB_PTE_PRESENT | PTELAB_PTE_MIGRATION));
			}
		compaction.join();
	}
	rule.expect("seen while it is moved", (seen & PTELAB_PTE_MIGRATION) != 0, true);
	rule.expect("none", none, 0U);
	rule.expect("the last one's word", map.get<std::uint64_t>(pages(kCopies - 1)), kCopies);
}

} // namespace
} // namespace ptelab
