// SPDX-License-Identifier: GPL-2.0-or-later
// Who else may reach the memory: a debugger through /proc/PID/mem, and an unprivileged user.
#include <sys/stat.h>
#include <unistd.h>

#include <ptelab/child.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

class ProcMem {
public:
	ProcMem() : fd_(::open("/proc/self/mem", O_RDWR | O_CLOEXEC))
	{
		if (fd_ < 0)
			throw_errno("open /proc/self/mem");
	}
	~ProcMem() { ::close(fd_); }
	ProcMem(const ProcMem &) = delete;
	ProcMem &operator=(const ProcMem &) = delete;

	Errno read(const std::byte *from, std::span<std::byte> into) const
	{
		return ::pread(fd_, into.data(), into.size(), reinterpret_cast<off_t>(from)) < 0 ? errno : 0;
	}
	Errno write(const std::byte *to, std::span<const std::byte> from) const
	{
		return ::pwrite(fd_, from.data(), from.size(), reinterpret_cast<off_t>(to)) < 0 ? errno : 0;
	}

private:
	int fd_;
};

RULE_PER_NODE("debugger_access", kAllNodes, .says = "/proc/PID/mem reaches pages, reaches a PFN mapping through ->access, and fails with EIO without one",
	      .source = "mm/memory.c:__access_remote_vm")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const ProcMem memory;
	const std::vector<std::byte> sent = pattern(32, 9);
	std::vector<std::byte> seen(sent.size());
	// Behind a special entry there is no page to get (mm/gup.c: follow_pfn_pte).
	const bool reachable = !is_one_of(rule.node(), kUncountedNodes) || rule.node().access;

	map.copy_in(pages(4), sent);
	rule.expect("read", memory.read(map.page(4).data(), seen), reachable ? 0 : EIO);
	if (reachable)
		rule.expect("the bytes", seen == sent, true);
	const std::vector<std::byte> other = pattern(32, 10);
	rule.expect("write", memory.write(map.page(4).data(), other), reachable ? 0 : EIO);
	map.copy_out(pages(4), seen);
	rule.expect("the mapping has them", seen == (reachable ? other : sent), true);
	rule.expect("calls of ->access", device.stats().accesses, rule.node().access ? 2U : 0U);
}

RULE("fault_insert_pfn.access_crosses_pages", .says = "->access is given a range that crosses a page and serves all of it",
     .source = "mm/memory.c:__access_remote_vm")
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	const Mapping map(device, pages(kPages));
	const std::vector<std::byte> sent = pattern(64, 11);
	std::vector<std::byte> seen(sent.size());

	map.copy_in(pages(1) - 32, sent);
	rule.expect("read", ProcMem().read(map.data() + pages(1) - 32, seen), 0);
	rule.expect("the bytes", seen == sent, true);
}

RULE("fault_insert_pfn.access_while_revoked", .says = "->access of a revoked region fails, and a debugger gets EIO",
     .source = "mm/memory.c:__access_remote_vm")
{
	Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	const Mapping map(device, pages(kPages));
	std::vector<std::byte> seen(8);

	device.revoke();
	rule.expect("read", ProcMem().read(map.data(), seen), EIO);
	device.restore();
	rule.expect("read after RESTORE", ProcMem().read(map.data(), seen), 0);
}

RULE_PER_NODE("nodes_are_0600", kFirstNodes, .says = "A node belongs to root and has the mode 0600; nobody else can open it",
	      .source = "drivers/base/devtmpfs.c:handle_create", .needs = {root()})
{
	struct stat status {};
	REQUIRE(::stat(rule.node().path().c_str(), &status) == 0);

	rule.expect("mode", status.st_mode & 07777U, 0600U);
	rule.expect("owner", status.st_uid, 0U);
	rule.expect("a character device", S_ISCHR(status.st_mode), true);
	for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
		const int error = in_child([&] {
			become_nobody();
			return errno_of([&] { Device(rule.node(), flags); }).value;
		});
		rule.expect(flags == O_RDONLY ? "open for reading" : flags == O_WRONLY ? "open for writing" : "open for both", Errno(error),
			    EACCES);
	}
}

} // namespace
} // namespace ptelab
