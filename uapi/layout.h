/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* The layout of the ABI, the same for every compiler, language and word size. A line here changes only with PTELAB_ABI. */
#ifndef PTELAB_UAPI_LAYOUT_H
#define PTELAB_UAPI_LAYOUT_H

#include <stddef.h>

#include "ptelab_direct.h"

#ifdef __cplusplus
#define PTELAB_LAYOUT_ASSERT(name, condition) static_assert(condition, #name)
#else
#define PTELAB_LAYOUT_ASSERT(name, condition) typedef char ptelab_layout_##name[(condition) ? 1 : -1]
#endif

#define PTELAB_SIZE(type, bytes) \
	PTELAB_LAYOUT_ASSERT(type##_size, sizeof(struct type) == (bytes) && sizeof(struct type) % 8 == 0)
#define PTELAB_OFFSET(type, member, bytes) \
	PTELAB_LAYOUT_ASSERT(type##_##member, offsetof(struct type, member) == (bytes))

/* For ever: how a program and a module of different age tell which one is old. */
PTELAB_SIZE(ptelab_query, 232);
PTELAB_OFFSET(ptelab_query, flags, 0);
PTELAB_OFFSET(ptelab_query, abi, 4);
PTELAB_OFFSET(ptelab_query, method, 8);
PTELAB_OFFSET(ptelab_query, backing, 12);
PTELAB_OFFSET(ptelab_query, cache, 16);
PTELAB_OFFSET(ptelab_query, page_shift, 20);
PTELAB_OFFSET(ptelab_query, revoked, 24);
PTELAB_OFFSET(ptelab_query, has_access, 28);
PTELAB_OFFSET(ptelab_query, file, 32);
PTELAB_OFFSET(ptelab_query, pages, 40);
PTELAB_OFFSET(ptelab_query, max_pages, 48);
PTELAB_OFFSET(ptelab_query, max_block_pages, 56);
PTELAB_OFFSET(ptelab_query, features, 64);
PTELAB_OFFSET(ptelab_query, absence, 72);
PTELAB_OFFSET(ptelab_query, reserved, 200);

PTELAB_SIZE(ptelab_region_setup, 80);
PTELAB_OFFSET(ptelab_region_setup, flags, 0);
PTELAB_OFFSET(ptelab_region_setup, backing, 4);
PTELAB_OFFSET(ptelab_region_setup, pages, 8);
PTELAB_OFFSET(ptelab_region_setup, cache, 16);
PTELAB_OFFSET(ptelab_region_setup, fault_action, 20);
PTELAB_OFFSET(ptelab_region_setup, fault_after, 24);
PTELAB_OFFSET(ptelab_region_setup, fault_times, 32);
PTELAB_OFFSET(ptelab_region_setup, fault_delay_ms, 40);
PTELAB_OFFSET(ptelab_region_setup, reserved0, 44);
PTELAB_OFFSET(ptelab_region_setup, reserved, 48);

PTELAB_SIZE(ptelab_zap, 56);
PTELAB_OFFSET(ptelab_zap, flags, 0);
PTELAB_OFFSET(ptelab_zap, how, 4);
PTELAB_OFFSET(ptelab_zap, address, 8);
PTELAB_OFFSET(ptelab_zap, bytes, 16);
PTELAB_OFFSET(ptelab_zap, present_before, 24);
PTELAB_OFFSET(ptelab_zap, present_after, 32);
PTELAB_OFFSET(ptelab_zap, reserved, 40);

PTELAB_SIZE(ptelab_unmap, 40);
PTELAB_OFFSET(ptelab_unmap, flags, 0);
PTELAB_OFFSET(ptelab_unmap, reserved0, 4);
PTELAB_OFFSET(ptelab_unmap, offset, 8);
PTELAB_OFFSET(ptelab_unmap, bytes, 16);
PTELAB_OFFSET(ptelab_unmap, reserved, 24);

PTELAB_SIZE(ptelab_revoke, 32);
PTELAB_OFFSET(ptelab_revoke, flags, 0);
PTELAB_OFFSET(ptelab_revoke, reserved0, 4);
PTELAB_OFFSET(ptelab_revoke, reserved, 8);

PTELAB_SIZE(ptelab_pte, 24);
PTELAB_OFFSET(ptelab_pte, state, 0);
PTELAB_OFFSET(ptelab_pte, cache, 4);
PTELAB_OFFSET(ptelab_pte, page, 8);
PTELAB_OFFSET(ptelab_pte, pfn, 16);

PTELAB_SIZE(ptelab_lookup, 48);
PTELAB_OFFSET(ptelab_lookup, flags, 0);
PTELAB_OFFSET(ptelab_lookup, reserved0, 4);
PTELAB_OFFSET(ptelab_lookup, address, 8);
PTELAB_OFFSET(ptelab_lookup, bytes, 16);
PTELAB_OFFSET(ptelab_lookup, buffer, 24);
PTELAB_OFFSET(ptelab_lookup, reserved, 32);

PTELAB_SIZE(ptelab_stats, 152);
PTELAB_OFFSET(ptelab_stats, flags, 0);
PTELAB_OFFSET(ptelab_stats, scope, 4);
PTELAB_OFFSET(ptelab_stats, maps, 8);
PTELAB_OFFSET(ptelab_stats, map_errors, 16);
PTELAB_OFFSET(ptelab_stats, opens, 24);
PTELAB_OFFSET(ptelab_stats, closes, 32);
PTELAB_OFFSET(ptelab_stats, faults, 40);
PTELAB_OFFSET(ptelab_stats, fault_errors, 48);
PTELAB_OFFSET(ptelab_stats, accesses, 56);
PTELAB_OFFSET(ptelab_stats, zaps, 64);
PTELAB_OFFSET(ptelab_stats, unmaps, 72);
PTELAB_OFFSET(ptelab_stats, revokes, 80);
PTELAB_OFFSET(ptelab_stats, files, 88);
PTELAB_OFFSET(ptelab_stats, regions, 96);
PTELAB_OFFSET(ptelab_stats, pages_allocated, 104);
PTELAB_OFFSET(ptelab_stats, pages_freed, 112);
PTELAB_OFFSET(ptelab_stats, node_regions, 120);
PTELAB_OFFSET(ptelab_stats, node_pages, 128);
PTELAB_OFFSET(ptelab_stats, reserved, 136);

PTELAB_SIZE(ptelab_vma_setup, 56);
PTELAB_OFFSET(ptelab_vma_setup, flags, 0);
PTELAB_OFFSET(ptelab_vma_setup, cache, 4);
PTELAB_OFFSET(ptelab_vma_setup, hooks, 8);
PTELAB_OFFSET(ptelab_vma_setup, vm_set, 16);
PTELAB_OFFSET(ptelab_vma_setup, vm_clear, 20);
PTELAB_OFFSET(ptelab_vma_setup, action_first, 24);
PTELAB_OFFSET(ptelab_vma_setup, action_pages, 32);
PTELAB_OFFSET(ptelab_vma_setup, reserved, 40);

PTELAB_SIZE(ptelab_injection, 56);
PTELAB_OFFSET(ptelab_injection, flags, 0);
PTELAB_OFFSET(ptelab_injection, hook, 4);
PTELAB_OFFSET(ptelab_injection, answer, 8);
PTELAB_OFFSET(ptelab_injection, error, 12);
PTELAB_OFFSET(ptelab_injection, after, 16);
PTELAB_OFFSET(ptelab_injection, times, 24);
PTELAB_OFFSET(ptelab_injection, pages, 32);
PTELAB_OFFSET(ptelab_injection, reserved, 40);

PTELAB_SIZE(ptelab_event, 80);
PTELAB_OFFSET(ptelab_event, sequence, 0);
PTELAB_OFFSET(ptelab_event, hook, 8);
PTELAB_OFFSET(ptelab_event, pid, 12);
PTELAB_OFFSET(ptelab_event, file, 16);
PTELAB_OFFSET(ptelab_event, vma, 24);
PTELAB_OFFSET(ptelab_event, start, 32);
PTELAB_OFFSET(ptelab_event, end, 40);
PTELAB_OFFSET(ptelab_event, pgoff, 48);
PTELAB_OFFSET(ptelab_event, flags, 56);
PTELAB_OFFSET(ptelab_event, lock, 64);
PTELAB_OFFSET(ptelab_event, present, 68);
PTELAB_OFFSET(ptelab_event, answer, 72);

PTELAB_SIZE(ptelab_events, 40);
PTELAB_OFFSET(ptelab_events, flags, 0);
PTELAB_OFFSET(ptelab_events, count, 4);
PTELAB_OFFSET(ptelab_events, sequence, 8);
PTELAB_OFFSET(ptelab_events, buffer, 16);
PTELAB_OFFSET(ptelab_events, reserved, 24);

PTELAB_SIZE(ptelab_call, 136);
PTELAB_OFFSET(ptelab_call, flags, 0);
PTELAB_OFFSET(ptelab_call, call, 4);
PTELAB_OFFSET(ptelab_call, anchor, 8);
PTELAB_OFFSET(ptelab_call, address, 16);
PTELAB_OFFSET(ptelab_call, bytes, 24);
PTELAB_OFFSET(ptelab_call, index, 32);
PTELAB_OFFSET(ptelab_call, count, 40);
PTELAB_OFFSET(ptelab_call, offset, 48);
PTELAB_OFFSET(ptelab_call, source, 56);
PTELAB_OFFSET(ptelab_call, cache, 60);
PTELAB_OFFSET(ptelab_call, bad, 64);
PTELAB_OFFSET(ptelab_call, argument, 72);
PTELAB_OFFSET(ptelab_call, pid, 80);
PTELAB_OFFSET(ptelab_call, reserved0, 84);
PTELAB_OFFSET(ptelab_call, result, 88);
PTELAB_OFFSET(ptelab_call, left, 96);
PTELAB_OFFSET(ptelab_call, value, 104);
PTELAB_OFFSET(ptelab_call, extra, 112);
PTELAB_OFFSET(ptelab_call, reserved, 120);

PTELAB_SIZE(ptelab_page_info, 56);
PTELAB_OFFSET(ptelab_page_info, flags, 0);
PTELAB_OFFSET(ptelab_page_info, source, 4);
PTELAB_OFFSET(ptelab_page_info, index, 8);
PTELAB_OFFSET(ptelab_page_info, references, 16);
PTELAB_OFFSET(ptelab_page_info, mappings, 24);
PTELAB_OFFSET(ptelab_page_info, pfn, 32);
PTELAB_OFFSET(ptelab_page_info, reserved, 40);

PTELAB_SIZE(ptelab_pin, 88);
PTELAB_OFFSET(ptelab_pin, flags, 0);
PTELAB_OFFSET(ptelab_pin, how, 4);
PTELAB_OFFSET(ptelab_pin, address, 8);
PTELAB_OFFSET(ptelab_pin, pages, 16);
PTELAB_OFFSET(ptelab_pin, pid, 24);
PTELAB_OFFSET(ptelab_pin, reserved0, 28);
PTELAB_OFFSET(ptelab_pin, result, 32);
PTELAB_OFFSET(ptelab_pin, page, 40);
PTELAB_OFFSET(ptelab_pin, bytes, 48);
PTELAB_OFFSET(ptelab_pin, pfn, 56);
PTELAB_OFFSET(ptelab_pin, untouched, 64);
PTELAB_OFFSET(ptelab_pin, anon, 68);
PTELAB_OFFSET(ptelab_pin, reserved, 72);

#endif
