// SPDX-License-Identifier: GPL-2.0-or-later
// What the suites share: the ioctls as functions of a file.
#ifndef PTELAB_LAB_TEST_HPP
#define PTELAB_LAB_TEST_HPP

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "fake_process.hpp"

using fake::Kernel;
using fake::kSegv;
using fake::kSigbus;
using fake::Mapped;
using fake::Module;
using fake::Outcome;
using fake::Personality;
using fake::Process;
using fake::value;

// Those that have ->mmap_prepare in place of ->mmap.
inline constexpr std::array kPreparedMethods{PTELAB_PREPARE_REMAP, PTELAB_PREPARE_IOREMAP, PTELAB_PREPARE_SIMPLE_IOREMAP,
					     PTELAB_PREPARE_MAP_PAGES, PTELAB_PREPARE_FAULT_PAGE};
// Those that differ in their call alone. nodes_test.cpp has the others: MAP_PAGES_ZERO, HUGE_PFN, HUGE_FOLIO, BARE.
inline constexpr std::array kRamMethods{
	PTELAB_INSERT_PAGE, PTELAB_INSERT_PAGES,       PTELAB_MAP_PAGES,	  PTELAB_REMAP_VMALLOC,	     PTELAB_REMAP_PFN,
	PTELAB_FAULT_PAGE,  PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_INSERT_PAGES, PTELAB_FAULT_INSERT_MIXED, PTELAB_FAULT_INSERT_PFN,
	PTELAB_PREPARE_REMAP, PTELAB_PREPARE_IOREMAP, PTELAB_PREPARE_SIMPLE_IOREMAP, PTELAB_PREPARE_MAP_PAGES, PTELAB_PREPARE_FAULT_PAGE};
inline constexpr std::array kAllMethods{PTELAB_INSERT_PAGE,	   PTELAB_INSERT_PAGES,	      PTELAB_MAP_PAGES,	 PTELAB_REMAP_VMALLOC,
					PTELAB_REMAP_PFN,	   PTELAB_FAULT_PAGE,	      PTELAB_FAULT_INSERT_PAGE,
					PTELAB_FAULT_INSERT_PAGES, PTELAB_FAULT_INSERT_MIXED, PTELAB_FAULT_INSERT_PFN,
					PTELAB_IOMAP,		   PTELAB_PREPARE_REMAP,      PTELAB_PREPARE_IOREMAP,
					PTELAB_PREPARE_SIMPLE_IOREMAP, PTELAB_PREPARE_MAP_PAGES, PTELAB_PREPARE_FAULT_PAGE};
inline constexpr std::array kEagerMethods{PTELAB_INSERT_PAGE,	PTELAB_INSERT_PAGES, PTELAB_MAP_PAGES,
					  PTELAB_REMAP_VMALLOC, PTELAB_REMAP_PFN,    PTELAB_IOMAP,
					  PTELAB_PREPARE_REMAP, PTELAB_PREPARE_IOREMAP, PTELAB_PREPARE_SIMPLE_IOREMAP,
					  PTELAB_PREPARE_MAP_PAGES};
// One fault for each page.
inline constexpr std::array kLazyMethods{PTELAB_FAULT_PAGE, PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_INSERT_MIXED,
					 PTELAB_FAULT_INSERT_PFN, PTELAB_PREPARE_FAULT_PAGE};
// Whose mappings hold references of the pages.
inline constexpr std::array kCountingMethods{PTELAB_INSERT_PAGE,       PTELAB_INSERT_PAGES, PTELAB_MAP_PAGES, PTELAB_FAULT_PAGE,
					     PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_INSERT_PAGES, PTELAB_PREPARE_MAP_PAGES,
					     PTELAB_PREPARE_FAULT_PAGE};
inline constexpr std::array kRamBackings{PTELAB_BACKING_SINGLE, PTELAB_BACKING_COMPOUND, PTELAB_BACKING_SPLIT,
					 PTELAB_BACKING_VMALLOC};

template <typename List>
constexpr bool is_one_of(const List &list, unsigned method)
{
	return std::find(list.begin(), list.end(), static_cast<typename List::value_type>(method)) != list.end();
}
constexpr bool is_eager(unsigned method)
{
	return is_one_of(kEagerMethods, method);
}
constexpr bool prepares_remap(unsigned method)
{
	return method >= PTELAB_PREPARE_REMAP && method <= PTELAB_PREPARE_SIMPLE_IOREMAP;
}
constexpr bool is_pfnmap(unsigned method)
{
	return method == PTELAB_FAULT_INSERT_PFN || method == PTELAB_REMAP_PFN || method == PTELAB_IOMAP || prepares_remap(method);
}
constexpr unsigned default_backing(unsigned method)
{
	switch (method) {
	case PTELAB_IOMAP:
		return PTELAB_BACKING_DEVICE;
	case PTELAB_REMAP_PFN:
	case PTELAB_BARE:
	case PTELAB_PREPARE_REMAP:
	case PTELAB_PREPARE_IOREMAP:
	case PTELAB_PREPARE_SIMPLE_IOREMAP:
		return PTELAB_BACKING_SPLIT;
	case PTELAB_REMAP_VMALLOC:
		return PTELAB_BACKING_VMALLOC;
	case PTELAB_HUGE_PFN:
	case PTELAB_HUGE_FOLIO:
		return PTELAB_BACKING_COMPOUND;
	}
	return PTELAB_BACKING_SINGLE;
}
constexpr bool takes_backing(unsigned method, unsigned backing)
{
	switch (method) {
	case PTELAB_IOMAP:
		return backing == PTELAB_BACKING_DEVICE;
	case PTELAB_REMAP_PFN:
		return backing == PTELAB_BACKING_SINGLE || backing == PTELAB_BACKING_SPLIT;
	case PTELAB_REMAP_VMALLOC:
		return backing == PTELAB_BACKING_VMALLOC;
	case PTELAB_PREPARE_REMAP:
	case PTELAB_PREPARE_IOREMAP:
	case PTELAB_PREPARE_SIMPLE_IOREMAP:
		return backing == PTELAB_BACKING_SPLIT;
	case PTELAB_PREPARE_MAP_PAGES:
		return backing == PTELAB_BACKING_SINGLE;
	}
	return backing != PTELAB_BACKING_DEVICE;
}

inline constexpr fake::MapFlags kPrivate{.is_private = true};

inline int setup(file *file, const ptelab_region_setup &arg)
{
	const int error = ptelab_ioctl_region_setup(file->session, &arg);
	return error ? error : ptelab_setup_ended(file->session);
}

inline int revoke(file *file)
{
	const ptelab_revoke arg{};
	return ptelab_ioctl_revoke(file->session, &arg);
}

inline int restore(file *file)
{
	const ptelab_revoke arg{};
	return ptelab_ioctl_restore(file->session, &arg);
}

inline int unmap(file *file, unsigned long page, unsigned long pages, unsigned flags = 0)
{
	const unsigned shift = Kernel::get().shift();
	const ptelab_unmap arg{.flags = flags, .reserved0 = 0, .offset = page << shift, .bytes = pages << shift, .reserved = {}};
	return ptelab_ioctl_unmap(file->session, &arg);
}

inline ptelab_zap zap_arg(unsigned long addr, unsigned long pages, unsigned how = PTELAB_ZAP_VMA)
{
	ptelab_zap arg{};
	arg.how = how;
	arg.address = addr;
	arg.bytes = pages << Kernel::get().shift();
	return arg;
}

inline int zap(file *file, ptelab_zap &arg)
{
	return ptelab_ioctl_zap(file->session, &arg);
}

inline ptelab_pte lookup(file *file, unsigned long addr)
{
	ptelab_lookup arg{};
	arg.address = addr;
	arg.bytes = Kernel::get().page_bytes();
	ptelab_pte pte{};
	REQUIRE(ptelab_ioctl_lookup_entries(&arg) == 1);
	REQUIRE(ptelab_ioctl_lookup(file->session, &arg, &pte, true) == 0);
	return pte;
}

inline ptelab_stats stats(file *file, unsigned scope = PTELAB_SCOPE_FILE)
{
	ptelab_stats arg{};
	arg.scope = scope;
	REQUIRE(ptelab_ioctl_stats(file->session, &arg) == 0);
	return arg;
}

inline ptelab_query query(file *file)
{
	ptelab_query arg{};
	REQUIRE(ptelab_ioctl_query(file->session, &arg) == 0);
	return arg;
}

inline int inject(file *file, const ptelab_injection &arg)
{
	return ptelab_ioctl_inject(file->session, &arg);
}

// What reading so many bytes gives: how many, or -errno.
inline long read_at(file *file, unsigned long long offset, unsigned long bytes)
{
	std::vector<unsigned char> buffer(bytes < 4096 ? bytes : 1UL << Kernel::get().shift());
	return ptelab_copy(file->session, offset, bytes, buffer.data(), false);
}

inline std::uint64_t word_at(file *file, unsigned long long offset)
{
	std::uint64_t word = 0;
	CHECK(ptelab_copy(file->session, offset, sizeof(word), &word, false) == sizeof(word));
	return word;
}

// The address of the nth page of a mapping.
inline unsigned long page_at(const Mapped &map, unsigned long index)
{
	return map.at() + (index << Kernel::get().shift());
}

#endif
