// SPDX-License-Identifier: GPL-2.0-or-later
// Races between faults and what takes pages away, and the locks under which faults run.
#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>

#include <sched.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"
#include "misuse_module.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

constexpr int kZapsAtOnce = 50;
constexpr __u32 kFaultMs = 300;
constexpr __u64 kFaultUnderVmaLock = 1U << 12; // FAULT_FLAG_VMA_LOCK of include/linux/mm_types.h

std::size_t faults_in(const std::vector<ptelab_event> &events)
{
	return static_cast<std::size_t>(std::ranges::count(events, static_cast<__u32>(PTELAB_HOOK_FAULT), &ptelab_event::hook));
}

void wait_for_faults(EventLog &log, std::size_t wanted)
{
	for (std::size_t seen = 0; seen < wanted; ::sched_yield())
		seen += faults_in(log.take());
}

// Once the thread sleeps: it is past what the handler looks at before its delay.
void wait_until_asleep(pid_t thread)
{
	for (;; ::sched_yield()) {
		const std::string stat = read_line(fmt::format("/proc/self/task/{}/stat", thread));
		const std::size_t state = stat.rfind(") ");
		if (state != std::string::npos && (stat[state + 2] == 'S' || stat[state + 2] == 'D'))
			return;
	}
}

RULE_PER_NODE("zap_is_no_revocation", kFaultNodes & kFirstNodes, .contract = "CC-01",
	      .says = "A racing access brings a zapped page back at once; only a gate closed before the unmap makes every later access fail",
	      .source = "mm/memory.c:finish_fault")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(1));
	std::atomic<bool> stop = false, revoked = false;
	std::atomic<std::uint64_t> rounds = 0, signals = 0, passed_the_gate = 0;
	std::thread toucher([&] {
		for (; !stop; ++rounds) {
			const bool closed = revoked;
			const bool done = map.touch(0).done();
			signals += !done;
			passed_the_gate += closed && done;
		}
	});
	const auto let_it_touch = [&] {
		for (const std::uint64_t before = rounds; rounds < before + 2;)
			::sched_yield();
	};

	std::uint64_t taken = 0;
	for (int i = 0; i < kZapsAtOnce; ++i) {
		let_it_touch();
		taken += device.zap(map.bytes(), effective_zap(rule.node())).present_before;
	}
	let_it_touch();
	const std::uint64_t lost = signals;
	device.revoke();
	revoked = true;
	let_it_touch();
	stop = true;
	toucher.join();
	rule.expect("accesses that got a signal while zapped", lost, 0U);
	rule.expect("pages taken by zaps", taken, static_cast<std::uint64_t>(kZapsAtOnce));
	rule.expect("accesses after REVOKE that got none", passed_the_gate.load(), 0U);
	device.restore();
	rule.expect("after RESTORE", map.touch(0).outcome(), kOk);
}

RULE_PER_NODE("a_stale_page_gets_mapped", bit_of(PTELAB_FAULT_PAGE), .contract = "CC-02",
	      .says = "A handler that looks at its state, and later returns the page unlocked, gets a revoked page mapped",
	      .source = "mm/memory.c:finish_fault", .needs = {misuse_module()}, .suite = kMisuseSuite)
{
	const MisuseModule loaded;
	Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_STALE, .fault_times = 1, .fault_delay_ms = kFaultMs});
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS});
	const Mapping map(device, pages(kPages));
	EventLog log(device);
	Touch touch;
	std::atomic<pid_t> id = 0;
	std::thread toucher([&] {
		id = ::gettid();
		touch = map.touch(0);
	});

	wait_for_faults(log, 1);
	wait_until_asleep(id);
	device.revoke();
	toucher.join();
	rule.expect("the access", touch.outcome(), kOk);
	rule.expect("present after the revoke", (state_of(device, map, 0) & PTELAB_PTE_PRESENT) != 0, true);
	rule.expect("an access that came later", map.touch(1).outcome(), kSigbus);
	device.restore();
}

RULE_PER_NODE("two_threads_one_page", kFaultNodes & kEntryNodes, .contract = "CC-03",
	      .says = "Two threads that fault on one address both have ->fault called, and the loser leaves no reference behind",
	      .source = "mm/memory.c:finish_fault")
{
	Device device = own_region(rule.node(), kPages, {.fault_action = PTELAB_FAULT_DELAY, .fault_times = 2, .fault_delay_ms = kFaultMs});
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS});
	const std::int64_t references = page_info(device, 0).references;
	Mapping map(device, pages(kPages));
	EventLog log(device);
	Touch touches[2];
	std::thread other([&] { touches[0] = map.touch(0); });

	touches[1] = map.touch(0);
	other.join();
	const std::size_t faults = faults_in(log.take());
	rule.expect("one access", touches[0].outcome(), kOk);
	rule.expect("the other access", touches[1].outcome(), kOk);
	rule.expect("faults", faults, 2U);
	rule.expect("references while mapped", page_info(device, 0).references - references, is_one_of(rule.node(), kPageNodes) ? 1 : 0);
	map.unmap();
	rule.expect("references after", page_info(device, 0).references - references, 0);
}

std::uint64_t vmstat(const std::string &name)
{
	std::istringstream in(read_text("/proc/vmstat").value());
	std::string field;
	std::uint64_t value = 0;
	while (in >> field >> value)
		if (field == name)
			return value;
	return 0;
}

RULE_PER_NODE("lock_of_a_fault", kFaultNodes & kFirstNodes, .contract = "CC-04",
	      .says = "->fault runs under the VMA's own lock only if the VMA has ->map_pages, else each fault is tried again under mmap_lock",
	      .source = "mm/memory.c:vmf_can_call_fault")
{
	const bool has_counter = read_text("/proc/vmstat").value_or("").find("vma_lock_retry") != std::string::npos;
	const auto look = [&](std::string_view which, __u64 more_hooks) {
		Device device = own_region(rule.node());
		vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS,
			       .hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) | more_hooks});
		const Mapping map(device, pages(kPages));
		EventLog log(device);

		// A first fault makes what is missing for those under the VMA's lock: page tables, an anon_vma.
		map.touch(0);
		log.take();
		const std::uint64_t retries = vmstat("vma_lock_retry");
		for (std::size_t index = 1; index < kPages; ++index)
			map.touch(index);
		const std::uint64_t retried = vmstat("vma_lock_retry") - retries;
		std::size_t under_vma_lock = 0, faults = 0;
		for (const ptelab_event &event : log.take()) {
			faults += event.hook == PTELAB_HOOK_FAULT;
			under_vma_lock += event.hook == PTELAB_HOOK_FAULT && event.flags & kFaultUnderVmaLock;
		}
		rule.expect(fmt::format("faults, {}", which), faults, kPages - 1);
		rule.varies("retries, *"); // the scheduler has a say in it
		rule.because("each was tried again, *", "/proc/vmstat counts it only with CONFIG_PER_VMA_LOCK_STATS");
		if (has_counter)
			rule.observe(fmt::format("retries, {}", which), retried);
		if (has_counter && !more_hooks)
			rule.expect(fmt::format("each was tried again, {}", which), retried >= kPages - 1, true);
		return under_vma_lock;
	};

	rule.expect("under the VMA's lock, without ->map_pages", look("without ->map_pages", 0), 0U);
	rule.expect("under the VMA's lock, with ->map_pages", look("with ->map_pages", hook_bit(PTELAB_HOOK_MAP_PAGES)),
		    by_feature(PTELAB_HAS_FAULT_VMA_LOCK, kPages - 1, std::size_t{0}, "before 6.4 a VMA has no lock of its own"));
}

} // namespace
} // namespace ptelab
