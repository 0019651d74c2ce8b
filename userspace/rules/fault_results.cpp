// SPDX-License-Identifier: GPL-2.0-or-later
// What becomes of the answer of ->fault: signals, errors of the kernel's own accesses, another try.
#include <array>
#include <csetjmp>
#include <csignal>

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <ptelab/child.hpp>

#include "huge_lab.hpp"
#include "release.hpp"

namespace ptelab {
namespace {

constexpr std::size_t kInside = 0x123; // an offset into a page that no rounding would give

// A file whose ->fault gives this answer to every fault after the first few.
Device answering(const Node &node, ptelab_fault_action action, std::uint64_t after = 0, std::uint64_t count = 0)
{
	return own_region(node, kPages, {.fault_action = action, .fault_after = after, .fault_times = count});
}

// A pipe that holds this many bytes.
class FullPipe {
public:
	explicit FullPipe(std::size_t bytes)
	{
		if (::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) < 0)
			throw_errno("pipe2");
		const std::vector<std::byte> data = pattern(bytes, 3);
		if (::write(ends_[1], data.data(), data.size()) != static_cast<ssize_t>(data.size()))
			throw_errno("write into a pipe");
	}
	~FullPipe()
	{
		::close(ends_[0]);
		::close(ends_[1]);
	}
	FullPipe(const FullPipe &) = delete;
	FullPipe &operator=(const FullPipe &) = delete;

	// read(2) to that address, as the kernel's access of it: bytes read, or the errno.
	Value read_to(std::byte *address, std::size_t bytes) const
	{
		const ssize_t got = ::read(ends_[0], address, bytes);
		return got < 0 ? Value(Errno(errno)) : Value(got);
	}

	// write(2) from there, likewise.
	Value write_from(const std::byte *address, std::size_t bytes) const
	{
		const ssize_t put = ::write(ends_[1], address, bytes);
		return put < 0 ? Value(Errno(errno)) : Value(put);
	}

private:
	std::array<int, 2> ends_{-1, -1};
};

RULE_PER_NODE("sigbus_names_the_byte", kFaultNodes & kFirstNodes, .contract = "FR-01",
	      .says = "VM_FAULT_SIGBUS is SIGBUS with BUS_ADRERR, and si_addr is the byte that was accessed, not its page",
	      .source = "arch/x86/mm/fault.c:do_sigbus")
{
	const Device device = answering(rule.node(), PTELAB_FAULT_SIGBUS);
	const Mapping map(device, pages(kPages));
	const std::size_t at = pages(2) + kInside;

	for (const bool write : {false, true}) {
		const Touch touch = write ? map.write(at, 1) : map.read(at);
		rule.expect(write ? "a write" : "a read", touch.outcome(), kSigbus);
		rule.expect(write ? "si_addr of a write" : "si_addr of a read", touch.where - reinterpret_cast<std::uintptr_t>(map.data()), at);
	}
	rule.expect("faults", device.stats().faults, 2U);
}

RULE_PER_NODE("sigsegv_says_unmapped", kFaultNodes & kFirstNodes, .contract = "FR-02",
	      .says = "VM_FAULT_SIGSEGV is SIGSEGV with SEGV_MAPERR, although there is a mapping", .source = "arch/x86/mm/fault.c:do_user_addr_fault")
{
	const Device device = answering(rule.node(), PTELAB_FAULT_SIGSEGV);
	const Mapping map(device, pages(kPages));

	rule.expect("a read", map.read(kInside).outcome(), kUnmapped);
	rule.expect("a write", map.write(kInside, 1).outcome(), kUnmapped);
	rule.expect("faults", device.stats().faults, 2U);
}

struct Caught {
	int signal, code, lsb;
	bool address;
};
sigjmp_buf after_signal;
Caught caught;
const void *touched;

void remember(int signal, siginfo_t *info, void *)
{
	caught = {signal, info->si_code, info->si_addr_lsb, info->si_addr == touched};
	siglongjmp(after_signal, 1);
}

// Reads the byte, with a handler that looks at si_addr_lsb too. For a child: the handler stays.
Caught signal_of_reading(const std::byte *address)
{
	struct sigaction action {};
	action.sa_sigaction = remember;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaction(SIGBUS, &action, nullptr);
	touched = address;
	if (sigsetjmp(after_signal, 0) == 0)
		static_cast<void>(*static_cast<const volatile std::byte *>(address));
	return caught;
}

RULE_PER_NODE("hwpoison_is_a_memory_error", kFaultNodes & kFirstNodes, .contract = "FR-03",
	      .says = "VM_FAULT_HWPOISON is SIGBUS with BUS_MCEERR_AR and an si_addr_lsb of one page, and the kernel says whom it kills",
	      .source = "arch/x86/mm/fault.c:do_sigbus", .needs = {kconfig("CONFIG_MEMORY_FAILURE", "/proc/sys/vm/memory_failure_early_kill")})
{
	const Device device = answering(rule.node(), PTELAB_FAULT_HWPOISON);
	rule.declare_kernel_line("MCE: Killing .* due to hardware memory corruption fault at");

	const Caught seen = in_child([&] {
		const Mapping map(device, pages(kPages));
		return signal_of_reading(map.data() + kInside);
	});
	rule.expect("signal", seen.signal, SIGBUS);
	rule.expect("si_code is BUS_MCEERR_AR", seen.code == BUS_MCEERR_AR, true);
	rule.expect("si_addr_lsb is a page's", 1UL << seen.lsb == page_size(), true);
	rule.expect("si_addr is the byte", seen.address, true);
	rule.expect("faults", device.stats().faults, 1U);
}

RULE_PER_NODE("oom_of_a_kernel_access", kFaultNodes & kFirstNodes, .contract = "FR-04",
	      .says = "VM_FAULT_OOM of an access by the kernel itself is EFAULT at once, without another try",
	      .source = "arch/x86/mm/fault.c:do_user_addr_fault")
{
	const Device device = answering(rule.node(), PTELAB_FAULT_OOM);
	const Mapping map(device, pages(kPages));
	const FullPipe pipe(8);

	rule.expect("read(2) to the mapping", pipe.read_to(map.data(), 8), Value(Errno(EFAULT)));
	rule.observe("faults", device.stats().faults);
	rule.expect("faults are few", device.stats().faults <= 2, true);
	std::array<std::byte, 8> ordinary{};
	rule.expect("the pipe has kept its bytes", pipe.read_to(ordinary.data(), 8), Value(8));
}

RULE_PER_NODE("nopage_is_tried_again", kFaultNodes & kFirstNodes, .contract = "FR-05",
	      .says = "VM_FAULT_NOPAGE without an entry makes the CPU fault again: a handler that serves its third call is called three times",
	      .source = "mm/memory.c:do_fault")
{
	const Device device = answering(rule.node(), PTELAB_FAULT_NOTHING, 0, 2);
	const Mapping map(device, pages(kPages));

	rule.expect("a write", map.write(0, 9).outcome(), kOk);
	rule.expect("faults", device.stats().faults, 3U);
	rule.expect("the byte", map.get<std::uint8_t>(0), 9);
	rule.expect("the next page", map.touch(1).outcome(), kOk);
	rule.expect("its faults", device.stats().faults, 4U);
}

RULE_PER_NODE("sigbus_of_a_kernel_access", kFaultNodes & kFirstNodes, .contract = "FR-08",
	      .says = "An access by the kernel itself that meets VM_FAULT_SIGBUS fails with EFAULT or ends short, and no signal is sent",
	      .source = "arch/x86/mm/fault.c:do_sigbus")
{
	{
		const Device device = answering(rule.node(), PTELAB_FAULT_SIGBUS);
		const Mapping map(device, pages(kPages));
		const FullPipe pipe(8);
		rule.expect("read(2)", pipe.read_to(map.data(), 8), Value(Errno(EFAULT)));
		rule.expect("write(2)", pipe.write_from(map.data(), 8), Value(Errno(EFAULT)));
	}
	const Device device = answering(rule.node(), PTELAB_FAULT_SIGBUS, 1);
	const Mapping map(device, pages(kPages));
	const FullPipe pipe(pages(2));
	rule.expect("read(2) of two pages, the second bad", pipe.read_to(map.data(), pages(2)), Value(pages(1)));
}

RULE_PER_NODE("permission_comes_first", kFaultNodes, .contract = "FR-10",
	      .says = "Whether the access is allowed is decided before ->fault: it is not called for a write to a read-only mapping",
	      .source = "arch/x86/mm/fault.c:access_error")
{
	const Device device = answering(rule.node(), PTELAB_FAULT_SIGBUS);
	Mapping map(device, pages(kPages), {.prot = PROT_READ});

	rule.expect("a write", map.write(0, 1).outcome(), kForbidden);
	rule.expect("faults", device.stats().faults, 0U);
	map.protect(PROT_NONE);
	rule.expect("a read under PROT_NONE", map.read(0).outcome(), kForbidden);
	rule.expect("faults under PROT_NONE", device.stats().faults, 0U);
	map.protect(PROT_READ);
	rule.expect("a read that is allowed", map.read(0).outcome(), kSigbus);
	rule.expect("faults then", device.stats().faults, 1U);
}

// A whole compound page that ->fault gives is mapped by one huge entry.
Expected<bool> mapped_by_a_huge_entry()
{
	return choose(older_than(6, 12), true, false,
		      "since 6.12 (and its stable backports) finish_fault maps no page by a huge entry beyond i_size, which is 0 here");
}

RULE("fault_page.compound_page", .contract = "FR-11",
     .says = "A page of a huge compound page given by ->fault may be mapped with all of it, by one huge entry",
     .source = "mm/memory.c:finish_fault", .needs = {thp()})
{
	Device device(node_of(PTELAB_FAULT_PAGE));
	device.setup({.backing = PTELAB_BACKING_COMPOUND, .pages = pmd_pages()});
	const HugePlace place;
	const Mapping map = place.map(device, pmd_bytes());

	rule.expect("a read", map.touch(3).outcome(), kOk);
	const std::size_t there = present(device, map);
	const bool huge = (state_of(device, map, 3) & PTELAB_PTE_HUGE) != 0;
	rule.because("pages present", "all of them if finish_fault used a huge entry");
	rule.observe("pages present", there);
	rule.expect("pages by one fault, or one", there == 1 || there == pmd_pages(), true);
	rule.expect("a huge entry for all, a small one for one", huge, there != 1);
	rule.expect("it ends at the file's size, which a device has not", huge, mapped_by_a_huge_entry());
	map.put(pages(100), std::uint8_t{4});
	rule.expect("faults", device.stats().faults, huge ? 1U : 2U);
	std::byte byte{};
	device.read(pages(100), {&byte, 1});
	rule.expect("the byte", static_cast<unsigned>(byte), 4U);
}

// An idle processor keeps the address space of the process that it ran last, and lets go of it for another's.
void leave_idle_processors()
{
	for (int cpu = 0; cpu < ::get_nprocs(); ++cpu)
		in_child([cpu] {
			cpu_set_t one;
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			return ::sched_setaffinity(0, sizeof(one), &one);
		});
}

RULE("fault_page.compound_page_in_a_mixed_map", .contract = "FR-11",
     .says = "Mapped by one huge entry in a VM_MIXEDMAP mapping, a compound page is taken for bare pfns when unmapped: its reference and RSS are lost",
     .source = "mm/memory.c:do_set_pmd, mm/huge_memory.c:zap_huge_pmd", .needs = {thp(), root()}, .suite = kScarSuite)
{
	constexpr const char *kLine = "BUG: Bad rss-counter state";
	Device device(node_of(PTELAB_FAULT_PAGE));
	device.setup({.backing = PTELAB_BACKING_COMPOUND, .pages = pmd_pages()});
	vma_setup(device, {.vm_set = PTELAB_VM_MIXEDMAP});
	const std::int64_t references = page_info(device, 0).references;
	KernelLog log;
	// The counters of an address space are looked at when it goes.
	const bool huge = in_child([&] {
		const HugePlace place;
		const Mapping map = place.map(device, pmd_bytes());
		map.touch(0);
		return is_huge(device, map);
	});
	const std::string reason = "the zap of a huge entry asks the VMA what it is, not the page (vma_is_special_huge)";

	rule.expect("huge", huge, mapped_by_a_huge_entry());
	if (huge)
		rule.declare_kernel_line(kLine);
	rule.expect("references lost", page_info(device, 0).references - references, choose(huge, 1, 0, reason));
	leave_idle_processors();
	rule.expect("complaints", log.count(kLine), choose(huge, 1U, 0U, reason));
}

} // namespace
} // namespace ptelab
