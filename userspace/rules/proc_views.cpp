// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel tells user space about a driver's pages: pagemap, smaps, mincore, move_pages, maps.
#include <algorithm>
#include <array>
#include <sstream>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>
#include <ptelab/temporary_folder.hpp>

#include "lab.hpp"
#include "release.hpp"
#include "variations.hpp"

namespace ptelab {
namespace {

// Documentation/admin-guide/mm/pagemap.rst
constexpr std::uint64_t kPresentBit = 1ULL << 63;
constexpr std::uint64_t kFileBit = 1ULL << 61;
constexpr std::uint64_t kExclusiveBit = 1ULL << 56;
constexpr std::uint64_t kSoftDirtyBit = 1ULL << 55;
constexpr std::uint64_t kPfnMask = (1ULL << 55) - 1;

std::size_t count_in_core(const Mapping &map)
{
	std::vector<unsigned char> pages_in(map.pages());
	if (::mincore(map.data(), map.size(), pages_in.data()) < 0)
		throw_errno("mincore");
	return static_cast<std::size_t>(std::ranges::count_if(pages_in, [](unsigned char state) { return state & 1; }));
}

// move_pages(2) of the first page; numa_node -1: only ask where it is. The page's status, as errno or as node.
std::string move_first_page(const Mapping &map, int numa_node)
{
	void *page = map.data();
	int status = 4242;
	const long result = ::syscall(SYS_move_pages, 0, 1UL, &page, numa_node < 0 ? nullptr : &numa_node, &status, 1 << 1 /* MPOL_MF_MOVE */);
	if (result < 0)
		return errno_name(errno);
	return status < 0 ? "status " + errno_name(-status) : fmt::format("status node {}", status);
}

RULE_PER_NODE("pagemap_hides_pfn_mappings", kPfnNodes, .contract = "VS-01",
	      .says = "pagemap shows nothing of a PFN mapping, though its pages are mapped", .source = "fs/proc/task_mmu.c:pagemap_pte_hole")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	rule.expect("present", present(device, map), kPages);
	std::uint64_t seen = 0;
	for (std::size_t index = 0; index < kPages; ++index)
		seen |= pagemap_entry(map.page(index).data());
	rule.expect("bits other than soft-dirty", seen & ~kSoftDirtyBit, 0U);
}

RULE_PER_NODE("pagemap_of_a_special_pte", bit_of(PTELAB_FAULT_INSERT_MIXED), .contract = "VS-02",
	      .says = "pagemap shows a special PTE of VM_MIXEDMAP as present, with its pfn for root, and neither as a file's nor as exclusive",
	      .source = "fs/proc/task_mmu.c:pte_to_pagemap_entry", .needs = {root()})
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const std::uint64_t entry = pagemap_entry(map.data());
	rule.expect("present", (entry & kPresentBit) != 0, true);
	rule.expect("it has the pfn of the PTE", (entry & kPfnMask) == device.lookup(map.page(0)).front().pfn, true);
	rule.expect("file", (entry & kFileBit) != 0, false);
	rule.expect("exclusive", (entry & kExclusiveBit) != 0, false);
}

RULE_PER_NODE("smaps_counts_pages_only", kAllNodes, .contract = "VS-03",
	      .says = "smaps counts pages with a struct page, as private or shared by how often they are mapped, and no bare pfn",
	      .source = "fs/proc/task_mmu.c:smaps_pte_entry")
{
	const bool counted = is_one_of(rule.node(), kPageNodes);
	const std::uint64_t all = counted ? pages(kPages) / 1024 : 0;
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));
	const auto look = [&](std::string_view when, std::uint64_t pss, std::uint64_t is_private, std::uint64_t shared) {
		const Smaps smaps = smaps_at(map.data()).value();
		rule.expect(fmt::format("Rss, {}", when), smaps.kb("Rss"), all);
		rule.expect(fmt::format("Pss, {}", when), smaps.kb("Pss"), pss);
		rule.expect(fmt::format("private, {}", when), smaps.kb("Private_Clean") + smaps.kb("Private_Dirty"), is_private);
		rule.expect(fmt::format("shared, {}", when), smaps.kb("Shared_Clean") + smaps.kb("Shared_Dirty"), shared);
	};

	touch_all(map);
	look("mapped once", all, all, 0);
	Child child([&](Channel &channel) {
		touch_all(map);
		channel.send(0);
		channel.receive<int>();
	});
	child.channel().receive<int>();
	look("mapped by a child too", all / 2, 0, all);
	child.channel().send(0);
	child.wait();
}

RULE_PER_NODE("mincore", kAllNodes, .contract = "VS-04",
	      .says = "mincore looks at the page table of a driver's mapping, but took a PFN mapping for a hole before 7.3",
	      .source = "mm/mincore.c:do_mincore")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	if (!rule.node().pfn)
		rule.expect("pages in core", count_in_core(map), kPages);
	else
		rule.expect("pages in core", count_in_core(map), in_core_of_pfns(kPages));
}

// A device file of the same device elsewhere, gone with its owner.
class OtherNode {
public:
	// Where a user without privileges finds it.
	OtherNode(const Node &node, mode_t mode) : path_(folder_.file("node"))
	{
		struct stat status {};
		if (::stat(node.path().c_str(), &status) < 0)
			throw_errno("stat " + node.path());
		if (::mknod(path_.c_str(), S_IFCHR | mode, status.st_rdev) < 0 || ::chmod(path_.c_str(), mode) < 0 ||
		    ::chmod(folder_.path().c_str(), 0711) < 0)
			throw_errno("mknod " + path_);
	}

	const std::string &path() const { return path_; }

private:
	TemporaryFolder folder_;
	std::string path_;
};

RULE_PER_NODE("mincore_for_others", bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_REMAP_PFN), .contract = "VS-05",
	      .says = "mincore tells who neither owns a file nor may write to it that every page of it is in core",
	      .source = "mm/mincore.c:can_do_mincore", .needs = {root()})
{
	const OtherNode readable(rule.node(), 0644);
	const auto count_as = [&](bool unprivileged) {
		return in_child([&] {
			if (unprivileged)
				become_nobody();
			const Device device(readable.path(), O_RDONLY);
			return count_in_core(Mapping(device, pages(kPages), {.prot = PROT_READ}));
		});
	};

	rule.expect("pages in core for the user nobody", count_as(true), kPages);
	rule.expect("pages in core for root", count_as(false),
		    rule.node().pfn ? in_core_of_pfns(kPages) : Expected<std::size_t>{0, "nothing was touched"});
}

RULE_PER_NODE("move_pages", kUncountedNodes & kRamNodes & kEntryNodes, .contract = "VS-06",
	      .says = "move_pages finds no page behind a special PTE: EFAULT, or ENOENT since it walks folios; moving one out of a PFN mapping is EFAULT",
	      .source = "mm/migrate.c:do_pages_stat_array")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	constexpr const char *kWalk = "folio_walk_start() came with the kernel that has follow_pfnmap_start(), and follow_page() left with it";
	rule.expect("where is it", move_first_page(map, -1),
		    by_feature(PTELAB_HAS_FOLLOW_PFNMAP, std::string("status ENOENT"), std::string("status EFAULT"), kWalk));
	const std::string moved = move_first_page(map, 0);
	if (rule.node().pfn) {
		rule.expect("to node 0", moved, "status EFAULT");
	} else {
		rule.because("to node 0", kWalk);
		rule.observe("to node 0", moved);
	}
}

RULE_PER_NODE("move_pages", kPageNodes & kFirstNodes, .contract = "VS-06",
	      .says = "move_pages knows where a driver's page is, and cannot isolate it to move it to another node: EBUSY",
	      .source = "mm/migrate.c:add_page_for_migration")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	touch_all(map);
	const std::string where = move_first_page(map, -1);
	rule.expect("where is it", where.starts_with("status node "), true);
	rule.observe("its node", where);
	rule.because("to the other node", "two nodes take a kernel with CONFIG_NUMA_EMU, and numa=fake=2");
	if (::access("/sys/devices/system/node/node1", F_OK) == 0)
		rule.expect("to the other node", move_first_page(map, where == "status node 0" ? 1 : 0), "status EBUSY");
	else
		rule.observe("to the other node", "this machine has one");
}

RULE_PER_NODE("maps_line", kAllNodes, .contract = "VS-07",
	      .says = "/proc/PID/maps shows the offset, device, inode and path of the node that was opened, whatever ->name answers",
	      .source = "fs/proc/task_mmu.c:show_map_vma")
{
	Device device = own_region(rule.node());
	const bool named = rule.node().faults;
	if (named)
		vma_setup(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
					hook_bit(PTELAB_HOOK_NAME)});
	const std::size_t offset = rule.node().method == PTELAB_MAP_PAGES_ZERO ? 0 : pages(2);
	const Mapping map(device, pages(4), {.offset = offset});

	struct stat status {};
	if (::fstat(device.fd(), &status) < 0)
		throw_errno("fstat");
	std::istringstream maps(read_text("/proc/self/maps").value());
	std::string found;
	for (std::string line; std::getline(maps, line);)
		if (line.starts_with(fmt::format("{:x}-", reinterpret_cast<std::uintptr_t>(map.data()))))
			found = line;
	std::istringstream fields(found);
	std::array<std::string, 6> field; // range, permissions, offset, device, inode, path
	for (std::string &one : field)
		fields >> one;
	rule.observe("it has ->name", named);
	rule.expect("permissions", field[1], "rw-s");
	rule.expect("offset", std::stoull("0" + field[2], nullptr, 16), offset);
	rule.varies("device");
	rule.varies("inode");
	rule.expect("device", field[3], fmt::format("{:02x}:{:02x}", major(status.st_dev), minor(status.st_dev)));
	rule.expect("inode", field[4], std::to_string(status.st_ino));
	rule.expect("path", field[5], rule.node().path());
}

} // namespace
} // namespace ptelab
