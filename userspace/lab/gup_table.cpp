// SPDX-License-Identifier: GPL-2.0-or-later
#include "gup_table.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/direct.hpp>

#include "bench.hpp"
#include "direct_file.hpp"
#include "fixed_buffer.hpp"
#include "tracee.hpp"

namespace ptelab::tables {
namespace {

constexpr std::uint64_t kNew = 0x7772'6974'7465'6e21; // what a writer puts into a page
constexpr std::size_t kPinned = 3; // the page that is pinned

class Fd {
public:
	explicit Fd(int fd) : fd_(fd) {}
	Fd(const Fd &) = delete;
	Fd &operator=(const Fd &) = delete;
	~Fd()
	{
		if (fd_ >= 0)
			::close(fd_);
	}
	int get() const { return fd_; }

private:
	int fd_;
};

// One node at work: a page of its mapping, here and in a process that was forked from here.
struct Subject {
	Bench &bench;
	const Mapping &map;
	const Tracee &tracee;
	const DirectFile &file;

	std::byte *address() const { return map.page(kPinned).data(); }
	// 8 bytes came out of the page: are they the page's?
	Cell read_cell(std::uint64_t value) const
	{
		return value == Bench::mark(kPinned) ? yes() : partly("wrong", "it succeeded with bytes that are not the page's");
	}
	// 8 bytes were to go into the page: does the driver see them?
	Cell write_cell() const
	{
		return bench.driver_has(kPinned) == kNew ? yes() : partly("lost", "it succeeded, but the driver does not see the bytes");
	}
};

Cell pin_cell(const Subject &on, ptelab_pin_how how, __u32 flags)
{
	const bool remote = how == PTELAB_PIN_GET_REMOTE;
	const ptelab_pin result = pin(on.bench.device(), {.how = how,
							  .address = on.address(),
							  .flags = flags,
							  .pid = remote ? static_cast<__u32>(on.tracee.pid()) : 0});
	if (result.result < 0)
		return no(static_cast<int>(-result.result));
	if (result.result == 0)
		return partly("0 pages", "it answered 0: no page, and no error");
	if (result.untouched)
		return partly("hollow", "it told success and left pages[] as it was");
	if (result.bytes != Bench::mark(kPinned))
		return partly("other", "it got a page that is not the driver's");
	return yes();
}

Cell direct_read(const Subject &on)
{
	const Mapping buffer(-1, page_size(), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});

	if (on.file.fd() < 0)
		return untried(on.file.why_not());
	std::memcpy(buffer.data(), &kNew, sizeof(kNew));
	if (::pwrite(on.file.fd(), buffer.data(), page_size(), 0) < 0)
		throw_errno("write with O_DIRECT");
	if (::pread(on.file.fd(), on.address(), page_size(), 0) < 0)
		return no(errno);
	return on.write_cell();
}

Cell direct_write(const Subject &on)
{
	const Mapping buffer(-1, page_size(), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});

	if (on.file.fd() < 0)
		return untried(on.file.why_not());
	if (::pwrite(on.file.fd(), on.address(), page_size(), 0) < 0)
		return no(errno);
	if (::pread(on.file.fd(), buffer.data(), page_size(), 0) < 0)
		throw_errno("read with O_DIRECT");
	std::uint64_t value;
	std::memcpy(&value, buffer.data(), sizeof(value));
	return on.read_cell(value);
}

// Old kernels count an entry without a page as pinned and leave pages[] as it was (mm/gup.c: follow_pfn_pte): whatever pins
// in earnest then follows a wild pointer.
bool is_hollow(const Subject &on)
{
	return pin(on.bench.device(), {.how = PTELAB_PIN_PIN, .address = on.address()}).untouched != 0;
}

Cell would_oops()
{
	return untried("this kernel's pin_user_pages tells success here and gives no page: it would be an oops");
}

Cell fixed_buffer(const Subject &on)
{
	if (is_hollow(on))
		return would_oops();
	const FixedBuffer buffer = register_fixed_buffer({on.address(), page_size()});
	if (!buffer.why_not.empty())
		return untried(buffer.why_not);
	return buffer.error == Errno{} ? yes() : no(buffer.error.value);
}

Cell process_read(const Subject &on)
{
	if (is_hollow(on))
		return would_oops();
	std::uint64_t value = 0;
	const iovec local{.iov_base = &value, .iov_len = sizeof(value)};
	const iovec remote{.iov_base = on.address(), .iov_len = sizeof(value)};
	if (::process_vm_readv(on.tracee.pid(), &local, 1, &remote, 1, 0) < 0)
		return errno == ENOSYS ? untried("this kernel has no process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)") : no(errno);
	return on.read_cell(value);
}

Cell process_write(const Subject &on)
{
	if (is_hollow(on))
		return would_oops();
	std::uint64_t value = kNew;
	const iovec local{.iov_base = &value, .iov_len = sizeof(value)};
	const iovec remote{.iov_base = on.address(), .iov_len = sizeof(value)};
	if (::process_vm_writev(on.tracee.pid(), &local, 1, &remote, 1, 0) < 0)
		return errno == ENOSYS ? untried("this kernel has no process_vm_writev (CONFIG_CROSS_MEMORY_ATTACH)") : no(errno);
	return on.write_cell();
}

int open_memory(pid_t pid)
{
	return ::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDWR | O_CLOEXEC);
}

Cell memory_read(const Subject &on)
{
	const Fd memory(open_memory(on.tracee.pid()));
	std::uint64_t value = 0;
	if (::pread(memory.get(), &value, sizeof(value), static_cast<off_t>(reinterpret_cast<std::uintptr_t>(on.address()))) < 0)
		return no(errno);
	return on.read_cell(value);
}

Cell memory_write(const Subject &on)
{
	const Fd memory(open_memory(on.tracee.pid()));
	if (::pwrite(memory.get(), &kNew, sizeof(kNew), static_cast<off_t>(reinterpret_cast<std::uintptr_t>(on.address()))) < 0)
		return no(errno);
	return on.write_cell();
}

Cell peek(const Subject &on)
{
	std::uint64_t value = 0;
	const int error = on.tracee.peek(on.address(), value);
	return error ? no(error) : on.read_cell(value);
}

Cell poke(const Subject &on)
{
	const int error = on.tracee.poke(on.address(), kNew);
	return error ? no(error) : on.write_cell();
}

// What comes out of the other end.
Cell received(const Subject &on, int fd)
{
	std::uint64_t value = 0;
	if (::read(fd, &value, sizeof(value)) != sizeof(value))
		return partly("short", "it succeeded, and the other end got less");
	return on.read_cell(value);
}

Cell pipe_write(const Subject &on)
{
	std::array<int, 2> ends{};
	if (::pipe2(ends.data(), O_CLOEXEC) < 0)
		throw_errno("pipe");
	const Fd out(ends[0]), in(ends[1]);
	return ::write(in.get(), on.address(), sizeof(std::uint64_t)) < 0 ? no(errno) : received(on, out.get());
}

Cell pipe_splice(const Subject &on)
{
	std::array<int, 2> ends{};
	if (::pipe2(ends.data(), O_CLOEXEC) < 0)
		throw_errno("pipe");
	const Fd out(ends[0]), in(ends[1]);
	const iovec from{.iov_base = on.address(), .iov_len = sizeof(std::uint64_t)};
	return ::vmsplice(in.get(), &from, 1, 0) < 0 ? no(errno) : received(on, out.get());
}

Cell socket_write(const Subject &on)
{
	std::array<int, 2> ends{};
	if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0)
		throw_errno("socketpair");
	const Fd out(ends[0]), in(ends[1]);
	return ::write(in.get(), on.address(), sizeof(std::uint64_t)) < 0 ? no(errno) : received(on, out.get());
}

struct Way {
	Column column;
	std::function<Cell(const Subject &)> try_it;
};

std::vector<Way> ways()
{
	std::vector<Way> all;
	const auto pins = [&](const char *key, const char *group, const char *call, ptelab_pin_how how, __u32 flags) {
		all.push_back({{std::string(key) + ".read", group, "read", fmt::format("{}, to read", call)},
			       [=](const Subject &on) { return pin_cell(on, how, flags); }});
		all.push_back({{std::string(key) + ".write", group, "write", fmt::format("{}, to write (FOLL_WRITE)", call)},
			       [=](const Subject &on) { return pin_cell(on, how, flags | PTELAB_PIN_WRITE); }});
	};

	pins("get", "get", "get_user_pages", PTELAB_PIN_GET, 0);
	pins("fast", "fast", "get_user_pages_fast", PTELAB_PIN_GET_FAST, 0);
	pins("remote", "remote", "get_user_pages_remote of another process", PTELAB_PIN_GET_REMOTE, 0);
	pins("pin", "pin", "pin_user_pages", PTELAB_PIN_PIN, 0);
	pins("longterm", "longterm", "pin_user_pages with FOLL_LONGTERM", PTELAB_PIN_PIN, PTELAB_PIN_LONGTERM);
	all.push_back({{"direct.read", "O_DIRECT", "read", "read(2) of a file with O_DIRECT into the mapping"}, direct_read});
	all.push_back({{"direct.write", "O_DIRECT", "write", "write(2) to a file with O_DIRECT from the mapping"}, direct_write});
	all.push_back({{"uring.fixed", "io_uring", "fixed", "the mapping as an io_uring fixed buffer"}, fixed_buffer});
	all.push_back({{"process_vm.read", "process_vm", "readv", "process_vm_readv of another process"}, process_read});
	all.push_back({{"process_vm.write", "process_vm", "writev", "process_vm_writev to another process"}, process_write});
	all.push_back({{"mem.read", "/proc/PID/mem", "read", "read(2) of /proc/PID/mem"}, memory_read});
	all.push_back({{"mem.write", "/proc/PID/mem", "write", "write(2) of /proc/PID/mem"}, memory_write});
	all.push_back({{"ptrace.peek", "ptrace", "peek", "PTRACE_PEEKDATA"}, peek});
	all.push_back({{"ptrace.poke", "ptrace", "poke", "PTRACE_POKEDATA"}, poke});
	all.push_back({{"pipe.write", "pipe", "write", "write(2) to a pipe from the mapping"}, pipe_write});
	all.push_back({{"pipe.vmsplice", "pipe", "splice", "vmsplice(2) to a pipe from the mapping"}, pipe_splice});
	all.push_back({{"socket.write", "socket", "write", "write(2) to a UNIX socket from the mapping"}, socket_write});
	return all;
}

std::vector<Cell> row_of(const Node &node, const std::vector<Way> &all, const DirectFile &file)
{
	Bench bench(node);
	const Mapping map = bench.touched();
	const Tracee tracee(bench.device());
	const Subject subject{bench, map, tracee, file};
	std::vector<Cell> cells;

	for (const Way &way : all) {
		bench.fill(); // whoever wrote before
		cells.push_back(way.try_it(subject));
	}
	return cells;
}

} // namespace

Table gup()
{
	const std::vector<Way> all = ways();
	const DirectFile file;
	Table table{.name = "gup",
		    .title = "Who may pin what: a shared, writable mapping of each node, every page touched before",
		    .columns = {},
		    .rows = {},
		    .notes = {"read(2) with O_DIRECT writes into the mapping, write(2) reads from it; io_uring registers its buffer for "
			      "writing and for long. The pipe's and the socket's write(2) copy; all others want the page itself, except "
			      "/proc/PID/mem and ptrace, which may ask the driver's ->access.",
			      "bare is a mapping without any page: it shows what the kernel says where it finds nothing."}};

	for (const Way &way : all)
		table.columns.push_back(way.column);
	add_rows(table, [&](const Node &node) { return row_of(node, all, file); });
	return table;
}

} // namespace ptelab::tables
