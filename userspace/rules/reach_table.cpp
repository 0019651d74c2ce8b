// SPDX-License-Identifier: GPL-2.0-or-later
// Every call of the family, how user space gets there, and which function's hits prove it on which kernel.
#include <array>

#include "huge_lab.hpp"
#include "misuse_module.hpp"
#include "reach.hpp"

namespace ptelab {
namespace {

constexpr std::string_view kNode = "mmap of the node of that name, or CALL";
constexpr std::string_view kNoHugeFault = "its non-anonymous branch refuses every inode but DAX ones, so ->huge_fault is never called";

const std::array kFamily = std::to_array<FamilyCall>({
	// Pages
	{"vm_insert_page", kNode, {{"vm_insert_page", ""}}},
	{"vm_insert_pages", kNode, {{"vm_insert_pages", ""}}},
	{"vm_map_pages", kNode, {{"vm_map_pages", ""}}},
	{"vm_map_pages_zero", kNode, {{"vm_map_pages_zero", ""}}},
	{"remap_vmalloc_range", "mmap of the node remap_vmalloc",
	 {{"remap_vmalloc_range", ""}, {"remap_vmalloc_range_partial", "its body, the call itself is inlined"}}},

	// Page frame numbers
	{"vm_insert_pfn", "a fault on the node fault_insert_pfn",
	 {{"vmf_insert_pfn", "successor vmf_insert_pfn"}, {"vmf_insert_pfn_prot", "successor vmf_insert_pfn_prot"}}},
	{"vm_insert_pfn_prot", "CALL with a cache mode, or a fault on the node fault_insert_pfn",
	 {{"vmf_insert_pfn_prot", "successor vmf_insert_pfn_prot"}}},
	{"vmf_insert_mixed", "a fault on the node fault_insert_mixed", {{"vmf_insert_mixed", ""}}},
	{"vmf_insert_mixed_prot", "CALL", {{"vmf_insert_mixed_prot", ""}}},
	{"vmf_insert_mixed_mkwrite", "CALL with the right to write",
	 {{"vmf_insert_mixed_mkwrite", "", PTELAB_HAS_INSERT_MIXED_MKWRITE},
	  {"vmf_insert_page_mkwrite", "successor vmf_insert_page_mkwrite", PTELAB_HAS_INSERT_PAGE_MKWRITE}},
	 "",
	 "",
	 PTELAB_HAS_INSERT_MIXED_MKWRITE | PTELAB_HAS_INSERT_PAGE_MKWRITE,
	 "not exported any more: only fs/dax.c calls it"},
	{"vmf_insert_pfn_pmd", "an access to the node huge_pfn at the start of what a PMD maps",
	 {{"vmf_insert_pfn_pmd", ""}, {"vmf_insert_pfn_pmd_prot", "what the inline vmf_insert_pfn_pmd calls"}},
	 "hugepage_vma_check", kNoHugeFault, 0, "", [] { return thp(); }},
	{"vmf_insert_pfn_pud", "CALL of handle_mm_fault on 1 GiB of the node huge_pfn, backed by a hole",
	 {{"vmf_insert_pfn_pud", ""}, {"vmf_insert_pfn_pud_prot", "what the inline vmf_insert_pfn_pud calls"}},
	 "hugepage_vma_check", kNoHugeFault, PTELAB_HAS_INSERT_PFN_PUD,
	 "this machine has no entries of 1 GiB, or they have no special bit here, and GUP-fast would use a struct page that is not there"},
	{"vmf_insert_folio_pud", "an access to the node huge_folio, injected to insert a folio of another order",
	 {{"vmf_insert_folio_pud", ""}}, "hugepage_vma_check", kNoHugeFault, 0, "", [] {
		 const Need folios = huge_folios(2);
		 return folios.why_not().empty() ? misuse_module() : folios;
	 }},
	{"vmf_insert_folio_pmd", "an access to the node huge_folio at the start of what a PMD maps",
	 {{"vmf_insert_folio_pmd", ""}}, "", "", 0, "", [] { return huge_folios(); }},
	{"remap_pfn_range", "mmap of the node remap_pfn",
	 {{"remap_pfn_range", ""}, {"remap_pfn_range_complete", "its action under mmap_prepare"}}},
	{"io_remap_pfn_range", "CALL",
	 {{"io_remap_pfn_range", ""}, {"remap_pfn_range", "an inline around it where physical addresses need no translation"}}},
	{"vm_iomap_memory", "mmap of the node iomap, or CALL", {{"vm_iomap_memory", ""}}},
	{"f_op.mmap_prepare", "mmap of a node prepare_*", {{"ptelab:ptelab_node_mmap_prepare", "the node's hook"}}},
	{"mmap_action_remap", "mmap of the node prepare_remap", {{"remap_pfn_range_complete", "what is done when there is a VMA"}}},
	{"mmap_action_ioremap", "mmap of the node prepare_ioremap", {{"remap_pfn_range_complete", "what is done when there is a VMA"}}},
	{"mmap_action_simple_ioremap", "mmap of the node prepare_simple_ioremap", {{"simple_ioremap_prepare", "what its arguments are checked by"}}},
	{"mmap_action_map_kernel_pages", "mmap of the node prepare_map_pages",
	 {{"map_kernel_pages_complete", "what is done when there is a VMA"}}},

	// Taking away
	{"zap_vma_ptes", "ZAP of a PFN mapping", {{"zap_vma_ptes", ""}, {"zap_special_vma_range", "successor zap_special_vma_range"}}},
	{"zap_page_range", "ZAP or CALL", {{"zap_page_range", ""}, {"zap_page_range_single", "successor zap_page_range_single"},
					   {"zap_vma_range", "successor zap_vma_range"}}},
	{"zap_page_range_single", "ZAP, unmap_mapping_range, madvise(MADV_DONTNEED)",
	 {{"zap_page_range_single", ""}, {"zap_vma_range", "successor zap_vma_range"},
	  {"zap_vma_range_batched", "successor zap_vma_range_batched"}, {"unmap_page_range", "what the inlined call does its work with"}}},
	{"unmap_vmas", "munmap, MAP_FIXED over a mapping, exit, a failed mmap", {{"unmap_vmas", ""}}},
	{"unmap_mapping_range", "UNMAP and REVOKE", {{"unmap_mapping_range", ""}}},
	{"unmap_mapping_pages", "CALL where it is exported, else UNMAP through unmap_mapping_range",
	 {{"unmap_mapping_pages", ""}, {"unmap_mapping_range", "it is inlined there"}}},

	// Faults
	{"do_set_pte", "a fault on the node fault_page, which returns its page",
	 {{"do_set_pte", ""}, {"set_pte_range", "successor set_pte_range"}, {"alloc_set_pte", "predecessor alloc_set_pte"},
	  {"finish_fault", "its caller, it is inlined there"}}},
	{"handle_mm_fault", "CALL, and every access", {{"handle_mm_fault", ""}}},
	{"fixup_user_fault", "CALL", {{"fixup_user_fault", ""}}},
	{"apply_to_page_range", "CALL", {{"apply_to_page_range", ""}}},

	// Looking
	{"follow_pfn", "CALL", {{"follow_pfn", ""}, {"follow_pfnmap_start", "successor follow_pfnmap_start"}}},
	{"follow_pte", "CALL", {{"follow_pte", ""}, {"follow_pfnmap_start", "successor follow_pfnmap_start"}}},
	{"access_remote_vm", "read and write of /proc/PID/mem",
	 {{"access_remote_vm", ""}, {"__access_remote_vm", "its body, the call itself is inlined"}}},
	{"access_process_vm", "CALL", {{"access_process_vm", ""}}},
	{"ptrace_access_vm", "PTRACE_PEEKDATA and POKEDATA", {{"ptrace_access_vm", ""}, {"generic_ptrace_peekdata", "its caller, it is inlined there"},
							      {"ptrace_request", "the caller of its caller, both are inlined there"}}},
	{"generic_access_phys", "/proc/PID/mem of a mapping whose ->access it is", {{"generic_access_phys", ""}}},

	// Getting and pinning
	{"get_user_pages", "PIN", {{"get_user_pages", ""}}},
	{"get_user_pages_fast", "PIN", {{"get_user_pages_fast", ""}, {"internal_get_user_pages_fast", "its body"}, {"gup_fast_fallback", "its body"}}},
	{"get_user_pages_remote", "PIN of another process", {{"get_user_pages_remote", ""}}},
	{"get_user_pages_unlocked", "PIN", {{"get_user_pages_unlocked", ""}}},
	{"pin_user_pages", "PIN", {{"pin_user_pages", ""}}},
	{"pin_user_pages_fast", "PIN, and O_DIRECT", {{"pin_user_pages_fast", ""}}},
	{"pin_user_pages_remote", "PIN of another process, process_vm_readv", {{"pin_user_pages_remote", ""}}},
	{"pin_user_pages_unlocked", "PIN", {{"pin_user_pages_unlocked", ""}}},
	{"FOLL_LONGTERM", "PIN with PTELAB_PIN_LONGTERM",
	 {{"check_and_migrate_movable_pages", "what only a long-term pin is followed by"},
	  {"collect_longterm_unpinnable_folios", "what only a long-term pin is followed by"},
	  {"__gup_longterm_locked", "its caller"}}},
	{"__get_user_pages", "every PIN that is not fast, and populating", {{"__get_user_pages", ""}}},
	{"follow_page_mask", "every PIN that is not fast",
	 {{"follow_page_mask", ""}, {"follow_page_pte", "its last step, it is inlined above"}}},
	{"populate_vma_page_range", "MAP_POPULATE, mlock", {{"populate_vma_page_range", ""}, {"__mm_populate", "its caller"}}},
	{"MADV_POPULATE", "madvise(MADV_POPULATE_READ and _WRITE)",
	 {{"faultin_vma_page_range", "its back end"}, {"faultin_page_range", "its back end"}}},
	{"get_dump_page", "the core dump of a process that died", {{"get_dump_page", ""}}},

	// The hooks of a VMA: a function of the module each
	{"vm_ops.open", "fork, and the split of a mapping", {{"ptelab:ptelab_vma_open", "the node's hook"}}},
	{"vm_ops.close", "munmap and exit", {{"ptelab:ptelab_vma_close", "the node's hook"}}},
	{"vm_ops.may_split", "munmap in the middle of a mapping custom with it", {{"ptelab:ptelab_vma_may_split", "the node's hook"}}},
	{"vm_ops.mremap", "mremap of a mapping custom with it", {{"ptelab:ptelab_vma_mremap", "the node's hook"}}},
	{"vm_ops.mprotect", "mprotect of a mapping custom with it", {{"ptelab:ptelab_vma_mprotect", "the node's hook"}}},
	{"vm_ops.fault", "an access to the node fault_page", {{"ptelab:ptelab_vma_fault", "the node's hook"}}},
	{"vm_ops.huge_fault", "an access to the node huge_pfn", {{"ptelab:ptelab_vma_huge_fault", "the node's hook"}},
	 "hugepage_vma_check", kNoHugeFault, 0, "", [] { return thp(); }},
	{"vm_ops.map_pages", "an access to a mapping custom with it", {{"ptelab:ptelab_vma_map_pages", "the node's hook"}}},
	{"vm_ops.page_mkwrite", "a write to a mapping custom with it", {{"ptelab:ptelab_vma_page_mkwrite", "the node's hook"}}},
	{"vm_ops.pfn_mkwrite", "a write to a mapping custom with it", {{"ptelab:ptelab_vma_pfn_mkwrite", "the node's hook"}}},
	{"vm_ops.access", "/proc/PID/mem of a PFN mapping", {{"ptelab:ptelab_vma_access", "the node's hook"}}},
	{"vm_ops.name", "a core dump of a mapping custom with it", {{"ptelab:ptelab_vma_name", "the node's hook"}}},
	{"vm_ops.mapped", "mmap on a kernel that has the hook", {{"ptelab:ptelab_vma_mapped", "the node's hook"}}},
});

} // namespace

std::span<const FamilyCall> family()
{
	return kFamily;
}

} // namespace ptelab
