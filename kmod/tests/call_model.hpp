// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's conditions, as predicates. A part of call_guard_test.cpp, which alone includes it.
//
// where: the line in mm/memory.c unless a file is named, in Debian's 5.10.223, 6.1.192, 6.12.118 and 7.3.4; "-": not there.

constexpr Condition kModel[] = {
	// ---- vm_insert_page, vm_insert_pages, vm_map_pages, remap_vmalloc_range ----
	{Harm::kBug, kCounted | kVmalloc, [](const Facts &f) -> bool { return !f.mixedmap && !f.write_locked; },
	 "1808, 1996, 2179, 2641 (VM_WARN_ON_ONCE)", "BUG_ON(mmap_read_trylock(vma->vm_mm)), if VM_MIXEDMAP is to be set"},
	{Harm::kBug, kCounted, [](const Facts &f) -> bool { return !f.mixedmap && f.pfnmap; },
	 "1809, 1997, 2180, 2642 (VM_WARN_ON_ONCE)", "BUG_ON(vma->vm_flags & VM_PFNMAP), if VM_MIXEDMAP is to be set"},
	{Harm::kDamage, kVmalloc, [](const Facts &f) -> bool { return f.pfnmap; },
	 "1809, 1997, 2180, 2642 (VM_WARN_ON_ONCE)", "the same for each page; with both flags vm_normal_page() goes by VM_MIXEDMAP"},
	{Harm::kDamage, kVmalloc, [](const Facts &f) -> bool { return !f.write_locked; },
	 "mm/vmalloc.c: remap_vmalloc_range_partial", "sets VM_DONTEXPAND | VM_DONTDUMP, for which mmap_lock must be held for writing"},
	{Harm::kDamage, kCounted | kMkwrite | kBare, [](const Facts &f) -> bool { return f.source == PTELAB_SOURCE_ZERO && gets_writable(f); },
	 "-, -, 1994, 2435", "vm_mixed_zeropage_allowed(): where an entry may become writable, everybody's zeros do. Not looked at before 6.11, and never "
	 "for a bare pfn in VM_PFNMAP"},

	// ---- whatever makes an entry of one page: the PMD must be a table ----
	{Harm::kBug, kPut | kApply, [](const Facts &f) -> bool { return leaf_now(f); },
	 "1649, 1838, 1980, 2421", "VM_BUG_ON(pmd_trans_huge(*pmd)); without DEBUG_VM the leaf's memory is taken for a page table (5.10, 6.1)"},
	{Harm::kBug, kPut | kApply, [](const Facts &f) -> bool { return leaf_at_any_moment(f); },
	 "1649, 1838, 1980, 2421", "the same, as the fault that makes the leaf holds mmap_lock for reading too"},
	{Harm::kBug, kPut | kApply, [](const Facts &f) -> bool { return f.anonymous; },
	 "1649, 1838, 1980, 2421", "the same, as the core makes leaves of anonymous memory; and what is inserted there has no anon_vma"},
	{Harm::kDamage, kPut | kApply, [](const Facts &f) -> bool { return !f.divisible; },
	 "mm/huge_memory.c: insert_pud", "a page table in the place of a PUD stays, and no PUD is mapped there any more"},

	// ---- bare pfns ----
	{Harm::kBug, kPfn, [](const Facts &f) -> bool { return !f.pfnmap && !f.mixedmap; },
	 "2038, 2226, 2411, 2895", "BUG_ON(!(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)))"},
	{Harm::kBug, kPfn, [](const Facts &f) -> bool { return f.pfnmap && f.mixedmap; },
	 "2039, 2227, 2412, 2896", "BUG_ON((vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)) == (VM_PFNMAP|VM_MIXEDMAP))"},
	{Harm::kBug, kPfn, [](const Facts &f) -> bool { return f.pfnmap && f.cow; },
	 "2041, 2229, 2414, 2898", "BUG_ON((vma->vm_flags & VM_PFNMAP) && is_cow_mapping(vma->vm_flags))"},
	{Harm::kBug, kPfn, [](const Facts &f) -> bool { return f.mixedmap && !f.pfnmap; },
	 "2042, 2230, 2415, 2899", "BUG_ON((vma->vm_flags & VM_MIXEDMAP) && pfn_valid(pfn)): all that there is to insert is RAM (with both flags: the one before)"},
	{Harm::kDamage, kBare, [](const Facts &f) -> bool { return f.source == PTELAB_SOURCE_SLAB; },
	 "1955, 2143, 2315, 2802 (insert_pfn)", "no reference, no look at the page: user space gets the other objects of the slab (6.12: mm/page_table_check.c "
	 "BUG_ON(PageSlab(page)))"},
	{Harm::kDamage, kBare, [](const Facts &f) -> bool { return f.source == PTELAB_SOURCE_ANON; },
	 "1955, 2143, 2315, 2802 (insert_pfn)", "no reference: the page is its owner's to free"},
	{Harm::kDamage, kBare | kPfns, [](const Facts &f) -> bool { return f.counts_pages; },
	 "1955, 2143, 2315, 2802 (insert_pfn)", "no reference, where PTELAB_PAGE_DROP_ALL frees pages that are mapped"},
	{Harm::kBug, kMixed, [](const Facts &f) -> bool { return f.mixed_is_bug && !f.mixedmap && f.source != PTELAB_SOURCE_ZERO; },
	 "2104, 2292, -, -", "BUG_ON(!vm_mixed_ok(vma, pfn)); later SIGBUS"},
	{Harm::kBug, kMixed, [](const Facts &f) -> bool { return !f.mixedmap && f.source == PTELAB_SOURCE_ZERO; },
	 "-, -, 1996, 2437", "VM_WARN_ON_ONCE(vma->vm_flags & VM_PFNMAP), in vm_mixed_zeropage_allowed(); before, and without any flag, the zero page "
	 "alone is let through by vm_mixed_ok()"},
	{Harm::kDamage, of(PTELAB_CALL_INSERT_MIXED_MKWRITE), [](const Facts &f) -> bool { return f.cow; },
	 "1997, 2185, 2358, 2842 (insert_pfn)", "maybe_mkwrite() looks at VM_WRITE alone: a private mapping gets the driver's page itself, writable"},
	{Harm::kDamage, kMkwrite, [](const Facts &f) -> bool { return f.for_write && f.cow; },
	 "-, -, -, 2515", "the same in insert_page_into_pte_locked()"},
	{Harm::kDamage, kMkwrite, [](const Facts &f) -> bool { return f.pfnmap; },
	 "1809, 1997, 2180, 2642 (VM_WARN_ON_ONCE)", "counted pages in VM_PFNMAP: vm_insert_page() has a BUG_ON for it, this one no check, and no zap gives the reference back"},

	// ---- remap_pfn_range, io_remap_pfn_range, vm_iomap_memory ----
	{Harm::kBug, kPfns, [](const Facts &f) -> bool { return !is_none(f); },
	 "2214 and 2239, 2402 and 2427, 2557 and 2582, 3056 and 3081", "BUG_ON(!pte_none(*pte)): present or not, and VM_BUG_ON(pmd_trans_huge(*pmd)) for a leaf"},
	{Harm::kBug, kRemap, [](const Facts &f) -> bool { return f.empty; }, "2349, 2520, 2675, 3169", "BUG_ON(addr >= end)"},
	{Harm::kDamage, kPfns, [](const Facts &f) -> bool { return !f.write_locked; },
	 "2347, 2518, 2673, 3167", "vma->vm_flags |= VM_IO | VM_PFNMAP | ...: mmap_lock must be held for writing (later asserted)"},
	{Harm::kDamage, kPfns, [](const Facts &f) -> bool { return f.mixedmap; },
	 "2039, 2227, 2412, 2896", "VM_PFNMAP is set beside VM_MIXEDMAP: every later vmf_insert_pfn() is a BUG"},
	{Harm::kDamage, kPfns, [](const Facts &f) -> bool { return f.anonymous; },
	 "2347, 2518, 2673, 3167", "VM_PFNMAP is set on anonymous memory"},
	{Harm::kDamage, kPfns, [](const Facts &f) -> bool { return !f.divisible; },
	 "mm/huge_memory.c: insert_pud", "a page table in the place of a PUD"},
	{Harm::kDamage, kRemap, [](const Facts &f) -> bool { return !f.inside; },
	 "2347, 2518, 2673, 3167", "the range is not compared with the VMA: another's entries are written"},
	{Harm::kDamage, kRemap, [](const Facts &f) -> bool { return f.whole && f.cow; },
	 "2340, 2515, 2670, get_remap_pgoff()", "vma->vm_pgoff = pfn, by which the rmap has a live VMA sorted"},
	{Harm::kDamage, kIomap, [](const Facts &f) -> bool { return f.cow; },
	 "2383, 2599, 2754, 3425 (vm_iomap_memory)", "io_remap_pfn_range() of all of the VMA: the same"},
	{Harm::kDamage, kIomap, [](const Facts &f) -> bool { return f.part_of_page; },
	 "2383, 2599, 2754, 3425 (vm_iomap_memory)", "pages = (len + ~PAGE_MASK) >> PAGE_SHIFT: what lies around in the page is given away with it"},

	// ---- zap_vma_ptes, zap_page_range_single, zap_page_range, unmap_mapping_pages ----
	{Harm::kBug, kZap, [](const Facts &f) -> bool { return f.empty || f.wraps; },
	 "1468, 1636, 1801, -", "BUG_ON(addr >= end), in unmap_page_range()"},
	{Harm::kDamage, kZap, [](const Facts &f) -> bool { return !f.aligned; },
	 "1229, 1399, 1582, 1937 (zap_pte_range)", "zap_pte_range() ends when addr == end, which an unaligned end is never"},
	{Harm::kBug, kZap | kUnmap, [](const Facts &f) -> bool { return !f.divisible; },
	 "mm/huge_memory.c: __split_huge_pud_locked", "VM_BUG_ON_VMA: a part of a PUD; zap_pud_range() asserts mmap_lock"},
	{Harm::kDamage, of(PTELAB_CALL_ZAP_VMA), [](const Facts &f) -> bool { return !f.inside; },
	 "-, 1773, -, 2372", "the range is the caller's to keep inside the VMA (6.1: zap_page_range_single() clips nothing)"},
	{Harm::kBug, of(PTELAB_CALL_ZAP_MANY), [](const Facts &f) -> bool { return f.meets_hugetlb; },
	 "mm/hugetlb.c: 3920, 5332, -, - (zap_page_range() is exported no longer)", "BUG_ON(end & ~huge_page_mask(h)), in __unmap_hugepage_range()"},

	// ---- looking ----
	{Harm::kBug, kByTable, [](const Facts &f) -> bool { return f.follow_is_bug && f.inside && leaf_now(f); },
	 "4818, 5548, -, -", "VM_BUG_ON(pmd_trans_huge(*pmd)), in follow_pte()"},
	{Harm::kBug, kByTable, [](const Facts &f) -> bool { return f.follow_is_bug && f.inside && leaf_at_any_moment(f); },
	 "4818, 5548, -, -", "the same"},
	{Harm::kAbi, kFollow, [](const Facts &f) -> bool { return !f.inside; }, "", "address must lie in the mapping"},
	{Harm::kDamage, kApply, [](const Facts &f) -> bool { return !f.inside || !f.aligned; },
	 "2546, 2786, 2941, 3596 (__apply_to_page_range)", "apply_to_page_range() takes an mm, no VMA: it makes page tables anywhere"},

	// ---- handle_mm_fault, fixup_user_fault ----
	{Harm::kBug, of(PTELAB_CALL_HANDLE_FAULT), [](const Facts &f) -> bool { return f.for_write && !f.writable; },
	 "-, -, 6044 and 6047, 6814 and 6817", "WARN_ON_ONCE(!(vma->vm_flags & VM_MAYWRITE)), WARN_ON_ONCE(!(vma->vm_flags & VM_WRITE) && !is_cow_mapping()), in sanitize_fault_flags()"},
	{Harm::kDamage, kFault, [](const Facts &f) -> bool { return f.write_locked; },
	 "4675, 5263, 6071, 6842 (handle_mm_fault)", "->fault may take mmap_lock for reading again, or the VMA's own lock"},
	{Harm::kDamage, kFault, [](const Facts &f) -> bool { return !f.inside; },
	 "mm/gup.c: fixup_user_fault", "another's mapping, or a stack that grows, which needs mmap_lock for writing"},

	// ---- warnings: done for an administrator's file ----
	{Harm::kWarning, kRemap, [](const Facts &f) -> bool { return f.odd && !f.may_warn; },
	 "2316, 2491, 2646, 3164", "WARN_ON_ONCE(!PAGE_ALIGNED(addr))"},
	{Harm::kWarning, kApply, [](const Facts &f) -> bool { return f.empty && !f.may_warn; },
	 "2556, 2796, 2951, 3606", "WARN_ON(addr >= end), in __apply_to_page_range()"},
	{Harm::kWarning, of(PTELAB_CALL_INSERT_MIXED_MKWRITE), [](const Facts &f) -> bool { return !is_none(f) && !f.may_warn; },
	 "1978, 2166, 2339, 2826 (insert_pfn)", "WARN_ON_ONCE(!is_zero_pfn(pte_pfn(entry))), if it is another page's"},
	{Harm::kWarning, kMkwrite, [](const Facts &f) -> bool { return f.for_write && !is_none(f) && !f.may_warn; },
	 "-, -, -, 2496", "the same, in insert_page_into_pte_locked()"},
	{Harm::kWarning, kAsleep, [](const Facts &f) -> bool { return f.inside && !f.may_warn; },
	 "include/linux/kernel.h: might_sleep", "BUG: sleeping function called from invalid context"},

	// ---- access_process_vm ----
	{Harm::kDamage, kAccess, [](const Facts &f) -> bool { return f.other_process; },
	 "kernel/ptrace.c: __ptrace_may_access", "asks for credentials, dumpable, LSM and yama; exported to no module on any of them"},

	// ---- nothing to call with ----
	{Harm::kAbi, kCounted | kPutOne, [](const Facts &f) -> bool { return !f.found || vmalloc_source(f); }, "", "no such page"},
	{Harm::kAbi, kPfns, [](const Facts &f) -> bool { return !f.found || f.source || !f.in_a_row; }, "", "not pages of the region in a row"},
	{Harm::kAbi, kVmalloc, [](const Facts &f) -> bool { return !f.found || !vmalloc_source(f); }, "", "no such buffer"},
};
