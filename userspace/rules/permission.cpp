// SPDX-License-Identifier: GPL-2.0-or-later
// What mmap refuses before a driver is asked, and what mseal forbids afterwards.
#include <cerrno>

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ptelab/child.hpp>

#include "lab.hpp"
#include "room.hpp"

namespace ptelab {
namespace {

constexpr long kMseal = 462; // the same number on every architecture

RULE_PER_NODE("mmap_permissions", kAllNodes, .contract = "MM-09",
	      .says = "mmap checks how the file was opened, the flags and the offset before it calls ->mmap", .source = "mm/mmap.c:do_mmap")
{
	const Device reader(rule.node(), O_RDONLY);
	const Device writer(rule.node(), O_WRONLY);
	const Device both(rule.node());
	const int read_write = PROT_READ | PROT_WRITE;

	rule.expect("O_WRONLY, shared, to write", map_errno(writer.fd(), 2, {.prot = PROT_WRITE}), EACCES);
	rule.expect("O_WRONLY, shared, to read", map_errno(writer.fd(), 2, {.prot = PROT_READ}), EACCES);
	rule.expect("O_WRONLY, private", map_errno(writer.fd(), 2, {.prot = PROT_WRITE, .flags = MAP_PRIVATE}), EACCES);
	rule.expect("O_RDONLY, shared, to write", map_errno(reader.fd(), 2, {.prot = read_write}), EACCES);
	rule.expect("MAP_SYNC", map_errno(both.fd(), 2, {.prot = read_write, .flags = MAP_SHARED_VALIDATE | MAP_SYNC}), EOPNOTSUPP);
	rule.expect("an offset that overflows", map_errno(both.fd(), 2, {.offset = ~std::size_t{0} - pages(1) + 1}), EOVERFLOW);
	for (const Device *device : {&reader, &writer, &both}) {
		const ptelab_stats stats = device->stats();
		rule.expect("->mmap was not asked", stats.maps + stats.map_errors, 0U);
	}
	const bool cow_is_refused = !is_one_of(rule.node(), kPrivateNodes); // by the node, not by the core
	rule.expect("O_RDONLY, private, to write", map_errno(reader.fd(), 2, {.prot = read_write, .flags = MAP_PRIVATE}), cow_is_refused ? EINVAL : 0);
	rule.expect("O_RDONLY, shared, to read", map_errno(reader.fd(), 2, {.prot = PROT_READ}), 0);
}

RULE("mmap.of_a_file_without_mmap", .contract = "MM-09", .says = "mmap of a file whose f_op has no mmap is ENODEV", .source = "mm/mmap.c:do_mmap",
     .needs_module = false)
{
	const int fd = ::eventfd(0, EFD_CLOEXEC);
	if (fd < 0)
		throw_errno("eventfd");
	rule.expect("mmap", map_errno(fd, 2, {.prot = PROT_READ}), ENODEV);
	::close(fd);
}

bool has_mseal()
{
	return answer_of(::syscall(kMseal, nullptr, 0UL, ~0UL)) != ENOSYS;
}

struct Sealed {
	Errno mseal;
	Errno munmap;
	Errno mprotect;
	Errno mremap;
	Errno fixed;
	std::size_t present; // after the driver's zap
	std::size_t vmas;
};

// In a process of its own, as nothing but exit unmaps a sealed mapping.
Sealed seal(Device &device, const Node &node)
{
	return in_child([&] {
		Mapping map(device, pages(kPages));
		Mapping target = reserve(kPages);
		Sealed sealed{};
		touch_all(map);
		sealed.mseal = answer_of(::syscall(kMseal, map.data(), map.size(), 0UL));
		if (sealed.mseal != Errno{})
			return sealed;
		sealed.munmap = answer_of(::munmap(map.data(), pages(4)));
		sealed.mprotect = errno_of([&] { map.protect(PROT_READ); });
		sealed.mremap = remap_raw(map.data(), map.size(), map.size(), 0, target);
		sealed.fixed = map_errno(-1, 2, {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, .at = map.data()});
		device.zap(map.bytes(0, pages(4)), effective_zap(node));
		device.unmap(pages(4), pages(4), PTELAB_UNMAP_EVEN_COWS);
		sealed.present = present(device, map);
		sealed.vmas = count_vmas(map.bytes());
		map.release();
		return sealed;
	});
}

RULE_PER_NODE("sealed_mapping", kFirstNodes, .contract = "MM-10",
	      .says = "A sealed device mapping cannot be unmapped, protected, moved or replaced, but the driver's own zap works", .source = "mm/mseal.c:do_mseal")
{
	Device device = own_region(rule.node());
	const Sealed sealed = seal(device, rule.node());

	if (!rule.expect("mseal", sealed.mseal, choose(has_mseal(), Errno(0), Errno(ENOSYS), "mseal came with 6.10, for 64 bits: a call with an unknown flag tells")) ||
	    sealed.mseal != Errno{})
		return;
	rule.expect("munmap of a part", sealed.munmap, EPERM);
	rule.expect("mprotect", sealed.mprotect, EPERM);
	rule.expect("mremap", sealed.mremap, EPERM);
	rule.expect("MAP_FIXED over it", sealed.fixed, EPERM);
	rule.expect("VMAs", sealed.vmas, 1U);
	rule.expect("present after the driver's zap", sealed.present, kPages - 8);
}

} // namespace
} // namespace ptelab
