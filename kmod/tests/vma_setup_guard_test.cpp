// SPDX-License-Identifier: GPL-2.0-or-later
// What VMA_SETUP refuses, of every kind of file and every flag, hook and VM flag alone and in pairs, against what would go wrong.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "kmod/core/vma_setup_guard.hpp"

TEST_SUITE_BEGIN("vma_setup guards");

namespace {

using ptelab::VmaSetupFacts;

unsigned long long bit(unsigned number)
{
	return 1ULL << number;
}

// The due answer, from what the kernel would do.
int model(const VmaSetupFacts &f, const ptelab_vma_setup &s)
{
	const bool hooks = s.flags & PTELAB_VMA_SETUP_HOOKS, no_ops = s.flags & PTELAB_VMA_SETUP_NO_VM_OPS, null_ops = s.flags & PTELAB_VMA_SETUP_NULL_VM_OPS;
	// uapi/ptelab.h: nonsense, whatever the file is
	bool invalid = s.flags >= PTELAB_VMA_SETUP_MISUSE << 1 || s.hooks & 1 || s.hooks & bit(PTELAB_HOOK_MMAP) ||
		       s.hooks & bit(PTELAB_HOOK_RELEASE) || s.hooks & bit(PTELAB_HOOK_MMAP_PREPARE) || s.hooks >= bit(PTELAB_HOOKS);
	invalid |= (s.vm_set | s.vm_clear) >= PTELAB_VM_MAYWRITE << 1 || s.vm_set & PTELAB_VM_WRITE || s.vm_set & PTELAB_VM_MAYWRITE;
	invalid |= s.cache > PTELAB_CACHE_WRITE_COMBINING || s.reserved[0] != 0 || s.reserved[1] != 0;
	invalid |= s.hooks != 0 && !hooks;
	// mm/mmap.c: remove_vma calls ->close, if there are vm_ops: else the pending of a mapping that mmap filled is lost
	invalid |= hooks && (no_ops || null_ops);
	invalid |= s.hooks & bit(PTELAB_HOOK_ACCESS) && s.hooks & bit(PTELAB_HOOK_GENERIC_ACCESS);
	invalid |= s.action_first > 65536 || s.action_pages > 65536 || (s.action_first && !s.action_pages);
	if (invalid)
		return -EINVAL;
	const auto lacks = [&](unsigned hook) { return (hooks || no_ops) && !(s.hooks & bit(hook)); };
	// mm/huge_memory.c: __split_huge_pud_locked
	bool unfit = !f.divisible && lacks(PTELAB_HOOK_MAY_SPLIT);
	unfit |= f.divisible && f.eager && (lacks(PTELAB_HOOK_OPEN) || lacks(PTELAB_HOOK_CLOSE) || (f.prepares && lacks(PTELAB_HOOK_MAPPED)));
	// mm/memory.c: vm_insert_page BUG_ON(VM_PFNMAP); vmf_insert_pfn_prot BUG_ON(both)
	unfit |= f.method != PTELAB_BARE && s.vm_set & PTELAB_VM_PFNMAP;
	unfit |= f.method != PTELAB_BARE && f.method != PTELAB_FAULT_PAGE && f.method != PTELAB_HUGE_FOLIO && s.vm_set & PTELAB_VM_MIXEDMAP;
	unfit |= s.action_pages && f.method != PTELAB_PREPARE_REMAP && f.method != PTELAB_PREPARE_IOREMAP && f.method != PTELAB_PREPARE_MAP_PAGES;
	unfit |= (s.flags & ~PTELAB_VMA_SETUP_MISUSE) >= PTELAB_VMA_SETUP_READ_PROT && !f.prepares;
	unfit |= null_ops && f.method != PTELAB_PREPARE_FAULT_PAGE;
	// include/linux/mm.h: vm_flags_set waits for the VMA's lock, which vmf_can_call_fault() has let the fault keep
	unfit |= f.remaps_at_fault && s.hooks & bit(PTELAB_HOOK_MAP_PAGES) && !(s.flags & PTELAB_VMA_SETUP_MISUSE);
	// another file's region, or none of RAM
	unfit |= (s.flags & PTELAB_VMA_SETUP_OWN_INODE || s.flags & PTELAB_VMA_SETUP_RESERVED) && !f.own_ram;
	unfit |= s.flags & PTELAB_VMA_SETUP_RESERVED && f.counts_pages;
	if (unfit)
		return -EOPNOTSUPP;
	if (s.flags & PTELAB_VMA_SETUP_RESERVED && f.revoked)
		return -ENODEV;
	return s.flags & PTELAB_VMA_SETUP_RESERVED && f.compound ? -EOPNOTSUPP : 0;
}

// One thing asked for; the empty one too.
std::vector<ptelab_vma_setup> requests()
{
	std::vector<ptelab_vma_setup> all(1);
	const auto add = [&](auto &&set) {
		ptelab_vma_setup vma_setup{};
		set(vma_setup);
		all.push_back(vma_setup);
	};
	for (unsigned flag = 0; flag < 11; flag++)
		add([&](ptelab_vma_setup &s) { s.flags = 1U << flag; });
	for (unsigned hook = 0; hook < PTELAB_HOOKS + 1; hook++) {
		add([&](ptelab_vma_setup &s) { s.hooks = bit(hook); });
		add([&](ptelab_vma_setup &s) { s.hooks = bit(hook), s.flags = PTELAB_VMA_SETUP_HOOKS; });
	}
	for (const unsigned long long hooks : {bit(PTELAB_HOOK_OPEN) | bit(PTELAB_HOOK_CLOSE),
					       bit(PTELAB_HOOK_OPEN) | bit(PTELAB_HOOK_CLOSE) | bit(PTELAB_HOOK_MAPPED)})
		add([&](ptelab_vma_setup &s) { s.hooks = hooks, s.flags = PTELAB_VMA_SETUP_HOOKS; });
	for (unsigned flag = 0; flag < 9; flag++) {
		add([&](ptelab_vma_setup &s) { s.vm_set = 1U << flag; });
		add([&](ptelab_vma_setup &s) { s.vm_clear = 1U << flag; });
	}
	for (unsigned cache = 1; cache <= PTELAB_CACHES; cache++)
		add([&](ptelab_vma_setup &s) { s.cache = cache; });
	for (const unsigned long long pages : {1ULL, 65536ULL, 65537ULL}) {
		add([&](ptelab_vma_setup &s) { s.action_pages = pages; });
		add([&](ptelab_vma_setup &s) { s.action_first = pages; });
	}
	for (int word = 0; word < 2; word++)
		add([&](ptelab_vma_setup &s) { s.reserved[word] = 1; });
	return all;
}

ptelab_vma_setup both(const ptelab_vma_setup &a, const ptelab_vma_setup &b)
{
	ptelab_vma_setup s{};
	s.flags = a.flags | b.flags, s.hooks = a.hooks | b.hooks, s.vm_set = a.vm_set | b.vm_set, s.vm_clear = a.vm_clear | b.vm_clear;
	s.cache = a.cache ? a.cache : b.cache;
	s.action_first = a.action_first ? a.action_first : b.action_first;
	s.action_pages = a.action_pages ? a.action_pages : b.action_pages;
	s.reserved[0] = a.reserved[0] | b.reserved[0], s.reserved[1] = a.reserved[1] | b.reserved[1];
	return s;
}

struct Count {
	std::uint64_t met = 0, tried = 0, permitted = 0;
	std::string wrong;	// the first that is
};

void try_one(const VmaSetupFacts &f, const ptelab_vma_setup &s, Count &count)
{
	const int told = ptelab::vma_setup_verdict(f, s), due = model(f, s);
	count.tried++, count.permitted += told == 0;
	if (told != due)
		count.wrong = "method " + std::to_string(f.method) + " flags " + std::to_string(s.flags) + " hooks " + std::to_string(s.hooks) +
			      " vm_set " + std::to_string(s.vm_set) + ": " + std::to_string(told) + ", due " + std::to_string(due);
}

// Of every kind of file, every two things asked for at once, or one of so many; up to the first that is wrong.
Count enumerate(unsigned one_of)
{
	const std::vector<ptelab_vma_setup> all = requests();
	Count count;
	for (unsigned method = 1; method < PTELAB_METHODS; method++)
		for (unsigned bits = 0; bits < 1U << 8; bits++) {
			const VmaSetupFacts f{method, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
					   (bits & 16) != 0, (bits & 32) != 0, (bits & 64) != 0, (bits & 128) != 0};
			for (const ptelab_vma_setup &a : all)
				for (const ptelab_vma_setup &b : all) {
					if (count.met++ % one_of == 0)
						try_one(f, both(a, b), count);
					if (!count.wrong.empty())
						return count;
				}
		}
	return count;
}

} // namespace

TEST_CASE("what VMA_SETUP answers here and there")	// soon done: scripts/check-guards breaks a guard each time
{
	CHECK(enumerate(97).wrong == "");
}

TEST_CASE("what VMA_SETUP answers, of every kind of file, to every two things asked for at once")
{
	const Count count = enumerate(1);
	CHECK(count.wrong == "");
	CHECK(count.permitted > 0);
	MESSAGE(count.tried, " combinations, ", count.permitted, " permitted");
}

TEST_SUITE_END();
