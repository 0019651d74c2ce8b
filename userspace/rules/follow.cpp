// SPDX-License-Identifier: GPL-2.0-or-later
// Looking a pfn up in the page tables: follow_pfn, follow_pte, follow_pfnmap_start.
#include "calls.hpp"

namespace ptelab {
namespace {

// Calls that this kernel has, with whether they tell of a writable and of a special entry.
struct Look {
	ptelab_call_id call;
	const char *name;
	__u64 feature;
	bool tells;
};
constexpr Look kLooks[] = {{PTELAB_CALL_FOLLOW_PFN, "follow_pfn", PTELAB_HAS_FOLLOW_PFN, false},
			   {PTELAB_CALL_FOLLOW_PFNMAP, "follow_pfnmap_start", PTELAB_HAS_FOLLOW_PFNMAP, true}};

template <class F>
void with_each_look(Rule &rule, F &&function)
{
	for (const Look &look : kLooks) {
		const std::string name = std::string(look.name) + ": ";
		rule.because(name + "*", "follow_pfn is gone since there is follow_pfnmap_start");
		if (kernel_features() & look.feature)
			function(look, name);
	}
}

ptelab_call look_up(const Device &device, const Mapping &map, const Look &look)
{
	ptelab_call wanted{};
	wanted.call = look.call;
	wanted.address = address_of(map);
	return call(device, wanted);
}

RULE_PER_NODE("follow_refuses_pages", kPageNodes, .contract = "PT-08",
	      .says = "Looking up a pfn in a mapping that is neither VM_IO nor VM_PFNMAP is EINVAL, even where there is an entry",
	      .source = "mm/memory.c:follow_pfn, mm/memory.c:follow_pfnmap_start")
{
	const Device device = own_region(rule.node());
	const Mapping map(device, pages(kPages));

	map.touch(0);
	with_each_look(rule, [&](const Look &look, const std::string &name) { rule.expect(name + "answer", answer(look_up(device, map, look)), EINVAL); });
}

RULE("fault_insert_pfn.follow_under_prot_none", .contract = "PT-09",
     .says = "The pfn of a page under PROT_NONE is found, as its entry is kept; it is not writable",
     .source = "mm/memory.c:follow_pte, mm/memory.c:follow_pfnmap_start")
{
	const Device device = own_region(node_of(PTELAB_FAULT_INSERT_PFN));
	Mapping map(device, pages(kPages));

	with_each_look(rule, [&](const Look &look, const std::string &name) {
		map.protect(PROT_READ | PROT_WRITE);
		map.write(0, 1);
		const ptelab_call before = look_up(device, map, look);
		rule.expect(name + "page", before.value, 1U);
		if (look.tells)
			rule.expect(name + "writable and special", before.extra, 3U);
		map.protect(PROT_NONE);
		const ptelab_call after = look_up(device, map, look);
		rule.expect(name + "answer under PROT_NONE", answer(after), 0);
		rule.expect(name + "page under PROT_NONE", after.value, 1U);
		if (look.tells)
			rule.expect(name + "special alone under PROT_NONE", after.extra, 2U);
	});
}

RULE("remap_pfn.follow_a_private_copy", .contract = "PT-10",
     .says = "The pfn found for a page that a private mapping has copied is the copy's; only follow_pfnmap_start tells so: not special",
     .source = "mm/memory.c:follow_pfn, mm/memory.c:follow_pfnmap_start")
{
	const Device device = own_region(node_of(PTELAB_REMAP_PFN));

	with_each_look(rule, [&](const Look &look, const std::string &name) {
		const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
		const ptelab_call before = look_up(device, map, look);
		rule.expect(name + "page before the copy", before.value, 1U);
		if (look.tells)
			rule.expect(name + "special before the copy", before.extra & 2U, 2U);
		map.write(0, 1);
		const ptelab_call after = look_up(device, map, look);
		rule.expect(name + "answer after the copy", answer(after), 0);
		rule.expect(name + "page after the copy", after.value, 0U);
		if (look.tells)
			rule.expect(name + "special after the copy", after.extra & 2U, 0U);
	});
}

} // namespace
} // namespace ptelab
