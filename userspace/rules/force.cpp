// SPDX-License-Identifier: GPL-2.0-or-later
// FOLL_FORCE: a debugger's writes to a driver mapping that its owner may only read.
#include <cerrno>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"
#include "room.hpp"

namespace ptelab {
namespace {

// Stops a child for as long as it lives.
class Tracer {
public:
	explicit Tracer(pid_t pid) : pid_(pid)
	{
		if (::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) < 0 || ::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) < 0)
			throw_errno("ptrace");
		if (::waitpid(pid_, nullptr, __WALL) != pid_)
			throw_errno("waitpid");
	}
	Tracer(const Tracer &) = delete;
	Tracer &operator=(const Tracer &) = delete;
	~Tracer() { ::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr); }

	Errno poke(void *address, long word) const { return answer_of(::ptrace(PTRACE_POKEDATA, pid_, address, word)); }

	Errno write_mem(const void *address, std::uint8_t value) const
	{
		const std::string path = "/proc/" + std::to_string(pid_) + "/mem";
		const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return errno;
		const Errno error = answer_of(::pwrite(fd, &value, 1, reinterpret_cast<off_t>(address)));
		::close(fd);
		return error;
	}

private:
	pid_t pid_;
};

struct Attempt {
	Errno poke;
	Errno mem;
	std::uint8_t poked;   // as the child reads it afterwards
	std::uint8_t written;
};

// Pokes the first page and writes the second one's first byte through /proc/PID/mem, both 0x66.
Attempt force(const Mapping &map)
{
	constexpr std::uint8_t kValue = 0x66;
	Attempt attempt{};
	Child child([&](Channel &channel) {
		channel.receive<int>();
		channel.send(map.get<std::uint8_t>(0));
		channel.send(map.get<std::uint8_t>(pages(1)));
	});
	{
		const Tracer tracer(child.pid());
		attempt.poke = tracer.poke(map.data(), kValue);
		attempt.mem = tracer.write_mem(map.page(1).data(), kValue);
	}
	child.channel().send(0);
	attempt.poked = child.channel().receive<std::uint8_t>();
	attempt.written = child.channel().receive<std::uint8_t>();
	child.wait();
	return attempt;
}

RULE_PER_NODE("forced_write", bit_of(PTELAB_INSERT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PAGE) | bit_of(PTELAB_FAULT_PAGE), .contract = "CW-07",
	      .says = "A debugger's write to a shared read-only mapping is refused, to a private one it makes a copy",
	      .source = "mm/gup.c:check_vma_flags", .needs = {root()})
{
	Device device = own_region(rule.node(), 2);
	device.write(0, std::vector<std::byte>(pages(2), std::byte{0x11}));
	const bool mem_is_limited = read_line("/proc/cmdline").find("proc_mem.force_override=never") != std::string::npos;

	const Attempt shared = force(Mapping(device, pages(2), {.prot = PROT_READ}));
	rule.expect("shared: POKEDATA", shared.poke, EIO);
	rule.expect("shared: /proc/PID/mem", shared.mem, EIO);
	rule.expect("shared: the bytes", shared.poked == 0x11 && shared.written == 0x11, true);

	const Attempt copied = force(Mapping(device, pages(2), {.prot = PROT_READ, .flags = MAP_PRIVATE}));
	rule.expect("private: POKEDATA", copied.poke, 0);
	rule.expect("private: the poked byte", copied.poked, 0x66);
	rule.expect("private: /proc/PID/mem", copied.mem,
		    choose(mem_is_limited, Errno(EIO), Errno(0), "proc_mem.force_override=never keeps /proc/PID/mem from forcing"));
	rule.expect("private: the written byte", copied.written, mem_is_limited ? 0x11 : 0x66);

	std::byte driver[2]{};
	device.read(0, {&driver[0], 1});
	device.read(pages(1), {&driver[1], 1});
	rule.expect("the driver's bytes", driver[0] == std::byte{0x11} && driver[1] == std::byte{0x11}, true);
}

} // namespace
} // namespace ptelab
