// SPDX-License-Identifier: GPL-2.0-or-later
#include "not_run.hpp"

#include <array>

namespace ptelab {
namespace {

using enum Risk;

constexpr auto kNotRun = std::to_array<NotRun>({
	{"IP-10", "vm_insert_page from ->fault is a BUG where ->mmap did not set VM_MIXEDMAP", "mm/memory.c:vm_insert_page", kCrash},
	{"IP-11", "The same mistake with vm_insert_pages is a BUG up to 6.12; on 7.x with DEBUG_VM it takes mmap_lock and keeps it",
	 "mm/memory.c:vm_insert_pages", kStuck},
	{"IP-12", "vm_insert_page into a VM_PFNMAP mapping is a BUG", "mm/memory.c:vm_insert_page", kCrash},
	{"IP-16", "Where the shared zero page may be inserted into a writable mapping, a write changes the zeros of everybody",
	 "mm/memory.c:vm_mixed_zeropage_allowed", kCorruption},
	{"IF-01", "vmf_insert_pfn into a mapping with neither VM_PFNMAP nor VM_MIXEDMAP is a BUG", "mm/memory.c:vmf_insert_pfn_prot", kCrash},
	{"IF-02", "vmf_insert_pfn into a mapping with both VM_PFNMAP and VM_MIXEDMAP is a BUG", "mm/memory.c:vmf_insert_pfn_prot", kCrash},
	{"IF-03", "vmf_insert_pfn into a private mapping is a BUG at the first touch: the driver has to refuse MAP_PRIVATE",
	 "mm/memory.c:vmf_insert_pfn_prot", kCrash},
	{"IF-04", "vmf_insert_pfn of memory that has a struct page into a VM_MIXEDMAP mapping is a BUG", "mm/memory.c:vmf_insert_pfn_prot", kCrash},
	{"IF-09", "vmf_insert_mixed into a mapping without VM_MIXEDMAP is a BUG on 5.10 and 6.1, SIGBUS from 6.12 on",
	 "mm/memory.c:__vm_insert_mixed", kCrash},
	{"IF-11", "Memory that is freed while a special entry maps it belongs to two: only the page table check notices",
	 "mm/page_table_check.c:__page_table_check_zero", kCorruption},
	{"RM-03", "remap_pfn_range of no bytes is a BUG, not an error", "mm/memory.c:remap_pfn_range", kCrash},
	{"RM-04", "remap_pfn_range over entries that are present is a BUG, but for the whole mapping on 7.x", "mm/memory.c:remap_pte_range",
	 kCrash},
	{"RM-08", "remap_pfn_range does not look where the mapping ends, and fills entries that nobody will take away",
	 "mm/memory.c:remap_pfn_range_internal", kCorruption},
	{"RM-15", "Memory that is freed while remap_pfn_range has it mapped belongs to two", "mm/page_table_check.c:page_table_check_set",
	 kCorruption},
	{"RM-19", "apply_to_page_range over a huge entry is a BUG on 5.10; the range without bytes is a rule that is run",
	 "mm/memory.c:apply_to_pmd_range", kCrash},
	{"CW-04", "A write by another process to a private special page copies from the writer's own address space",
	 "mm/memory.c:__wp_page_copy_user", kCorruption},
	{"FK-06", "fork copies vm_private_data as it is: freed in ->close without a count in ->open, it is freed twice",
	 "kernel/fork.c:vm_area_dup", kCorruption},
	{"MP-07", "->page_mkwrite that answers 0 for a page without a mapping is called again for ever", "mm/memory.c:do_page_mkwrite", kEndless},
	{"FR-04", "VM_FAULT_OOM does not end an access from user space: it is tried again for ever", "mm/oom_kill.c:pagefault_out_of_memory",
	 kEndless},
	{"FR-05", "VM_FAULT_NOPAGE without an entry makes the access fault for ever", "arch/x86/mm/fault.c:do_user_addr_fault", kEndless},
	{"FR-06", "->fault that answers 0 without a page makes the kernel use a null pointer", "mm/memory.c:__do_fault", kCrash},
	{"FR-07", "VM_FAULT_RETRY with mmap_lock still held leaves it held: the next munmap waits for ever",
	 "arch/x86/mm/fault.c:do_user_addr_fault", kStuck},
	{"FR-09", "A page that ->fault returns without a reference of its own is freed while the driver has it", "mm/memory.c:finish_fault",
	 kCorruption},
	{"GP-04", "On 5.10 pin_user_pages tells success for a special entry and fills in nothing: process_vm_readv then uses a wild pointer",
	 "mm/gup.c:follow_pfn_pte", kCrash},
	{"GP-12", "get_user_pages of a huge entry in a VM_MIXEDMAP mapping uses a struct page that a device's memory has not, and over pages "
	 "that are no folio takes the first one's reference, where another one's is given back", "mm/gup.c:follow_huge_pmd", kCrash},
	{"CD-04", "A core dump waits for a ->fault that waits for user space", "mm/gup.c:get_dump_page", kEndless},
	{"PT-11", "follow_pfnmap_start without follow_pfnmap_end keeps the lock of the page table", "mm/memory.c:follow_pfnmap_start", kStuck},
	{"HG-06", "munmap of a part of what a PUD maps is a BUG with DEBUG_VM, and, not cut at 2 MiB, takes the memory for a page table",
	 "mm/huge_memory.c:__split_huge_pud_locked, mm/rmap.c:mm_find_pmd", kCrash},
	{"HG-03", "vmf_insert_pfn_pmd does not look where the mapping ends, and maps what lies behind it",
	 "mm/huge_memory.c:vmf_insert_pfn_pmd", kCorruption},
	{"HG-10", "GUP-fast of what vmf_insert_pfn_pud maps, where a PUD has no special bit, takes a reference of a struct page that a device's "
	 "memory has not", "mm/gup.c:gup_huge_pud", kCrash},
	{"LT-02", "A driver without .owner can be unloaded while mapped: the next fault runs code that is gone",
	 "drivers/char/misc.c:misc_open", kCrash},
	{"LT-06", "->find_special_page makes a special entry look counted, so that the zap drops a reference that nobody took",
	 "mm/memory.c:vm_normal_page", kCorruption},
});

} // namespace

std::span<const NotRun> not_run()
{
	return kNotRun;
}

char letter_of(Risk risk)
{
	switch (risk) {
	case kCrash: return 'B';
	case kCorruption: return 'M';
	case kEndless: return 'H';
	case kStuck: return 'U';
	}
	return '?';
}

std::string_view reason_of(Risk risk)
{
	switch (risk) {
	case kCrash: return "it ends in a BUG or an oops, and needs a machine of its own";
	case kCorruption: return "it damages memory, and needs a machine that is thrown away";
	case kEndless: return "it ends only with a kill, and needs a machine of its own";
	case kStuck: return "it leaves a lock held, and needs a machine that is thrown away";
	}
	return "";
}

} // namespace ptelab
