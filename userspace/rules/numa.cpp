// SPDX-License-Identifier: GPL-2.0-or-later
// NUMA balancing: it takes a process' pages away for a moment, to see from where they are used, but no driver's.
#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <list>
#include <sstream>
#include <string_view>

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr const char *kSwitch = "/proc/sys/kernel/numa_balancing";
constexpr auto kPatience = std::chrono::seconds(20);
constexpr std::array kKinds{PTELAB_INSERT_PAGE, PTELAB_FAULT_INSERT_MIXED, PTELAB_FAULT_INSERT_PFN, PTELAB_REMAP_PFN};

class Setting {
public:
	Setting(const std::string &path, const std::string &value) : path_(path), before_(read_line(path)) { write(value); }
	~Setting() { write(before_); }
	Setting(const Setting &) = delete;
	Setting &operator=(const Setting &) = delete;

private:
	void write(const std::string &value) const { std::ofstream(path_) << value << std::flush; }

	std::string path_;
	std::string before_;
};

constexpr const char *kOwnSched = "/proc/self/sched";
constexpr const char *kWrapsOfScan = "mm->numa_scan_seq"; // how often the scan has come to the end of the address space
constexpr const char *kMigrated = "numa_pages_migrated";  // after a hint fault of this task

std::uint64_t own_sched(std::string_view wanted)
{
	std::istringstream in(read_text(kOwnSched).value_or(""));
	for (std::string line; std::getline(in, line);)
		if (line.starts_with(wanted))
			return std::stoull(line.substr(line.find(':') + 1));
	return 0;
}

// This process stays where it runs, and takes memory from the other node: what is near is not marked (mm/mprotect.c:
// change_pte_range). For a child: the processor is not given back.
class FromTheOtherNode {
public:
	FromTheOtherNode()
	{
		unsigned processor = 0, node = 0;
		cpu_set_t one;
		CPU_ZERO(&one);
		CPU_SET(::sched_getcpu(), &one);
		if (::sched_setaffinity(0, sizeof(one), &one) < 0 || ::syscall(SYS_getcpu, &processor, &node, nullptr) < 0)
			throw_errno("sched_setaffinity");
		const unsigned long other = 1UL << (node == 0 ? 1 : 0);
		if (::syscall(SYS_set_mempolicy, MPOL_BIND, &other, 8 * sizeof(other)) < 0)
			throw_errno("set_mempolicy");
	}
	~FromTheOtherNode() { ::syscall(SYS_set_mempolicy, MPOL_DEFAULT, nullptr, 0); }
	FromTheOtherNode(const FromTheOtherNode &) = delete;
	FromTheOtherNode &operator=(const FromTheOtherNode &) = delete;
};

struct Scan {
	bool scanned = false; // from the first address to the last
	bool marked = false;  // ordinary memory
	std::array<std::size_t, kKinds.size()> spared{}; // entries that are as they were
};

// In a process that is new, so that it is scanned by the settings of now.
Scan watch()
{
	Scan seen;
	std::list<Device> devices;
	std::list<Mapping> maps;
	Mapping ordinary(-1, pages(kPages), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	{
		const FromTheOtherNode policy;
		for (std::size_t page = 0; page < kPages; ++page)
			ordinary.put(pages(page), page);
		for (const ptelab_method method : kKinds) {
			const Mapping &map = maps.emplace_back(devices.emplace_back(own_region(node_of(method))), pages(kPages));
			for (std::size_t page = 0; page < kPages; ++page)
				map.put(pages(page), page);
		}
	}
	// What was under way ends with the first wrap, and all that is mapped now is between that and the next.
	const std::uint64_t wraps = own_sched(kWrapsOfScan);
	const auto deadline = std::chrono::steady_clock::now() + kPatience;
	while (!(seen.scanned && seen.marked) && std::chrono::steady_clock::now() < deadline) {
		for (std::size_t page = 0; page < kPages; ++page)
			ordinary.put(pages(page), page); // what is marked takes a hint fault
		seen.scanned = own_sched(kWrapsOfScan) >= wraps + 2;
		seen.marked = seen.marked || own_sched(kMigrated) > 0;
	}
	auto map = maps.begin();
	for (std::size_t i = 0; const Device &device : devices) {
		// A hint is an entry without any right.
		for (const ptelab_pte &entry : device.lookup((map++)->bytes()))
			seen.spared[i] += (entry.state & PTELAB_PTE_PRESENT) && (entry.state & PTELAB_PTE_WRITE);
		++i;
	}
	return seen;
}

const Need kTwoNodes{"two NUMA nodes", [] {
			     return std::filesystem::exists("/sys/devices/system/node/node1")
					    ? std::string()
					    : std::string("there is one NUMA node: a kernel with CONFIG_NUMA_EMU makes two of it with numa=fake=2");
		     }};

RULE("numa.balancing_spares_driver_mappings", .contract = "UF-04",
     .says = "NUMA balancing marks the entries of ordinary memory to learn who uses it, and none of a VM_MIXEDMAP or VM_PFNMAP mapping",
     .source = "kernel/sched/fair.c:task_numa_work, include/linux/mempolicy.h:vma_migratable",
     .needs = {root(), kconfig("CONFIG_NUMA_BALANCING", kSwitch), kconfig("CONFIG_SCHED_DEBUG", kOwnSched), kTwoNodes})
{
	const std::string tunables = "/sys/kernel/debug/sched/numa_balancing/";
	const Setting on(kSwitch, "1");
	const Setting soon(tunables + "scan_delay_ms", "10");
	const Setting often(tunables + "scan_period_min_ms", "100");
	const Scan seen = in_child(watch);

	rule.expect("all of the process was scanned", seen.scanned, true);
	rule.expect("its ordinary memory was marked", seen.marked, true);
	for (std::size_t i = 0; i < kKinds.size(); ++i)
		rule.expect(std::string(node_of(kKinds[i]).name) + ": entries spared", seen.spared[i], kPages);
}

} // namespace
} // namespace ptelab
