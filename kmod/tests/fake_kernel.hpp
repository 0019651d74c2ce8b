// SPDX-License-Identifier: GPL-2.0-or-later
// port.h in user space: a kernel small enough to read, strict enough to trust. It aborts where Linux has a BUG or goes wrong in
// silence, differs where kernels differ (Personality), can fail every call that may fail, and knows at the end what was left
// behind. Bytes are not modelled: a page holds one word.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "fake_lock.hpp"
#include "kmod/core.h"

using Word = std::atomic<std::uint64_t>;

struct page {
	unsigned long pfn = 0;
	page *head = nullptr;		// itself, unless a tail of a compound page
	long refs = 0;			// of a head; 0: free
	long special = 0;		// page table entries that hold no reference
	unsigned order = 0;		// of a compound head
	Word word{0};
	fake::Lock lock{fake::Rank::kPage};
};

namespace fake {

struct Mm;

// As the glue's struct pending_mmap: a VMA that ->mmap fills, shared with its copies.
struct PendingMmap {
	port_space *space;
	Mm *mm;
	int vmas;
	bool settled;
	unsigned long long restores;
	unsigned long origin;	// vm_pgoff at the mmap
};

struct Pte {
	unsigned long pfn;
	page *normal;		// holds a reference on it; nullptr: special
	bool anonymous;		// a private copy
	bool write;
	bool dirty;
	bool young;
	unsigned cache;
	bool huge = false;	// part of a leaf that maps a whole PMD, or
	bool pud = false;	// a whole PUD
};

} // namespace fake

struct vm_area_struct {
	fake::Mm *mm = nullptr;
	unsigned long start = 0;
	unsigned long end = 0;
	unsigned long pgoff = 0;
	bool shared = false, write = false, may_write = false, exec = false, may_exec = true;
	bool pfnmap = false, mixedmap = false, dont_expand = false;
	bool in_mmap = false;		// inside ->mmap: nobody else sees it
	unsigned cache = PTELAB_CACHE_WRITE_BACK;
	::file *file = nullptr;
	port_space *linked = nullptr;	// the space in whose rmap it is
	fake::PendingMmap *pending = nullptr;
};

struct vm_fault {
	vm_area_struct *vma;
	unsigned long address;
	bool write;
	bool may_retry;		// FAULT_FLAG_ALLOW_RETRY
	bool under_vma_lock;
	bool no_wait = false;	// FAULT_FLAG_RETRY_NOWAIT
	page *given = nullptr;
};

// The mmaps of one open file that were left to the kernel to fill or to empty.
struct port_awaited {
	std::list<fake::PendingMmap *> pending_mmaps;
};

// The memory of one open file's own.
struct port_account {
	unsigned long pages = 0;
};

// The module that breaks the contract, as one open file sees it.
struct port_misuser {
	bool there = true;		// it is loaded, and the opener may
	bool held = false;
	unsigned faults = 0, huge_faults = 0;	// that it was asked to answer
	unsigned last = 0;		// which action or answer of the last
	unsigned delay_ms = 0;
	unsigned code = PORT_FAULT_SIGBUS;	// what it says to them
};

struct file {
	ptelab_session *session = nullptr;
	port_space *mapping = nullptr;
	unsigned method = 0;
	bool may_write = true;
	int users = 1;		// the descriptor and each VMA
	port_awaited awaited;
	port_account account;
	mutable port_misuser misuser;
};

struct port_space {
	fake::Lock gate{fake::Rank::kGate};	// who is inside, or has closed it; the gate itself is the core's
	std::atomic<unsigned> gate_waits{0}, gate_wakes{0};	// how often somebody began to wait at it, or was woken
	fake::Lock revoke{fake::Rank::kRevoke};
	fake::Lock leaf{fake::Rank::kLeaf};
	fake::Lock rmap{fake::Rank::kRmap};
	std::list<vm_area_struct *> mappings;
	std::list<fake::PendingMmap *> pending_mmaps;
};

struct port_mutex {
	fake::Lock lock{fake::Rank::kSession};
};

struct port_device {
	explicit port_device(unsigned long count) : pages{count}, words(count) {}

	unsigned long pages;
	std::vector<Word> words;
	unsigned cache = PTELAB_CACHE_UNCACHED;
	int holders = 0;
	bool plugged = true;
};

namespace fake {

// A process' addresses. Freed when nobody refers to it, as by mmdrop().
struct Mm {
	Lock mmap_lock{Rank::kMmap};
	std::map<unsigned long, vm_area_struct *> vmas;	// by start
	std::map<unsigned long, Pte> ptes;		// by address
	std::set<unsigned long> pmd_tables;		// where a PUD begins that has one: it stays when all that is in it goes
	std::set<unsigned long> early_tables;		// where a PMD begins whose page table was made before there was an entry
	unsigned long next = 0x10000000;		// where the next mapping goes
	std::atomic<int> references{1};
};

// In what kernels differ, as far as a driver can tell.
struct Personality {
	unsigned page_shift = 12;
	unsigned max_order = 10;
	unsigned long pmd_pages = 8;	// 0: no huge pages
	bool pmd_fits = true;
	unsigned long pud_pages = 64;
	unsigned long long features = PTELAB_HAS_ZAP_SPECIAL | PTELAB_HAS_ZAP_VMA | PTELAB_HAS_INSERT_PFN_PMD |
				      PTELAB_HAS_INSERT_FOLIO_PMD | PTELAB_HAS_INSERT_PFN_PUD;
	bool remap_leaves_ptes = true;	// remap_pfn_range() that fails half way leaves what it has set
	bool faults_under_vma_lock = false;
	bool adjacent_singles = false;	// single pages happen to lie in a row
};

class Kernel {
public:
	static Kernel &get();

	void boot(const Personality &personality);
	void shut_down();	// a bug if anything is left

	// The nth fallible port call from now on fails, 1 being the next; 0: none.
	void fail_call(unsigned long nth);
	bool call_failed() const { return failed_; }
	bool fails();

	unsigned shift() const { return personality_.page_shift; }
	unsigned long page_bytes() const { return 1UL << shift(); }
	unsigned long pmd_bytes() const { return personality_.pmd_pages << shift(); }
	unsigned long pud_bytes() const { return personality_.pud_pages << shift(); }
	const Personality &personality() const { return personality_; }

	page *allocate(unsigned long count, bool adjacent);	// count pages in a row, aligned to that, one reference each
	void get(page *page);
	void put(page *page);
	page *find_page(unsigned long pfn);	// nullptr: no RAM
	Word &word(unsigned long pfn);
	long live_pages() const { return live_pages_; }

	port_device *device(unsigned long pages);	// the one device, made at the first call
	port_device *device() { return device_.get(); }

	// Guards all that the models hold; never kept while a fake::Lock is waited for.
	std::recursive_mutex data;
	std::atomic<int> holes{0}, spaces{0}, mutexes{0}, counts{0}, vmas{0}, vmallocs{0}, pending_mmaps{0}, mms{0}, files{0};

	// What happens meanwhile, once; each may be empty.
	std::function<void()> on_retry;		// the fault's lock has been dropped
	std::function<void()> on_delay;		// ->fault sleeps
	std::function<void()> before_link;	// ->mmap or ->mmap_prepare has returned, the VMA is not in the rmap yet
	std::function<void()> before_action;	// the VMA is in the rmap, what ->mmap_prepare asked for is not done yet
	std::function<void()> before_zap;	// ->mmap has failed, what it inserted is still there
	std::function<void()> before_huge;	// nothing of the PMD is mapped, ->huge_fault is not called yet
	std::function<void()> before_fault;	// ->huge_fault has fallen back, ->fault is not called yet
	std::function<void()> on_wait_for_mmaps;	// port_space_wait_for_mmaps() is about to wait
	std::function<void()> before_pte;	// ->fault has given a page, its PTE is not set yet
	std::function<void()> on_alloc;		// a page of a region is about to be allocated
	std::function<void()> on_copy;		// bytes of the region are about to be read or written
	void meanwhile(std::function<void()> &what);
	std::atomic<bool> fatal_signal{false};	// for every thread
	static inline thread_local const std::atomic<bool> *killed_by = nullptr;	// and for this one
	bool killed() const { return fatal_signal || (killed_by && *killed_by); }
	std::atomic<unsigned> page_lock_waits{0};	// of faults, so far
	std::atomic<unsigned long> delayed_ms{0};

private:
	struct Block {
		unsigned long count;
		std::unique_ptr<page[]> pages;
	};

	Personality personality_;
	std::map<unsigned long, Block> blocks_;	// by first pfn; kept to the end, as the kernel's mem_map is
	unsigned long next_pfn_ = 0;
	long live_pages_ = 0;
	unsigned long until_failure_ = 0;
	bool failed_ = false;
	std::unique_ptr<port_device> device_;
};

inline constexpr unsigned long kDevicePfn = 0xfe000;

// fake_vma.cpp: what mm does to a VMA.
extern thread_local Mm *current;	// whose address space the calling thread has
void link(vm_area_struct *vma);
void unlink(vm_area_struct *vma);
void copied(vm_area_struct *vma);	// ->open
void gone(vm_area_struct *vma);		// ->close, but for the count
PendingMmap *pending_new(port_space *space, Mm *mm);
void pending_free(PendingMmap *pending);
bool is_cow(const vm_area_struct *vma);
void zap(vm_area_struct *vma, unsigned long start, unsigned long end, bool even_cows);
void set_pte(vm_area_struct *vma, unsigned long addr, unsigned long pfn, page *normal);
void must_be_in_mmap(const vm_area_struct *vma);
void must_be_in_fault(const vm_fault *vmf);
bool inside(const vm_area_struct *vma, unsigned long addr);
bool present(const vm_area_struct *vma, unsigned long addr);
unsigned long pmd_start(unsigned long addr);
unsigned long pud_start(unsigned long addr);
bool is_empty(const Mm *mm, unsigned long start, unsigned long bytes);
bool is_huge(const Mm *mm, unsigned long addr);	// there is an entry, and it is part of a huge leaf
bool pmd_is_none(const Mm *mm, unsigned long addr);
bool pud_is_none(const Mm *mm, unsigned long addr);
void alloc_pmd_table(Mm *mm, unsigned long addr);
void free_pmd_tables(Mm *mm, unsigned long start, unsigned long end);	// where no VMA is left
vm_area_struct *find_vma(Mm *mm, unsigned long addr);
void put_mm(Mm *mm);

} // namespace fake
