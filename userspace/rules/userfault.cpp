// SPDX-License-Identifier: GPL-2.0-or-later
// What takes pages of ordinary memory and leaves a driver's alone: userfaultfd and compaction.
#include <fstream>

#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include <ptelab/procfs.hpp>

#include "lab.hpp"
#include "userfaultfd.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

constexpr __u64 kWpAsync = 1ULL << 15; // UFFD_FEATURE_WP_ASYNC, newer than some headers

RULE_PER_NODE("userfaultfd_refuses_missing", kEntryNodes, .contract = "UF-01",
	      .says = "userfaultfd does not watch a driver's mapping for missing pages: EINVAL", .source = "mm/userfaultfd.c:vma_can_userfault",
	      .needs = {userfaultfd()})
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const Mapping anonymous(-1, pages(kPages), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	const Userfault userfault;

	rule.expect("the API", userfault.agree(0), 0);
	rule.expect("anonymous memory", userfault.enroll(anonymous, UFFDIO_REGISTER_MODE_MISSING), 0);
	rule.expect("the driver's mapping", userfault.enroll(map, UFFDIO_REGISTER_MODE_MISSING), EINVAL);
	rule.expect("it works as before", touch_all(map), kPages);
}

// The code that every process gets from the kernel has a flag of VM_SPECIAL too (mm/mmap.c: _install_special_mapping), and
// no driver. Nothing is registered any more when the descriptor is closed.
Errno enroll_the_vdso()
{
	const Userfault userfault;
	const Errno agreed = userfault.agree(kWpAsync);
	const auto code = vma_at(reinterpret_cast<const void *>(::getauxval(AT_SYSINFO_EHDR)));

	if (agreed != 0 || !code)
		return agreed == 0 ? Errno(ENOENT) : agreed;
	return userfault.enroll(code->start, code->size(), UFFDIO_REGISTER_MODE_WP);
}

RULE_PER_NODE("userfaultfd_write_protect", kAllNodes, .contract = "UF-02",
	      .says = "Asynchronous write-protection by userfaultfd takes an ordinary mapping of a driver; one with a flag of VM_SPECIAL it refuses, or, on some kernels, takes as any other",
	      .source = "include/linux/userfaultfd_k.h:vma_can_userfault", .needs = {userfaultfd()})
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const Userfault userfault;
	const Errno asynchronous = userfault.agree(kWpAsync);
	const bool plain = is_one_of(rule.node(), kPlainNodes);

	rule.because("the feature WP_ASYNC", "UFFD_FEATURE_WP_ASYNC came with 6.7");
	rule.observe("the feature WP_ASYNC", asynchronous);
	if (asynchronous != 0) {
		// Without it there is nothing but the ordinary kind, on a new descriptor: the refusal has used this one up.
		const Userfault ordinary;
		rule.expect("the API", ordinary.agree(0), 0);
		rule.expect("register, without WP_ASYNC", ordinary.enroll(map, UFFDIO_REGISTER_MODE_WP), EINVAL);
	} else {
		const bool takes_special = enroll_the_vdso() == 0;
		rule.expect("register", userfault.enroll(map, UFFDIO_REGISTER_MODE_WP),
			    choose(plain || takes_special, Errno(0), Errno(EINVAL),
				   "vma_can_userfault came to refuse VM_SPECIAL before it looks for WP_ASYNC, in stable kernels too: told by what it does with the vdso's mapping"));
	}
	rule.expect("it works as before", touch_all(map), kPages);
}

RULE("lookup.uffd_wp", .says = "LOOKUP tells that an entry is write-protected for userfaultfd, and that it is no longer once it was written",
     .source = "mm/mprotect.c:change_pte_range", .needs = {userfaultfd()})
{
	const Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(2));
	const Userfault userfault;
	const auto is_protected = [&](std::size_t page) { return (state_of(device, map, page) & PTELAB_PTE_UFFD_WP) != 0; };
	const bool asynchronous = userfault.agree(kWpAsync) == 0;

	rule.because("*", "UFFD_FEATURE_WP_ASYNC, without which userfaultfd takes no driver's mapping, came with 6.7");
	rule.observe("the feature WP_ASYNC", asynchronous);
	if (!asynchronous)
		return;
	map.put(0, std::uint64_t{1});
	rule.expect("register", userfault.enroll(map, UFFDIO_REGISTER_MODE_WP), 0);
	rule.expect("before", is_protected(0), false);
	rule.expect("protect", userfault.protect(map), 0);
	rule.expect("protected", is_protected(0), true);
	rule.expect("writable", (state_of(device, map, 0) & PTELAB_PTE_WRITE) != 0, false);
	const __u32 absent = state_of(device, map, 1);
	rule.expect("one that was not there", absent, PTELAB_PTE_MARKER | PTELAB_PTE_UFFD_WP);
	map.put(0, std::uint64_t{2});
	rule.expect("written", is_protected(0), false);
}

RULE_PER_NODE("compaction_leaves_it", kEntryNodes, .contract = "UF-03",
	      .says = "Neither compaction nor reclaim moves a driver's page: it is on no LRU list", .source = "mm/compaction.c:isolate_migratepages_block",
	      .needs = {kconfig("CONFIG_COMPACTION", "/proc/sys/vm/compact_memory"), root()})
{
	Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const auto where = [&] {
		std::vector<std::uint64_t> pfns;
		for (const ptelab_pte &entry : device.lookup(map.bytes()))
			pfns.push_back(entry.pfn);
		return pfns;
	};

	touch_all(map);
	map.put(pages(4), std::uint64_t{0x636f6d70616374});
	const std::vector<std::uint64_t> before = where();
	std::ofstream("/proc/sys/vm/compact_memory") << 1 << std::flush;
	const Errno pageout = ::madvise(map.data(), map.size(), 21 /* MADV_PAGEOUT */) < 0 ? errno : 0;
	rule.expect("MADV_PAGEOUT", pageout, rule.node().pfn ? EINVAL : 0);
	rule.expect("every page is where it was", where() == before, true);
	rule.expect("the bytes", map.get<std::uint64_t>(pages(4)), 0x636f6d70616374U);
}

} // namespace
} // namespace ptelab
