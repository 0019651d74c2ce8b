// SPDX-License-Identifier: GPL-2.0-or-later
// Who is told of the first write: ->page_mkwrite, ->pfn_mkwrite, and the time stamps of the node.
#include <algorithm>
#include <array>

#include <sys/resource.h>
#include <sys/stat.h>

#include <ptelab/direct.hpp>

#include "disk_node.hpp"
#include "lab.hpp"
#include "release.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {


std::size_t calls_of(ptelab_hook hook, const std::vector<ptelab_event> &events)
{
	return static_cast<std::size_t>(std::ranges::count(events, static_cast<__u32>(hook), &ptelab_event::hook));
}

// Page faults of this thread that needed no I/O.
long minor_faults()
{
	rusage usage{};
	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

// How many faults it takes to read a page and then to write it. The first page warms up whatever else may fault.
long faults_to_read_then_write(const Mapping &map)
{
	long taken = 0;

	for (const std::size_t at : {std::size_t{0}, pages(1)}) {
		const long before = minor_faults();
		map.read(at);
		map.write(at, 1);
		taken = minor_faults() - before;
	}
	return taken;
}

// Sets the node's mtime far back for as long as it lives, and tells whether something moved it.
class OldTimes {
public:
	explicit OldTimes(const Device &device) : device_(device)
	{
		if (::fstat(device.fd(), &before_) < 0)
			throw_errno("stat " + device.path());
		set(kLongAgo);
	}
	~OldTimes() { ::futimens(device_.fd(), std::array{before_.st_atim, before_.st_mtim}.data()); }
	OldTimes(const OldTimes &) = delete;
	OldTimes &operator=(const OldTimes &) = delete;

	bool moved() const
	{
		struct stat now {};
		return ::fstat(device_.fd(), &now) == 0 && now.st_mtim.tv_sec != kLongAgo.tv_sec;
	}

private:
	static constexpr timespec kLongAgo{1, 0};

	void set(const timespec &time) const
	{
		if (::futimens(device_.fd(), std::array{time, time}.data()) < 0)
			throw_errno("futimens " + device_.path());
	}

	const Device &device_;
	struct stat before_ {};
};

RULE("fault_page.first_write_moves_mtime", .contract = "MP-05",
     .says = "A write as the first access to a shared page from ->fault updates the node's mtime; one after a read does not",
     .source = "mm/memory.c:fault_dirty_shared_page")
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));
	const OldTimes times(device);

	map.touch(0);
	map.write(0, 1);
	rule.expect("a write after a read", times.moved(), false);
	map.write(pages(1), 1);
	rule.expect("a write as the first access", times.moved(), true);
}

RULE_PER_NODE("writes_leave_mtime", kSpecialNodes & kFirstNodes, .contract = "MP-05",
	      .says = "Where the driver sets the entry itself a write never updates the node's mtime",
	      .source = "mm/memory.c:do_shared_fault")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const auto kept = map.get<std::uint8_t>(pages(4));
	const OldTimes times(device);

	map.touch(4);
	rule.expect("a write", map.write(pages(4), kept).outcome(), kOk);
	if (rule.node().faults)
		rule.expect("a write as the first access", map.write(pages(5), 1).outcome(), kOk);
	rule.expect("mtime moved", times.moved(), false);
}

RULE("fault_page.read_then_write", .contract = "MP-06",
     .says = "Reading a shared page and then writing it takes one fault, and two where a write has to be told of",
     .source = "mm/mmap.c:vma_wants_writenotify")
{
	const auto faults_with = [](__u64 hook) {
		Device device = own_region(node_of(PTELAB_FAULT_PAGE));
		vma_setup(device, {.hooks = kUsualHooks | hook});
		const Mapping map(device, pages(kPages));
		return faults_to_read_then_write(map);
	};

	// Shared memory, of which nobody is told, shows whether the processor marks an entry as dirty by itself. Without that arm64
	// takes a fault for the first write (CONFIG_ARM64_HW_AFDBM, include/asm/pgtable.h: pte_hw_dirty).
	const auto plain = faults_to_read_then_write(Mapping(-1, pages(2), {.flags = MAP_SHARED | MAP_ANONYMOUS}));
	rule.expect("no hook", faults_with(0),
		    choose(plain == 1, 1, 2, "a processor that sets no dirty bit by itself faults at the first write: measured on shared memory"));
	rule.expect("page_mkwrite", faults_with(hook_bit(PTELAB_HOOK_PAGE_MKWRITE)), 2);
	rule.expect("pfn_mkwrite", faults_with(hook_bit(PTELAB_HOOK_PFN_MKWRITE)), 2);
}

RULE("fault_page.node_on_a_disk", .contract = "MP-11",
     .says = "The same device behaves otherwise when its node is on a disk's filesystem: writes are told of, and move mtime",
     .source = "mm/mmap.c:vma_wants_writenotify", .needs = {root(), kconfig("CONFIG_BLK_DEV_LOOP", "/dev/loop-control"), filesystem("ext2")})
{
	const DiskNode disk(node_of(PTELAB_FAULT_PAGE));
	Device device(disk.path());
	device.setup({.pages = kPages});
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_OWN_INODE});
	const Mapping map(device, pages(kPages));

	rule.expect("faults", faults_to_read_then_write(map), 2);
	const OldTimes times(device);
	map.touch(4);
	map.write(pages(4), 1);
	rule.expect("a write after a read moves mtime", times.moved(), true);
	// Said in pin_longterm.cpp for the hooks; here it is the inode's disk that has dirty pages to write back.
	const ptelab_pin got = pin(device, {.how = PTELAB_PIN_PIN, .address = map.data(), .flags = PTELAB_PIN_LONGTERM | PTELAB_PIN_WRITE});
	rule.expect("a long-term pin for writing", got.result,
		    choose<__s64>(!older_than(6, 5), -EFAULT, 1,
				  "6.5 forbade it where writes are tracked (mm/gup.c: writable_file_mapping_allowed), which no feature shows"));
}

RULE_PER_NODE("mkwrite_answers", bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PFN), .contract = "MP-08",
	      .says = "SIGBUS from ->page_mkwrite or ->pfn_mkwrite is the writer's SIGBUS; after NOPAGE the write is tried again",
	      .source = "mm/memory.c:do_page_mkwrite")
{
	const ptelab_hook hook = rule.node().pfn ? PTELAB_HOOK_PFN_MKWRITE : PTELAB_HOOK_PAGE_MKWRITE;
	Device device = own_region(rule.node());
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks | hook_bit(hook)});
	const Mapping map(device, pages(kPages));
	EventLog log(device);

	inject(device, {.hook = hook, .answer = PTELAB_ANSWER_SIGBUS});
	const Touch touch = map.write(0, 1);
	rule.expect("SIGBUS, not mapped before", touch.outcome(), kSigbus);
	rule.expect("its address", touch.where == reinterpret_cast<std::uintptr_t>(map.data()), true);
	map.touch(1);
	rule.expect("SIGBUS, mapped before", map.write(pages(1), 1).outcome(), kSigbus);
	rule.expect("a read", map.read(pages(1)).outcome(), kOk);
	rule.expect("calls with SIGBUS", calls_of(hook, log.take()), 2U);

	inject(device, {.hook = hook, .answer = PTELAB_ANSWER_AGAIN, .times = 2});
	rule.expect("NOPAGE twice", map.write(pages(2), 7).outcome(), kOk);
	rule.expect("the byte", map.get<std::uint8_t>(pages(2)), 7);
	rule.expect("calls with NOPAGE", calls_of(hook, log.take()), 3U);
	map.write(pages(2) + 1, 8);
	rule.expect("calls by the next write", calls_of(hook, log.take()), 0U);
}

RULE("insert_page.mkwrite_is_bypassed", .contract = "MP-09",
     .says = "What ->mmap inserts is writable at once, page_mkwrite or not; mprotect there and back makes writes be told of",
     .source = "mm/mmap.c:vma_set_page_prot")
{
	Device device = own_region(node_of(PTELAB_INSERT_PAGE));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks | hook_bit(PTELAB_HOOK_PAGE_MKWRITE)});
	Mapping map(device, pages(kPages));
	EventLog log(device);

	rule.expect("a write", map.write(0, 1).outcome(), kOk);
	rule.expect("calls", calls_of(PTELAB_HOOK_PAGE_MKWRITE, log.take()), 0U);
	map.protect(PROT_READ);
	map.protect(PROT_READ | PROT_WRITE);
	rule.expect("a write after mprotect", map.write(pages(1), 1).outcome(), kOk);
	rule.expect("calls after mprotect", calls_of(PTELAB_HOOK_PAGE_MKWRITE, log.take()), 1U);
}

} // namespace
} // namespace ptelab
