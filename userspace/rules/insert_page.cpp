// SPDX-License-Identifier: GPL-2.0-or-later
// vm_insert_page: one page, its reference, and which pages may not be inserted.
#include <cstring>

#include <ptelab/procfs.hpp>

#include "calls.hpp"
#include "release.hpp"

namespace ptelab {
namespace {

// Legal where ->mmap would be: vm_insert_page sets VM_MIXEDMAP itself.
ptelab_call inserting(const Mapping &map, std::int64_t at, ptelab_page_source source, __u64 index = 0)
{
	ptelab_call wanted{};
	wanted.flags = PTELAB_CALL_WRITE_LOCK;
	wanted.call = PTELAB_CALL_INSERT_PAGE;
	wanted.anchor = address_of(map);
	wanted.address = address_of(map, at);
	wanted.source = source;
	wanted.index = index;
	return wanted;
}

ptelab_call inserting(const Mapping &map, std::int64_t at, __u64 index)
{
	return inserting(map, at, ptelab_page_source{}, index);
}

RULE("insert_page.outside_the_vma", .contract = "IP-01",
     .says = "vm_insert_page at an address outside of the VMA is EFAULT and leaves the VMA's flags alone",
     .source = "mm/memory.c:vm_insert_page")
{
	const Device device = bare();
	const Mapping map(device, pages(4));

	rule.expect("a page before it", answer_to(device, inserting(map, -1, 0)), EFAULT);
	rule.expect("at its end", answer_to(device, inserting(map, 4, 0)), EFAULT);
	rule.expect("VmFlags", driver_flags(map), "");
	rule.expect("present", present(device, map), 0U);
	rule.expect("references", page_info(device, 0).references, 1);
}

RULE("insert_page.occupied", .contract = "IP-02",
     .says = "Inserting over a page table entry that is there is EBUSY, keeps the first page and takes no reference of the second",
     .source = "mm/memory.c:insert_page_into_pte_locked")
{
	Device device = bare();
	const Mapping map(device, pages(4));
	const auto mark = std::byte{0xA1};

	device.write(0, {&mark, 1});
	rule.expect("the first page", answer_to(device, inserting(map, 0, 0)), 0);
	rule.expect("another page", answer_to(device, inserting(map, 0, 1)), EBUSY);
	rule.expect("the same page", answer_to(device, inserting(map, 0, 0)), EBUSY);
	rule.expect("byte read", map.read(0).value, 0xA1);
	rule.expect("page mapped", device.lookup(map.bytes()).front().page, 1U);
	rule.expect("references of the second", page_info(device, 1).references, 1);
	rule.expect("mappings of the second", page_info(device, 1).mappings, 0);
}

RULE("insert_page.second_page_of_a_block", .contract = "IP-03",
     .says = "The second page of a block has no reference count and is EINVAL, unless the block is compound or was split",
     .source = "mm/memory.c:vm_insert_page, validate_page_before_insert")
{
	const Device device = bare();
	const Mapping map(device, pages(4));

	rule.expect("references, neither compound nor split", page_info(device, 0, PTELAB_SOURCE_ORDER1_TAIL).references, 0);
	rule.expect("neither compound nor split", answer_to(device, inserting(map, 0, PTELAB_SOURCE_ORDER1_TAIL)), EINVAL);
	rule.expect("and its page table entry", present(device, map), 0U);
	rule.expect("compound", answer_to(device, inserting(map, 1, PTELAB_SOURCE_COMPOUND_TAIL)), 0);
	rule.expect("split", answer_to(device, inserting(map, 2, PTELAB_SOURCE_SPLIT_TAIL)), 0);
	rule.expect("pages read", touch_all(map), 2U);
}

RULE("insert_page.compound_tail", .contract = "IP-04",
     .says = "For a tail of a compound page the reference is taken of the head, and the mapping is counted of the tail",
     .source = "mm/memory.c:insert_page_into_pte_locked", .needs = {root()})
{
	const Device device = bare({}, kPages, PTELAB_BACKING_COMPOUND);
	const std::int64_t before = page_info(device, 0).references;
	{
		const Mapping map(device, pages(4));
		for (std::int64_t tail = 1; tail < 4; ++tail)
			rule.expect("insert", answer_to(device, inserting(map, tail, static_cast<__u64>(tail))), 0);
		rule.expect("references of the head", page_info(device, 0).references - before, 3);
		rule.expect("references as a tail tells", page_info(device, 2).references - before, 3);
		for (__u64 index : {0U, 2U, 4U}) {
			const ptelab_page_info info = page_info(device, index);
			const std::string page = "page " + std::to_string(index);
			const auto wanted = index == 2 ? 1U : 0U;
			rule.expect("mappings of " + page, info.mappings, wanted);
			rule.expect("kpagecount of " + page, kpage_count(info.pfn), wanted);
		}
	}
	rule.expect("references after munmap", page_info(device, 0).references - before, 0);
	rule.expect("mappings after munmap", page_info(device, 2).mappings, 0);
}

RULE("insert_page.anonymous_and_slab", .contract = "IP-05", .says = "Anonymous pages and pages of the slab allocator are EINVAL",
     .source = "mm/memory.c:validate_page_before_insert")
{
	const Device device = bare();
	const Mapping map(device, pages(4));
	const Mapping anonymous(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});

	anonymous.put(0, std::uint8_t{0x5A});
	ptelab_call of_anonymous = inserting(map, 0, PTELAB_SOURCE_ANON);
	of_anonymous.argument = address_of(anonymous);
	rule.expect("an anonymous page", answer_to(device, of_anonymous), EINVAL);
	rule.expect("a page of kmalloc(64)", answer_to(device, inserting(map, 0, PTELAB_SOURCE_SLAB)), EINVAL);
	rule.expect("an ordinary page", answer_to(device, inserting(map, 0, PTELAB_SOURCE_FRESH)), 0);
	rule.expect("the anonymous page", anonymous.get<std::uint8_t>(0), 0x5A);
}

RULE("insert_page.large_kmalloc", .contract = "IP-06",
     .says = "The pages behind a large kmalloc can be inserted, until the kernel froze their reference count and gave them a type",
     .source = "mm/memory.c:validate_page_before_insert, mm/slub.c:___kmalloc_large_node")
{
	const Device device = bare();
	const Mapping map(device, pages(1));
	const std::int64_t references = page_info(device, 0, PTELAB_SOURCE_KMALLOC_LARGE).references;

	rule.because("references before", "the allocator counts one reference; 7.x allocates them frozen (___kmalloc_large_node), without any");
	rule.observe("references before", references);
	const bool taken = rule.expect("errno", answer_to(device, inserting(map, 0, PTELAB_SOURCE_KMALLOC_LARGE)),
				       choose(references > 0, Errno(0), Errno(EINVAL),
					      "a page whose reference count is 0, as the frozen pages of newer kernels', is refused")) &&
			   references > 0;
	rule.expect("references taken", page_info(device, 0, PTELAB_SOURCE_KMALLOC_LARGE).references - references, taken ? 1 : 0);
}

// One step of what IP-08 counts.
void expect_counts(Rule &rule, const std::string &when, const Device &device, std::int64_t mapped)
{
	const ptelab_page_info info = page_info(device, 0);

	rule.expect("references " + when, info.references, 1 + mapped);
	rule.expect("mappings " + when, info.mappings, mapped);
	rule.expect("kpagecount " + when, kpage_count(info.pfn), mapped);
}

constexpr __u32 kInsertNodes = bit_of(PTELAB_INSERT_PAGE) | bit_of(PTELAB_INSERT_PAGES) | bit_of(PTELAB_MAP_PAGES) |
			       bit_of(PTELAB_MAP_PAGES_ZERO) | bit_of(PTELAB_REMAP_VMALLOC);

RULE_PER_NODE("counts_each_page", kInsertNodes, .contract = "IP-08",
	      .says = "Each page that is inserted has one more reference and mapping, and the process one more page of RssFile; munmap returns all three",
	      .source = "mm/memory.c:insert_page_into_pte_locked, zap_pte_range", .needs = {root()})
{
	const Device device = own_region(rule.node(), kRssPages);
	expect_counts(rule, "before", device, 0);
	const std::uint64_t rss_before = file_rss();
	Mapping map(device, pages(kRssPages));
	const std::uint64_t rss_mapped = file_rss();

	expect_counts(rule, "mapped", device, 1);
	rule.expect("RssFile at mmap", rss_step(rss_before, rss_mapped), "+all");
	rule.expect("smaps Rss", resident(map), kRssPages);
	{
		const Mapping again(device, pages(1));
		expect_counts(rule, "mapped twice", device, 2);
	}
	map.unmap();
	expect_counts(rule, "unmapped", device, 0);
	rule.expect("RssFile at munmap", rss_step(rss_mapped, file_rss()), "-all");
}

RULE("insert_page.driver_drops_its_pages", .contract = "IP-09",
     .says = "A page that the driver has dropped its reference of lives on while it is mapped, and is freed at munmap",
     .source = "mm/memory.c:zap_pte_range", .needs = {root()})
{
	Device device = own_region(node_of(PTELAB_INSERT_PAGE), kPages, {.backing = PTELAB_BACKING_SINGLE});
	Mapping map(device, pages(kPages));
	const std::vector<std::byte> bytes = pattern(map.size(), 9);
	const std::uint64_t pfn = page_info(device, 3).pfn;

	map.copy_in(0, bytes);
	drop_pages(device);
	rule.expect("the driver's pages", errno_of([&] { page_info(device, 3); }), EINVAL);
	rule.expect("kpagecount while mapped", kpage_count(pfn), 1U);
	{
		// Whoever took the pages for free ones would give them out here.
		const Mapping churn(-1, pages(4096), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
		std::memset(churn.data(), 0xEE, churn.size());
	}
	std::vector<std::byte> back(map.size());
	map.copy_out(0, back);
	rule.expect("bytes intact", back == bytes, true);
	map.put(0, std::uint8_t{0x77});
	rule.expect("still writable", map.get<std::uint8_t>(0), 0x77);
	map.unmap();
	rule.expect("kpagecount after munmap", kpage_count(pfn), 0U);
}

struct ZeroInserted {
	Errno error;
	std::int64_t references = 0;
	bool special = false;
	std::uint64_t rss = 0;
	std::string read;
};

// Inserts the shared zero page and looks at it; nothing is written through it, which would change it for everybody.
ZeroInserted insert_zero(const VmaSetup &vma_setup, int flags)
{
	const Device device = bare(vma_setup);
	const Mapping map(device, pages(1), {.flags = flags});
	const std::int64_t before = page_info(device, 0, PTELAB_SOURCE_ZERO).references;
	ZeroInserted found;

	ptelab_call wanted = inserting(map, 0, PTELAB_SOURCE_ZERO);
	found.error = device.call(PTELAB_IOC_CALL, &wanted);
	if (found.error == 0)
		found.error = answer(wanted);
	found.references = page_info(device, 0, PTELAB_SOURCE_ZERO).references - before;
	found.special = (state_of(device, map, 0) & PTELAB_PTE_SPECIAL) != 0;
	found.rss = resident(map);
	found.read = map.read(0).outcome();
	return found;
}

RULE("insert_page.zero_page", .contract = "IP-16",
     .says = "The shared zero page was inserted like any page; since 6.11 it is special and uncounted. Where it could become writable that is not tried",
     .source = "mm/memory.c:vm_mixed_zeropage_allowed")
{
	const bool any_page = older_than(6, 11);
	const char *const reason = "vm_mixed_zeropage_allowed is there since 6.11, and no call or symbol came or went with it";
	const ZeroInserted writable = insert_zero({}, MAP_SHARED);
	const ZeroInserted read_only = insert_zero({.vm_clear = PTELAB_VM_WRITE | PTELAB_VM_MAYWRITE}, MAP_SHARED);
	const ZeroInserted cow = insert_zero({}, MAP_PRIVATE);

	// Before 6.11 the kernel does it, and one store changes everybody's zeros: so the module refuses it everywhere.
	rule.expect("shared and writable", writable.error, EPERM);
	rule.expect("shared and writable, the access", writable.read, kSigbus);
	for (const auto &[name, found] : {std::pair{"read-only", &read_only}, {"private", &cow}}) {
		const std::string what(name);
		rule.expect(what, found->error, 0);
		rule.expect(what + ", references", found->references, choose(any_page, 1, 0, reason));
		rule.expect(what + ", special", found->special, choose(any_page, false, true, reason));
		rule.expect(what + ", smaps Rss", found->rss, choose(any_page, 1, 0, reason));
		rule.expect(what + ", the access", found->read, kOk);
	}
}

} // namespace
} // namespace ptelab
