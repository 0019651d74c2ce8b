// SPDX-License-Identifier: GPL-2.0-or-later
// Another process' view: ptrace, /proc/PID/mem, process_vm_readv, and ->access, which serves the first two.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/child.hpp>

#include "calls.hpp"
#include "machine.hpp"
#include "release.hpp"
#include "trace.hpp"

namespace ptelab {
namespace {

constexpr __u64 kWord = 0x1122334455667788;

// What the kernel says each time it refuses to ioremap RAM.
const std::string kIoremapWarning = "ioremap on RAM at|" + warning_in("arch/[a-z0-9]+/mm/ioremap\\.c");

// What generic_access_phys() answered, call by call.
std::vector<std::int64_t> answers_of(EventLog &log)
{
	std::vector<std::int64_t> answers;
	for (const ptelab_event &event : log.take())
		if (event.hook == PTELAB_HOOK_GENERIC_ACCESS)
			answers.push_back(event.answer);
	return answers;
}

class Memory {
public:
	explicit Memory(pid_t pid) : fd_(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC))
	{
		if (fd_ < 0)
			throw_errno("open /proc/PID/mem");
	}
	~Memory() { ::close(fd_); }
	Memory(const Memory &) = delete;
	Memory &operator=(const Memory &) = delete;

	// Bytes done, or the errno.
	Value read(const void *from, std::span<std::byte> into) const { return told(::pread(fd_, into.data(), into.size(), offset(from))); }
	Value write(const void *to, std::span<const std::byte> from) const { return told(::pwrite(fd_, from.data(), from.size(), offset(to))); }

private:
	static off_t offset(const void *address) { return static_cast<off_t>(reinterpret_cast<std::uintptr_t>(address)); }
	static Value told(ssize_t done) { return done < 0 ? Value(Errno(errno)) : Value(done); }

	int fd_;
};

Value peek(pid_t pid, const void *address)
{
	int status = 0;
	if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) < 0 || ::waitpid(pid, &status, 0) < 0)
		throw_errno("PTRACE_ATTACH");
	errno = 0;
	const auto word = static_cast<__u64>(::ptrace(PTRACE_PEEKDATA, pid, address, nullptr));
	const int error = errno;
	::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
	return error ? Value(Errno(error)) : Value(word);
}

Value process_vm_read(pid_t pid, void *address)
{
	__u64 word = 0;
	const iovec here{&word, sizeof(word)}, there{address, sizeof(word)};
	const ssize_t got = ::process_vm_readv(pid, &here, 1, &there, 1, 0);
	return got < 0 ? Value(Errno(errno)) : Value(word);
}

// What a debugger sees of the mapping's first word in a forked child, by each of the three ways.
void expect_seen(Rule &rule, const Mapping &map, const Value &by_access)
{
	Child child([](Channel &channel) { channel.receive<int>(); });
	std::array<std::byte, sizeof(kWord)> bytes{};

	rule.expect("PTRACE_PEEKDATA", peek(child.pid(), map.data()), by_access);
	const Value read = Memory(child.pid()).read(map.data(), bytes);
	rule.expect("/proc/PID/mem", read == Value(bytes.size()) ? Value(std::bit_cast<__u64>(bytes)) : read, by_access);
	rule.expect("process_vm_readv", process_vm_read(child.pid(), map.data()), Value(Errno(EFAULT)));
	child.channel().send(0);
	child.wait();
}

RULE("remap_pfn.debugger_without_access", .contract = "PT-01",
     .says = "Without ->access no debugger reaches a PFN mapping: EIO from ptrace and /proc/PID/mem, EFAULT from process_vm_readv",
     .source = "mm/memory.c:__access_remote_vm, mm/process_vm_access.c:process_vm_rw_single_vec")
{
	const Device device = own_region(node_of(PTELAB_REMAP_PFN));
	const Mapping map(device, pages(kPages));

	map.put(0, kWord);
	expect_seen(rule, map, Value(Errno(EIO)));
}

// A PFN mapping with generic_access_phys, of pages that ioremap() takes or, not reserved, does not.
Device generic(bool reserved, ptelab_method method = PTELAB_FAULT_INSERT_PFN, ptelab_backing backing = {})
{
	Device device = own_region(node_of(method), kPages, {.backing = backing});
	vma_setup(device, {.flags = (reserved ? PTELAB_VMA_SETUP_RESERVED : 0U) | PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks | hook_bit(PTELAB_HOOK_GENERIC_ACCESS)});
	return device;
}

// Since 7.3, and in stable kernels since 6.12.118, generic_access_phys takes one page at a time, and none that is RAM in use. No symbol and
// no build shows it: how often it is called for what lies on two pages does. Where it cannot be called so, the mainline's release decides.
bool looks_at_one_page()
{
	static std::optional<bool> known;

	if (!known && !ioremap_of_reserved_ram().why_not().empty())
		known = !older_than(7, 3);
	if (!known) {
		// Where it reads on in physical memory, that is the next page.
		const Device device = generic(true, PTELAB_FAULT_INSERT_PFN, PTELAB_BACKING_SPLIT);
		const Mapping map(device, pages(2));
		map.put(0, kWord);
		map.put(pages(1), kWord);
		EventLog log(device);
		std::array<std::byte, 16> bytes{};
		Memory(::getpid()).read(map.data() + pages(1) - 8, bytes);
		known = answers_of(log).size() > 1;
	}
	return *known;
}

RULE("fault_insert_pfn.debugger_with_generic_access", .contract = "PT-02",
     .says = "With generic_access_phys ptrace and /proc/PID/mem reach a PFN mapping; process_vm_readv does not",
     .source = "mm/memory.c:generic_access_phys", .needs = {feature(PTELAB_HAS_GENERIC_ACCESS), ioremap_of_reserved_ram()})
{
	const Device device = generic(true);
	const Mapping map(device, pages(kPages));

	map.put(0, kWord);
	// A child's page tables are empty after fork() unless these are copied: VM_PFNMAP ones are.
	expect_seen(rule, map, Value(kWord));
}

RULE("iomap.debugger_with_generic_access", .contract = "PT-02",
     .says = "With generic_access_phys ptrace and /proc/PID/mem reach a device's memory; process_vm_readv does not",
     .source = "mm/memory.c:generic_access_phys", .needs = {feature(PTELAB_HAS_GENERIC_ACCESS), node(PTELAB_IOMAP)})
{
	Device device(node_of(PTELAB_IOMAP));
	vma_setup(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_GENERIC_ACCESS)});
	const Mapping map(device, pages(1), {.offset = pages(kPages)});
	const auto before = map.get<__u64>(0);

	map.put(0, kWord);
	expect_seen(rule, map, Value(kWord));
	map.put(0, before);
}

RULE("fault_insert_pfn.access_past_the_end", .contract = "PT-03",
     .says = "->access is given all that is asked for, though it crosses the page and the end of the mapping", .source = "mm/memory.c:__access_remote_vm")
{
	Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	vma_setup(device, {.flags = PTELAB_VMA_SETUP_EVENTS, .hooks = kUsualHooks | hook_bit(PTELAB_HOOK_ACCESS)});
	Mapping room(-1, pages(kPages + 1), {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
	Mapping gap = room.split(pages(kPages));
	const Mapping map(device, pages(kPages), {.flags = MAP_SHARED | MAP_FIXED, .at = room.data()});
	room.release();
	gap.unmap(); // nothing follows the mapping now
	EventLog log(device);
	std::vector<std::byte> bytes(pages(1));

	rule.expect("bytes read", Memory(::getpid()).read(map.data() + map.size() - pages(1) / 2, bytes), Value(pages(1) / 2));
	const std::vector<ptelab_event> events = log.take();
	rule.expect("calls", events.size(), 1U);
	rule.expect("length of the first", events.empty() ? 0 : events.front().end - events.front().start, pages(1));
}

RULE("bare.generic_access_of_scattered_pages", .contract = "PT-04",
     .says = "generic_access_phys reads on in physical memory, and finds there the page that follows the first one; or, since 7.3 and in 6.12.118, stops "
	     "at the end of the page, and is called again for the next",
     .source = "mm/memory.c:generic_access_phys", .needs = {feature(PTELAB_HAS_GENERIC_ACCESS), ioremap_of_reserved_ram()})
{
	Device device = bare({.flags = PTELAB_VMA_SETUP_RESERVED | PTELAB_VMA_SETUP_EVENTS,
			      .hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_GENERIC_ACCESS),
			      .vm_set = PTELAB_VM_PFNMAP | PTELAB_VM_IO});
	const Mapping map(device, pages(2));
	const std::vector<std::byte> content = pattern(pages(kPages), 21);
	std::vector<std::byte> seen(64), through(32);

	device.write(0, content);
	for (const auto &[place, index] : {std::pair{0, 0}, std::pair{1, 5}}) {
		ptelab_call insert{};
		insert.call = PTELAB_CALL_INSERT_PFN;
		insert.address = address_of(map, place);
		insert.index = static_cast<__u64>(index);
		rule.expect("vmf_insert_pfn", fault_answer_to(device, insert), "NOPAGE");
	}
	EventLog log(device);
	map.copy_out(pages(1), through);
	rule.expect("the CPU reads page 5", std::ranges::equal(through, std::span(content).subspan(pages(5), 32)), true);
	rule.expect("/proc/self/mem", Memory(::getpid()).read(map.data() + pages(1) - 32, seen), Value(seen.size()));
	const std::vector<std::int64_t> answers = answers_of(log);
	const bool stops = looks_at_one_page();
	rule.expect("bytes read, call by call", answers,
		    choose<std::vector<std::int64_t>>(stops, {32, 32}, {64}, "since 7.3, and in 6.12.118, it does not go beyond a page, which no feature shows"));
	rule.expect("it begins with page 0", std::ranges::equal(std::span(seen).first(32), std::span(content).subspan(pages(1) - 32, 32)), true);
	rule.expect("it goes on with page 1", std::ranges::equal(std::span(seen).last(32), std::span(content).subspan(pages(1), 32)),
		    choose(stops, false, true, "what is read on in physical memory is page 1"));
	rule.expect("it goes on with page 5", std::ranges::equal(std::span(seen).last(32), through),
		    choose(stops, true, false, "page 5 is what is mapped there"));
}

RULE("fault_insert_pfn.generic_access_of_ram", .contract = "PT-05",
     .says = "generic_access_phys fails on ordinary RAM: EIO; ioremap refuses it with a warning, or it is seen before, in silence",
     .source = "arch/x86/mm/ioremap.c:__ioremap_caller, arch/arm64/mm/ioremap.c:__ioremap_prot, mm/memory.c:generic_access_phys",
     .needs = {root(), feature(PTELAB_HAS_GENERIC_ACCESS)})
{
	const Device device = generic(false);
	const Mapping map(device, pages(kPages));
	std::array<std::byte, 8> bytes{};

	EventLog log(device);

	if (!looks_at_one_page())
		rule.declare_kernel_line(kIoremapWarning);
	map.put(0, kWord);
	rule.expect("read", Memory(::getpid()).read(map.data(), bytes), Value(Errno(EIO)));
	rule.expect("write", Memory(::getpid()).write(map.data(), bytes), Value(Errno(EIO)));
	rule.expect("the word", map.get<__u64>(0), kWord);
	const std::vector<std::int64_t> answers = answers_of(log);
	const bool looks = looks_at_one_page();
	const std::string reason = "since 7.3, and in 6.12.118, it looks whether the page is RAM before it maps it, which no feature shows";
	rule.expect("its answers", answers, choose<std::vector<std::int64_t>>(looks, {-EINVAL, -EINVAL}, {-ENOMEM, -ENOMEM}, reason));
	if (!looks)
		rule.expect("the kernel warned since boot", kernel_said(kIoremapWarning), true);
}

RULE("fault_insert_pfn.generic_access_of_read_only", .contract = "PT-06",
     .says = "generic_access_phys refuses to write where the entry is read-only: EIO, and nothing is copied", .source = "mm/memory.c:generic_access_phys",
     .needs = {feature(PTELAB_HAS_GENERIC_ACCESS), ioremap_of_reserved_ram()})
{
	const Device device = generic(true);
	Mapping map(device, pages(kPages));
	std::array<std::byte, 8> bytes{};

	map.put(0, kWord);
	map.protect(PROT_READ);
	rule.expect("write", Memory(::getpid()).write(map.data(), bytes), Value(Errno(EIO)));
	rule.expect("the word", map.get<__u64>(0), kWord);
	rule.expect("read", Memory(::getpid()).read(map.data(), bytes), Value(bytes.size()));
	rule.expect("what was read", std::bit_cast<__u64>(bytes), kWord);
}

RULE("remap_pfn.generic_access_of_a_private_copy", .contract = "PT-07",
     .says = "generic_access_phys of a page that a private mapping has copied fails: the copy is RAM", .source = "mm/memory.c:generic_access_phys",
     .needs = {feature(PTELAB_HAS_GENERIC_ACCESS), ioremap_of_reserved_ram()})
{
	const Device device = generic(true, PTELAB_REMAP_PFN);
	const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
	std::array<std::byte, 8> bytes{};

	if (!looks_at_one_page())
		rule.declare_kernel_line(kIoremapWarning);
	rule.expect("before the copy", Memory(::getpid()).read(map.data(), bytes), Value(bytes.size()));
	map.put(0, kWord);
	rule.expect("after the copy", Memory(::getpid()).read(map.data(), bytes), Value(Errno(EIO)));
	rule.expect("another page", Memory(::getpid()).read(map.page(1).data(), bytes), Value(bytes.size()));
}

} // namespace
} // namespace ptelab
