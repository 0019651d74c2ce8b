// SPDX-License-Identifier: GPL-2.0-or-later
// madvise(2) on drivers' mappings: which advice is taken, and what it changes.
#include <optional>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "lab.hpp"
#include "room.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

// linux/mman.h, where libc's header is older than the kernel at hand.
constexpr int kMadvCollapse = 25;
constexpr int kMadvGuardInstall = 102;
constexpr int kMadvGuardRemove = 103;

// Whether a shared mapping counts as writable by VM_MAYWRITE, and no longer by VM_SHARED alone (include/linux/mm.h:
// is_shared_maywrite): only then can a memfd that is sealed against writing be mapped shared.
bool sealed_memory_is_readable()
{
	const int fd = ::memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		throw_errno("memfd_create");
	const bool sealed = ::ftruncate(fd, static_cast<off_t>(page_size())) == 0 && ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
	void *const mapped = ::mmap(nullptr, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	const int error = errno;
	::close(fd);
	if (!sealed)
		throw_errno("seal a memfd");
	if (mapped == MAP_FAILED && error != EPERM)
		throw_errno(error, "mmap of a memfd");
	if (mapped != MAP_FAILED)
		::munmap(mapped, page_size());
	return mapped != MAP_FAILED;
}

RULE_PER_NODE("madvise_errors", kRamNodes & kFirstNodes, .contract = "PL-08",
	      .says = "Advice for anonymous memory is EINVAL, for reclaim EINVAL on PFN mappings, punching a hole EACCES or ENODEV",
	      .source = "mm/madvise.c:madvise_vma_behavior, fs/open.c:vfs_fallocate")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const Mapping read_only(device, pages(kPages), {.prot = PROT_READ});
	const Device reader(rule.node(), O_RDONLY);
	const Mapping never_written(reader, pages(kPages), {.prot = PROT_READ});
	const int reclaim = rule.node().pfn ? EINVAL : 0;

	touch_all(map);
	rule.expect("MADV_FREE", advise(map.bytes(), MADV_FREE), EINVAL);
	rule.expect("MADV_COLD", advise(map.bytes(), MADV_COLD), reclaim);
	rule.expect("MADV_PAGEOUT", advise(map.bytes(), MADV_PAGEOUT), reclaim);
	rule.expect("present after that", present(device, map), kPages);
	rule.expect("MADV_REMOVE", advise(map.bytes(), MADV_REMOVE), ENODEV);
	rule.expect("MADV_REMOVE, read-only but of a file open for writing", advise(read_only.bytes(), MADV_REMOVE),
		    choose(sealed_memory_is_readable(), Errno(ENODEV), Errno(EACCES),
			   "VM_MAYWRITE is what is asked for since 6.7 (and its stable backports), where a sealed memfd can be mapped to be read; before, VM_WRITE"));
	rule.expect("MADV_REMOVE, may never be written", advise(never_written.bytes(), MADV_REMOVE), EACCES);
	rule.expect("MADV_WILLNEED", advise(map.bytes(), MADV_WILLNEED), 0);
	rule.expect("MADV_WIPEONFORK", advise(map.bytes(), MADV_WIPEONFORK), EINVAL);
	rule.expect("present after all", present(device, map), kPages);
}

struct Taken {
	int error;
	bool flag;
};

// In a process of its own: KSM and khugepaged remember the address space that was advised.
Taken taken(const Device &device, int map_flags, int advice, const char *flag)
{
	return in_child([&] {
		const Mapping map(device, pages(kPages), {.flags = map_flags});
		const int error = advise(map.bytes(), advice).value;
		return Taken{error, has_flag(map, flag)};
	});
}

RULE_PER_NODE("madv_mergeable", kFirstNodes, .contract = "PL-09",
	      .says = "MADV_MERGEABLE succeeds on every driver's mapping, and changes nothing where it is special or shared",
	      .source = "mm/ksm.c:ksm_madvise", .needs = {kconfig("CONFIG_KSM", "/sys/kernel/mm/ksm/run")})
{
	const Device device = own_region(rule.node());
	const Taken shared = taken(device, MAP_SHARED, MADV_MERGEABLE, "mg");

	rule.expect("shared", Errno(shared.error), 0);
	rule.expect("shared: mg", shared.flag, false);
	if (!is_one_of(rule.node(), kPrivateNodes))
		return; // takes no private mapping
	const Taken copied = taken(device, MAP_PRIVATE, MADV_MERGEABLE, "mg");
	rule.expect("private", Errno(copied.error), 0);
	rule.expect("private: mg", copied.flag, !is_one_of(rule.node(), kSpecialNodes));
}

RULE_PER_NODE("madv_hugepage", kFirstNodes, .contract = "PL-10", .says = "MADV_HUGEPAGE succeeds on every driver's mapping and sets hg",
	      .source = "mm/khugepaged.c:hugepage_madvise",
	      .needs = {kconfig("CONFIG_TRANSPARENT_HUGEPAGE", "/sys/kernel/mm/transparent_hugepage/enabled")})
{
	const Device device = own_region(rule.node());
	const Taken seen = taken(device, MAP_SHARED, MADV_HUGEPAGE, "hg");

	rule.expect("MADV_HUGEPAGE", Errno(seen.error), 0);
	rule.expect("hg", seen.flag, true);
}

RULE_PER_NODE("madv_collapse", kFirstNodes, .contract = "PL-11", .says = "MADV_COLLAPSE of a driver's mapping is EINVAL, and so it is where there is no such advice",
	      .source = "mm/khugepaged.c:madvise_collapse")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	rule.expect("MADV_COLLAPSE", advise(map.bytes(), kMadvCollapse), EINVAL);
	rule.expect("present", present(device, map), kPages);
}

RULE_PER_NODE("madv_dontdump", kAllNodes, .contract = "PL-12",
	      .says = "MADV_DONTDUMP always works; MADV_DODUMP cannot undo it where the mapping is special", .source = "mm/madvise.c:madvise_vma_behavior")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const bool special = is_one_of(rule.node(), kSpecialNodes);

	rule.expect("dd at first", has_flag(map, "dd"), is_one_of(rule.node(), kBoundedNodes));
	rule.expect("MADV_DONTDUMP", advise(map.bytes(), MADV_DONTDUMP), 0);
	rule.expect("dd after MADV_DONTDUMP", has_flag(map, "dd"), true);
	rule.expect("MADV_DODUMP", advise(map.bytes(), MADV_DODUMP), special ? EINVAL : 0);
	rule.expect("dd after MADV_DODUMP", has_flag(map, "dd"), special);
}

// Anonymous memory has taken guards since 6.13, files since 6.15.
bool files_take_guards()
{
	const int fd = ::memfd_create("guarded", MFD_CLOEXEC);
	if (fd < 0)
		throw_errno("memfd_create");
	const Mapping map(fd, pages(1), {});
	::close(fd);
	return advise(map.bytes(), kMadvGuardInstall) == Errno{};
}

RULE_PER_NODE("madv_guard", kFaultNodes & kFirstNodes, .contract = "PL-13",
	      .says = "A guard page in a driver's mapping is refused where that is special, else ->fault is not asked until it is removed",
	      .source = "mm/madvise.c:is_valid_guard_vma")
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const bool guards = files_take_guards() && !is_one_of(rule.node(), kSpecialNodes);

	touch_all(map);
	const __u64 faults = device.stats().faults;
	rule.expect("MADV_GUARD_INSTALL", advise(map.page(0), kMadvGuardInstall),
		    choose<Errno>(guards, 0, EINVAL, "6.15 took guards in files' mappings, measured on a memfd, but not in special ones"));
	constexpr unsigned kGuardRegion = 58; // Documentation/admin-guide/mm/pagemap.rst
	rule.expect("pagemap tells of a guard", pagemap_entry(map.data()) >> kGuardRegion & 1,
		    choose<std::uint64_t>(guards, 1, 0, "the guard, where there is one"));
	rule.expect("a read", map.read(0).outcome(), choose<std::string>(guards, kUnmapped, kOk, "the guard, where there is one"));
	device.unmap(0, 0, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("a read after unmap_mapping_range", map.read(0).outcome(),
		    choose<std::string>(guards, kUnmapped, kOk, "unmap_mapping_range leaves guards alone"));
	rule.expect("faults", device.stats().faults - faults, guards ? 0U : 1U);
	rule.expect("MADV_GUARD_REMOVE", advise(map.page(0), kMadvGuardRemove),
		    choose<Errno>(guards, 0, EINVAL, "6.15 took guards in files' mappings, measured on a memfd, but not in special ones"));
	rule.expect("a read in the end", map.read(0).outcome(), kOk);
}

RULE("fault_page.guard_makes_fork_copy",
     .says = "fork copies no entry of a shared mapping that ->fault can fill again; but if it has a guard page, it copies the guard and every other entry",
     .source = "mm/memory.c:vma_needs_copy")
{
	struct Seen {
		std::size_t present;
		Touch guarded;
		Touch other;
	};
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));
	const auto child = [&] {
		return in_child([&] {
			const std::size_t there = present(device, map);
			return Seen{there, map.touch(0), map.touch(1)};
		});
	};

	touch_all(map);
	const Seen before = child();
	rule.expect("without: entries in the child", before.present, 0U);
	rule.expect("without: its access", before.guarded.outcome(), kOk);
	if (const Errno error = advise(map.page(0), kMadvGuardInstall); error != Errno{})
		rule.skip("this kernel takes no guard in a file's mapping");
	const Seen after = child();
	rule.expect("with: entries in the child", after.present, kPages - 1);
	rule.expect("with: its access to the guard", after.guarded.outcome(), kUnmapped);
	rule.expect("with: its access to the next page", after.other.outcome(), kOk);
	rule.observe("VmFlags gu", has_flag(map, "gu"));
}

} // namespace
} // namespace ptelab
