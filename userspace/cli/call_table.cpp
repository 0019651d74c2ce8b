// SPDX-License-Identifier: GPL-2.0-or-later
#include "call_table.hpp"

#include <algorithm>
#include <cctype>

namespace ptelab::cli {
namespace {

const std::vector<CallInfo> kCalls{
	{"vm_insert_page", {}, "", "At mmap, or from ->fault if ->mmap has set VM_MIXEDMAP. Pages are counted, and may be freed while mapped.",
	 "insert_page, fault_insert_page; CALL INSERT_PAGE"},
	{"vm_insert_pages", {}, "", "May succeed in part: it tells how many are left.", "insert_pages, fault_insert_pages; CALL INSERT_PAGES"},
	{"vm_map_pages", {}, "", "Checks offset and length against the array; starts at vm_pgoff.", "map_pages; CALL MAP_PAGES"},
	{"vm_map_pages_zero", {}, "", "As vm_map_pages, and ignores vm_pgoff.", "map_pages_zero; CALL MAP_PAGES_ZERO"},
	{"vm_insert_pfn", {"vmf_insert_pfn"}, "replaced when fault handlers got a type of their own for what they answer (vm_fault_t)",
	 "Use vmf_insert_pfn, whose answer ->fault can return as it is. It refuses nothing: a private mapping is a BUG.",
	 "fault_insert_pfn; CALL INSERT_PFN"},
	{"vm_insert_pfn_prot", {"vmf_insert_pfn_prot"}, "replaced together with vm_insert_pfn",
	 "Use vmf_insert_pfn_prot. For RAM the memory type that it is given is ignored on x86.", "CALL INSERT_PFN_PROT"},
	{"vmf_insert_mixed", {}, "", "Not counted on x86, whatever the name says: the memory must outlive the mapping.",
	 "fault_insert_mixed; CALL INSERT_MIXED"},
	{"vmf_insert_mixed_prot", {"vmf_insert_mixed"}, "removed when nobody in the kernel used it any more",
	 "Use vmf_insert_mixed with vm_page_prot set in ->mmap.", "CALL INSERT_MIXED_PROT"},
	{"vmf_insert_mixed_mkwrite", {"vmf_insert_page_mkwrite"},
	 "no longer exported to modules; vmf_insert_page_mkwrite came when DAX began to count its pages",
	 "Use vmf_insert_page_mkwrite where there is one.", "CALL INSERT_MIXED_MKWRITE"},
	{"vmf_insert_pfn_pmd", {}, "", "The caller checks that the 2 MiB lie inside the mapping: the kernel does not.", "huge_pfn"},
	{"vmf_insert_pfn_pud", {}, "", "As vmf_insert_pfn_pmd, for 1 GiB where the processor has such entries.", "huge_pfn, backing hole"},
	{"vmf_insert_folio_pud", {}, "", "The counted form for 1 GiB; the folio has to be of that order.", "huge_folio, INJECT OTHER_PUD"},
	{"vmf_insert_folio_pmd", {}, "", "The counted form for 2 MiB; the folio has to be of that order.", "huge_folio"},
	{"remap_pfn_range", {"remap_pfn_range", "mmap_action_remap"}, "from ->mmap_prepare it is asked for with an action",
	 "At mmap, over the whole mapping. It is a BUG over entries that are present, and for no bytes.", "remap_pfn; CALL REMAP"},
	{"io_remap_pfn_range", {"io_remap_pfn_range", "mmap_action_ioremap"}, "from ->mmap_prepare it is asked for with an action",
	 "As remap_pfn_range, where encrypted memory must stay out of it.", "CALL IO_REMAP"},
	{"vm_iomap_memory", {"vm_iomap_memory", "mmap_action_simple_ioremap"}, "from ->mmap_prepare it is asked for with an action",
	 "Checks offset and length itself: the one to use for a BAR.", "iomap; CALL IOMAP"},
	{"remap_vmalloc_range", {}, "", "Takes vmalloc_user() memory only. Pages are counted.", "remap_vmalloc; CALL REMAP_VMALLOC"},
	{"zap_vma_ptes", {"zap_special_vma_range"}, "renamed, and made to act on VM_MIXEDMAP too",
	 "Do not take it for the same call: zap_vma_ptes did nothing on VM_MIXEDMAP, and told nobody.", "ZAP with SPECIAL; CALL ZAP_SPECIAL"},
	{"zap_page_range", {"zap_page_range_single", "zap_vma_range"}, "removed: it ran on into the mappings that follow",
	 "Use the call for one mapping, and check the range yourself.", "CALL ZAP_MANY"},
	{"zap_page_range_single", {"zap_vma_range"}, "renamed, and without its details argument",
	 "Use zap_vma_range; the range must lie inside the mapping.", "ZAP with VMA; CALL ZAP_VMA"},
	{"unmap_vmas", {}, "", "Not for drivers: munmap, MAP_FIXED, exit and a failed mmap get there.", "every node, at munmap"},
	{"unmap_mapping_range", {}, "", "Takes the entries of an inode away in every process. A gate has to keep ->fault from putting them back.",
	 "UNMAP, REVOKE"},
	{"unmap_mapping_pages", {}, "", "As unmap_mapping_range, in pages.", "CALL UNMAP_PAGES"},
	{"do_set_pte", {"set_pte_range"}, "alloc_set_pte became do_set_pte, then set_pte_range when several entries could be set at once",
	 "Not for drivers: ->fault returns the page and the core sets the entry.", "fault_page"},
	{"follow_pfn", {"follow_pfnmap_start", "follow_pfnmap_end"}, "removed: its answer could be stale when the caller got it",
	 "Use follow_pfnmap_start, work under the lock, follow_pfnmap_end.", "CALL FOLLOW_PFN"},
	{"follow_pte", {"follow_pfnmap_start", "follow_pfnmap_end"}, "removed together with follow_pfn, to cover huge entries too",
	 "Use follow_pfnmap_start, work under the lock, follow_pfnmap_end.", "CALL FOLLOW_PTE"},
	{"access_remote_vm", {"access_process_vm"}, "never exported to modules",
	 "Use access_process_vm. It asks ->access where the page itself is not to be had.", "CALL ACCESS_PROCESS; /proc/PID/mem; ptrace"},
	{"generic_access_phys", {}, "", "For ->access of device memory; RAM has to be reserved for it.", "VMA_SETUP with GENERIC_ACCESS"},
	{"get_user_pages", {"pin_user_pages"}, "still there; for the contents of a page pin_user_pages is the one to use",
	 "get_user_pages is for the struct page, pin_user_pages for its bytes.", "PIN; ptelab gup"},
	{"get_user_pages_fast", {"pin_user_pages_fast"}, "still there; for the contents of a page pin_user_pages_fast is the one to use",
	 "Without a lock; falls back to the slow walk.", "PIN; ptelab gup"},
	{"pin_user_pages", {}, "", "With FOLL_LONGTERM for a pin without an end in sight.", "PIN; ptelab gup"},
	{"__get_user_pages", {}, "", "Inside every get_user_pages; not for drivers.", "PIN; ptelab gup"},
	{"follow_page_mask", {}, "", "Inside every get_user_pages; not for drivers.", "PIN; ptelab gup"},
	{"populate_vma_page_range", {}, "", "Not for drivers: MAP_POPULATE, mlock and MADV_POPULATE_READ or _WRITE get there.",
	 "every node with MAP_POPULATE; ptelab kinds"},
	{"get_dump_page", {}, "", "Not for drivers: a core dump gets there.", "ptelab kinds"},
	{"apply_to_page_range", {}, "", "Walks the entries of a range, and makes the tables that are missing.", "CALL APPLY; LOOKUP"},
	{"handle_mm_fault", {"fixup_user_fault"}, "still there; the lock that it needs has become harder to get right",
	 "Use fixup_user_fault, which repeats where it has to.", "CALL HANDLE_FAULT"},
	{"fixup_user_fault", {}, "", "Faults a page in on behalf of a process.", "CALL FIXUP_FAULT"},
};

// Where the text has it as a whole word; npos if it has not.
std::size_t place_of(std::string_view name, std::string_view text)
{
	const auto is_part = [&](std::size_t index) {
		return index < text.size() && (std::isalnum(static_cast<unsigned char>(text[index])) || text[index] == '_');
	};
	std::size_t at = text.find(name);
	while (at != text.npos && ((at > 0 && is_part(at - 1)) || is_part(at + name.size())))
		at = text.find(name, at + 1);
	return at;
}

} // namespace

std::span<const CallInfo> calls()
{
	return kCalls;
}

const CallInfo *find_call(std::string_view name)
{
	for (const CallInfo &call : kCalls)
		if (call.name == name)
			return &call;
	for (const CallInfo &call : kCalls)
		if (std::ranges::find(call.today, name) != call.today.end())
			return &call;
	return nullptr;
}

bool mentions(std::string_view text, const CallInfo &call)
{
	const auto is_there = [&](std::string_view name) { return place_of(name, text) != text.npos; };
	return is_there(call.name) || std::ranges::any_of(call.today, is_there);
}

const CallInfo *first_in(std::string_view text)
{
	const CallInfo *first = nullptr;
	std::size_t earliest = text.npos;
	const auto look = [&](const CallInfo &call, std::string_view name) {
		if (const std::size_t at = place_of(name, text); at < earliest) {
			earliest = at;
			first = &call;
		}
	};

	for (const CallInfo &call : kCalls)
		look(call, call.name);
	for (const CallInfo &call : kCalls)
		for (const std::string_view name : call.today)
			look(call, name);
	return first;
}

} // namespace ptelab::cli
