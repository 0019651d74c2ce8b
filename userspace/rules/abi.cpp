// SPDX-License-Identifier: GPL-2.0-or-later
// The ABI as it is: every field that can be wrong is, once, with everything else right.
#include <algorithm>

#include <sys/ioctl.h>

#include "abi.hpp"
#include "lab.hpp"

namespace ptelab {
namespace {

const Node &ram()
{
	return node_of(PTELAB_FAULT_PAGE);
}

// A file, a mapping of it with all pages present, and the right argument for each ioctl.
struct FileBench {
	Device device = own_region(ram());
	Mapping map{device, pages(kPages)};
	std::vector<ptelab_pte> entries = std::vector<ptelab_pte>(kPages);

	FileBench() { touch_all(map); }

	__u64 address() const { return reinterpret_cast<__u64>(map.data()); }
	ptelab_zap zap() const
	{
		ptelab_zap zap{};
		zap.how = PTELAB_ZAP_VMA;
		zap.address = address();
		zap.bytes = pages(1);
		return zap;
	}
	ptelab_lookup lookup()
	{
		ptelab_lookup lookup{};
		lookup.address = address();
		lookup.bytes = pages(kPages);
		lookup.buffer = reinterpret_cast<__u64>(entries.data());
		return lookup;
	}
	ptelab_stats stats() const
	{
		ptelab_stats stats{};
		stats.scope = PTELAB_SCOPE_FILE;
		return stats;
	}
};

RULE("abi.query_rejects", .says = "QUERY refuses unknown flags and reserved words that are not 0", .source = "Documentation/driver-api/ioctl.rst")
{
	const FileBench bench;
	rejects<ptelab_query>(rule, bench.device, PTELAB_IOC_QUERY, {}, {});
}

RULE("abi.query_answers", .says = "QUERY tells the ABI, the node, the page size and whether each node is there",
     .source = "Documentation/driver-api/ioctl.rst")
{
	for (const Node &node : nodes()) {
		if (!why_absent(node).empty())
			continue;
		const ptelab_query query = Device(node).query();
		const std::string name(node.name);
		rule.expect(name + " abi", query.abi, PTELAB_ABI);
		rule.expect(name + " method", query.method, node.method);
		rule.expect(name + " backing", query.backing, node.backing);
		rule.expect(name + " page size", std::size_t{1} << query.page_shift, page_size());
		rule.expect(name + " has_access", query.has_access != 0, node.access);
		rule.expect(name + " present", query.absence[node.method], PTELAB_PRESENT);
		rule.expect(name + " no method 0", query.absence[0], 0U);
		rule.expect(name + " features, as of any node", query.features == kernel_features(), true);
	}
	rule.because("features", "a bit for each probe; ptelab info tells which this kernel has");
	rule.observe("features", kernel_features());
}

RULE("abi.region_setup_rejects", .says = "REGION_SETUP refuses every value out of range, and leaves the file as it was", .source = "Documentation/driver-api/ioctl.rst")
{
	const Device device(ram());
	ptelab_region_setup right{};
	right.pages = 4;
	const auto delay = [](__u32 ms) {
		return [ms](ptelab_region_setup &setup) {
			setup.fault_action = PTELAB_FAULT_DELAY;
			setup.fault_delay_ms = ms;
		};
	};

	const std::vector<Wrong<ptelab_region_setup>> wrongs{
		{"reserved0", [](ptelab_region_setup &setup) { setup.reserved0 = 1; }},
		{"an unknown backing", [](ptelab_region_setup &setup) { setup.backing = PTELAB_BACKINGS; }},
		{"a backing far out", [](ptelab_region_setup &setup) { setup.backing = ~0U; }},
		{"an unknown memory type", [](ptelab_region_setup &setup) { setup.cache = PTELAB_CACHES; }},
		{"an unknown action", [](ptelab_region_setup &setup) { setup.fault_action = PTELAB_FAULT_ACTIONS; }},
		{"too many pages", [](ptelab_region_setup &setup) { setup.pages = ~0ULL; }},
		{"a delay without DELAY", [](ptelab_region_setup &setup) { setup.fault_delay_ms = 1; }},
		{"DELAY without a delay", delay(0)},
		{"a delay that is too long", delay(10001)},
	};
	rejects<ptelab_region_setup>(rule, device, PTELAB_IOC_REGION_SETUP, right, wrongs);
	rule.expect("only the right one acted", device.query().pages, 4U);
}

RULE("abi.zap_rejects", .says = "ZAP refuses unknown flags, an unknown call and reserved words, and zaps nothing then",
     .source = "Documentation/driver-api/ioctl.rst")
{
	const FileBench bench;
	rule.expect("pages before", present(bench.device, bench.map), kPages);
	rejects<ptelab_zap>(rule, bench.device, PTELAB_IOC_ZAP, bench.zap(),
			    {{"how 0", [](ptelab_zap &zap) { zap.how = 0; }},
			     {"an unknown how", [](ptelab_zap &zap) { zap.how = PTELAB_ZAP_VMA + 1; }},
			     {"an end that wraps", [](ptelab_zap &zap) { zap.bytes = ~0ULL - page_size() + 1; }},
			     {"an address in the kernel", [](ptelab_zap &zap) { zap.address = ~0ULL - 2 * page_size() + 1; }, EFAULT}});
	rule.expect("only the right one zapped", present(bench.device, bench.map), kPages - 1);
}

RULE("abi.unmap_rejects", .says = "UNMAP refuses unknown flags, reserved words and a range that overflows", .source = "Documentation/driver-api/ioctl.rst")
{
	const FileBench bench;
	ptelab_unmap right{};
	right.flags = PTELAB_UNMAP_EVEN_COWS;
	right.bytes = pages(1);
	rejects<ptelab_unmap>(rule, bench.device, PTELAB_IOC_UNMAP, right,
			      {{"reserved0", [](ptelab_unmap &unmap) { unmap.reserved0 = 1; }},
			       {"an end that wraps", [](ptelab_unmap &unmap) {
					unmap.offset = ~0ULL - page_size() + 1;
					unmap.bytes = 2 * page_size();
				}}}, PTELAB_UNMAP_EVEN_COWS);
	rule.expect("only the right one unmapped", present(bench.device, bench.map), kPages - 1);
}

RULE("abi.revoke_rejects", .says = "REVOKE and RESTORE refuse flags and reserved words", .source = "Documentation/driver-api/ioctl.rst")
{
	FileBench bench;
	for (const unsigned long request : {PTELAB_IOC_REVOKE, PTELAB_IOC_RESTORE})
		rejects<ptelab_revoke>(rule, bench.device, request, {},
				       {{"reserved0", [](ptelab_revoke &revoke) { revoke.reserved0 = 1; }}});
	rule.expect("restored", bench.device.query().revoked, 0U);
}

RULE("abi.lookup_rejects", .says = "LOOKUP refuses flags and reserved words, and writes nothing then", .source = "Documentation/driver-api/ioctl.rst")
{
	FileBench bench;
	rejects<ptelab_lookup>(rule, bench.device, PTELAB_IOC_LOOKUP, bench.lookup(),
			       {{"reserved0", [](ptelab_lookup &lookup) { lookup.reserved0 = 1; }},
				{"no buffer", [](ptelab_lookup &lookup) { lookup.buffer = 0; }, EFAULT},
				{"a buffer in the kernel", [](ptelab_lookup &lookup) { lookup.buffer = ~0ULL - 0xfff; }, EFAULT}});
}

RULE("abi.stats_rejects", .says = "STATS refuses flags, an unknown scope and reserved words", .source = "Documentation/driver-api/ioctl.rst")
{
	const FileBench bench;
	rejects<ptelab_stats>(rule, bench.device, PTELAB_IOC_STATS, bench.stats(),
			      {{"scope 0", [](ptelab_stats &stats) { stats.scope = 0; }},
			       {"an unknown scope", [](ptelab_stats &stats) { stats.scope = PTELAB_SCOPE_MODULE + 1; }}});
}

RULE("abi.unknown_ioctl_is_enotty", .says = "An ioctl with another number, magic, direction or size is ENOTTY", .source = "fs/ioctl.c:vfs_ioctl")
{
	const FileBench bench;
	std::vector<std::byte> argument(256);
	const auto answer = [&](unsigned long request) { return bench.device.call(request, argument.data()); };

	for (unsigned number = 8; number < 256; ++number)
		rule.expect("number " + std::to_string(number), answer(_IOC(_IOC_READ | _IOC_WRITE, PTELAB_IOC_MAGIC, number, sizeof(ptelab_query))),
			    ENOTTY);
	for (const unsigned long request : {PTELAB_IOC_QUERY, PTELAB_IOC_REGION_SETUP, PTELAB_IOC_ZAP, PTELAB_IOC_UNMAP, PTELAB_IOC_REVOKE,
					    PTELAB_IOC_RESTORE, PTELAB_IOC_LOOKUP, PTELAB_IOC_STATS}) {
		const std::string name = "ioctl " + std::to_string(_IOC_NR(request));
		for (const int by : {-8, 8})
			rule.expect(name + (by < 0 ? ", smaller" : ", larger"),
				    answer(_IOC(_IOC_DIR(request), PTELAB_IOC_MAGIC, _IOC_NR(request), _IOC_SIZE(request) + by)), ENOTTY);
		rule.expect(name + ", without a direction", answer(_IOC(_IOC_NONE, PTELAB_IOC_MAGIC, _IOC_NR(request), _IOC_SIZE(request))),
			    ENOTTY);
		rule.expect(name + ", another magic", answer(_IOC(_IOC_DIR(request), 0xBD, _IOC_NR(request), _IOC_SIZE(request))), ENOTTY);
	}
}

RULE("abi.bad_pointer_is_efault", .says = "An argument that is not mapped, not wholly mapped, or in the kernel is EFAULT",
     .source = "lib/usercopy.c:_copy_from_user")
{
	const FileBench bench;
	Mapping two(-1, pages(2), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	two.split(pages(1)).unmap();
	std::byte *const edge = two.data() + pages(1) - 8; // 8 bytes, and then nothing

	for (const unsigned long request : {PTELAB_IOC_QUERY, PTELAB_IOC_REGION_SETUP, PTELAB_IOC_ZAP, PTELAB_IOC_UNMAP, PTELAB_IOC_REVOKE,
					    PTELAB_IOC_RESTORE, PTELAB_IOC_LOOKUP, PTELAB_IOC_STATS}) {
		const std::string name = "ioctl " + std::to_string(_IOC_NR(request));
		rule.expect(name + ", null", bench.device.call(request, nullptr), EFAULT);
		rule.expect(name + ", half mapped", bench.device.call(request, edge), EFAULT);
		rule.expect(name + ", in the kernel", bench.device.call(request, reinterpret_cast<void *>(~0UL - 0xffff)), EFAULT);
	}
	rule.expect("nothing was done", present(bench.device, bench.map), kPages);
}

RULE("abi.read_only_output_is_efault", .says = "An argument that must be written to and cannot be is EFAULT", .source = "lib/usercopy.c:_copy_to_user")
{
	FileBench bench;
	Mapping memory(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	const auto refusal = [&](unsigned long request, const auto &argument) {
		memory.protect(PROT_READ | PROT_WRITE);
		memory.put(0, argument);
		memory.protect(PROT_READ);
		return bench.device.call(request, memory.data());
	};

	rule.expect("QUERY", refusal(PTELAB_IOC_QUERY, ptelab_query{}), EFAULT);
	rule.expect("STATS", refusal(PTELAB_IOC_STATS, bench.stats()), EFAULT);
	rule.expect("ZAP", refusal(PTELAB_IOC_ZAP, bench.zap()), EFAULT);
	rule.expect("nothing was zapped", present(bench.device, bench.map), kPages);
	ptelab_lookup lookup = bench.lookup();
	lookup.buffer = reinterpret_cast<__u64>(memory.data());
	rule.expect("LOOKUP", bench.device.call(PTELAB_IOC_LOOKUP, &lookup), EFAULT);
	// Arguments that are only read may lie in memory that can only be read.
	rule.expect("LOOKUP's own argument", refusal(PTELAB_IOC_LOOKUP, bench.lookup()), 0);
}

RULE_PER_NODE("argument_in_our_own_mapping", kRamNodes & kFirstNodes, .says = "An ioctl's argument and buffer may lie in a mapping of the node itself",
	      .source = "mm/memory.c:handle_mm_fault")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	ptelab_lookup lookup{};
	lookup.address = reinterpret_cast<__u64>(map.data());
	lookup.bytes = map.size();
	lookup.buffer = reinterpret_cast<__u64>(map.page(8).data());
	map.put(0, lookup);
	rule.expect("LOOKUP", device.call(PTELAB_IOC_LOOKUP, map.data()), 0);
	rule.expect("its answer", (map.get<ptelab_pte>(pages(8)).state & PTELAB_PTE_PRESENT) != 0, true);
}

} // namespace
} // namespace ptelab
