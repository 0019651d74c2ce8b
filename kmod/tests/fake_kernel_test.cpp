// SPDX-License-Identifier: GPL-2.0-or-later
// The fake tells when it is misused: a check that never fires checks nothing.
#include "cxxrt/tests/bug.hpp"

#include "lab_test.hpp"

TEST_SUITE_BEGIN("fake kernel");

namespace {

// A VMA inside ->mmap, and a fault on it, without a core in between.
class Bench {
public:
	Bench()
	{
		mm_.mmap_lock.lock();
		vma.mm = &mm_;
		vma.start = 0x10000;
		vma.end = 0x14000;
		vma.may_write = vma.write = true;
		vma.in_mmap = true;
	}
	void fault()
	{
		vma.in_mmap = false;
		mm_.mmap_lock.unlock();
		mm_.mmap_lock.lock_shared();
	}
	vm_fault at(unsigned long addr, bool write = false) { return {&vma, addr, write, true, false}; }

	vm_area_struct vma;

private:
	fake::Mm mm_;
};

template <typename F>
bool bug_on_bench(F &&act)
{
	return is_bug([&] {
		Kernel::get().boot({});
		Bench bench;
		act(bench);
	});
}

unsigned long ram()
{
	return port_page_alloc()->pfn;
}

} // namespace

TEST_CASE("bare pfns need VM_PFNMAP, or VM_MIXEDMAP and no RAM, and never a private mapping")
{
	const auto inserts = [](auto &&prepare) {
		return bug_on_bench([&](Bench &bench) {
			prepare(bench.vma);
			bench.fault();
			vm_fault vmf = bench.at(0x11000);
			port_fault_insert_pfn(&vmf, ram());
		});
	};
	CHECK(inserts([](vm_area_struct &) {}));
	CHECK(inserts([](vm_area_struct &vma) { port_vma_make_pfnmap(&vma); }));
	CHECK_FALSE(inserts([](vm_area_struct &vma) {
		vma.shared = true;
		port_vma_make_pfnmap(&vma);
	}));
	CHECK(inserts([](vm_area_struct &vma) {
		vma.shared = true;
		port_vma_make_pfnmap(&vma);
		port_vma_make_mixedmap(&vma);
	}));
	CHECK(inserts([](vm_area_struct &vma) { port_vma_make_mixedmap(&vma); }));
}

TEST_CASE("vm_insert_page() needs VM_MIXEDMAP at a fault, and never goes with VM_PFNMAP")
{
	const auto at_fault = [](bool mixed) {
		return bug_on_bench([&](Bench &bench) {
			if (mixed)
				port_vma_make_mixedmap(&bench.vma);
			bench.fault();
			vm_fault vmf = bench.at(0x11000);
			port_fault_insert_page(&vmf, port_page_alloc());
		});
	};
	CHECK(at_fault(false));
	CHECK_FALSE(at_fault(true));
	const auto at_mmap = [](bool pfn) {
		return bug_on_bench([&](Bench &bench) {
			if (pfn)
				port_vma_make_pfnmap(&bench.vma);
			port_insert_page(&bench.vma, 0x10000, port_page_alloc());
		});
	};
	CHECK(at_mmap(true));
	CHECK_FALSE(at_mmap(false));
}

TEST_CASE("a remap is of whole pages, at least one, inside the VMA, and over nothing")
{
	const auto remap = [](unsigned long addr, unsigned long bytes, int times = 1) {
		return bug_on_bench([&](Bench &bench) {
			bench.vma.shared = true;
			for (int i = 0; i < times; i++)
				port_remap(&bench.vma, addr, 0x1001, bytes);
		});
	};
	CHECK_FALSE(remap(0x10000, 0x4000));
	CHECK(remap(0x10000, 0));
	CHECK(remap(0x10000, 0x800));
	CHECK(remap(0x10800, 0x1000));
	CHECK(remap(0x10000, 0x5000));
	CHECK(remap(0x10000, 0x1000, 2));
}

TEST_CASE("vm_insert_pages() and its kin never go with VM_PFNMAP, and need VM_MIXEDMAP at a fault")
{
	const auto at_fault = [](bool mixed) {
		return bug_on_bench([&](Bench &bench) {
			if (mixed)
				port_vma_make_mixedmap(&bench.vma);
			bench.fault();
			vm_fault vmf = bench.at(0x11000);
			page *page = port_page_alloc();
			port_fault_insert_pages(&vmf, &page, 1);
		});
	};
	CHECK(at_fault(false));
	CHECK_FALSE(at_fault(true));
	const auto at_mmap = [](bool pfn) {
		return bug_on_bench([&](Bench &bench) {
			if (pfn)
				port_vma_make_pfnmap(&bench.vma);
			page *page = port_page_alloc();
			port_insert_pages(&bench.vma, 0x10000, &page, 1);
		});
	};
	CHECK(at_mmap(true));
	CHECK_FALSE(at_mmap(false));
}

TEST_CASE("vmf_insert_mixed() needs VM_MIXEDMAP")
{
	const auto inserts = [](void (*prepare)(vm_area_struct *)) {
		return bug_on_bench([&](Bench &bench) {
			bench.vma.shared = true;
			prepare(&bench.vma);
			bench.fault();
			vm_fault vmf = bench.at(0x11000);
			port_fault_insert_mixed(&vmf, port_page_alloc());
		});
	};
	CHECK(inserts(port_vma_forbid_exec));
	CHECK(inserts(port_vma_make_pfnmap));
	CHECK_FALSE(inserts(port_vma_make_mixedmap));
}

TEST_CASE("a huge leaf lies inside the VMA, has an aligned pfn, and no small entry comes below it")
{
	const auto inserts = [](unsigned long end, unsigned long off, bool pfnmap = true, bool then_small = false) {
		return bug_on_bench([&](Bench &bench) {
			bench.vma.shared = true;
			bench.vma.end = end;
			if (pfnmap)
				port_vma_make_pfnmap(&bench.vma);
			bench.fault();
			vm_fault vmf = bench.at(0x11000);
			port_fault_insert_pfn_pmd(&vmf, port_block_alloc(4)->pfn + off);
			if (then_small)
				port_fault_insert_pfn(&vmf, ram());
		});
	};
	CHECK_FALSE(inserts(0x18000, 0));
	CHECK(inserts(0x17000, 0));
	CHECK(inserts(0x18000, 1));
	CHECK(inserts(0x18000, 0, false));
	CHECK(inserts(0x18000, 0, true, true));
}

TEST_CASE("a folio for a huge leaf has a PMD's order, and is not written through a private mapping")
{
	const auto inserts = [](unsigned order, unsigned long tail, bool shared, bool write) {
		return bug_on_bench([&](Bench &bench) {
			bench.vma.shared = shared;
			bench.vma.end = 0x18000;
			bench.fault();
			vm_fault vmf = bench.at(0x11000, write);
			port_fault_insert_folio_pmd(&vmf, port_page_nth(port_compound_alloc(order), tail));
		});
	};
	CHECK_FALSE(inserts(3, 0, true, true));
	CHECK_FALSE(inserts(3, 0, false, false));
	CHECK(inserts(3, 0, false, true));
	CHECK_FALSE(inserts(4, 0, true, true));	// of another order: refused
	CHECK_FALSE(inserts(2, 0, true, true));
	CHECK(inserts(3, 1, true, true));
}

TEST_CASE("a page is given with a reference that is its own")
{
	CHECK(bug_on_bench([](Bench &bench) {
		bench.fault();
		vm_fault vmf = bench.at(0x11000);
		page *const page = port_page_alloc();
		port_page_free(page);
		port_fault_give(&vmf, page);
	}));
	CHECK(is_bug([] {
		page *const page = port_page_alloc();
		port_page_free(page);
		port_page_get(page);
	}));
}

TEST_CASE("a VMA is changed in ->mmap only")
{
	const auto after_mmap = [](void (*change)(vm_area_struct *)) {
		return bug_on_bench([&](Bench &bench) {
			bench.fault();
			change(&bench.vma);
		});
	};
	CHECK(after_mmap(port_vma_make_pfnmap));
	CHECK(after_mmap(port_vma_make_mixedmap));
	CHECK(after_mmap(port_vma_forbid_exec));
	CHECK(after_mmap(port_vma_abandon));
	CHECK_FALSE(bug_on_bench([](Bench &bench) { port_vma_make_pfnmap(&bench.vma); }));
}

TEST_CASE("a page that a bare pfn still maps may not be freed")
{
	CHECK(bug_on_bench([](Bench &bench) {
		bench.vma.shared = true;
		page *const page = port_page_alloc();
		port_remap(&bench.vma, 0x10000, page->pfn, 0x1000);
		port_page_free(page);
	}));
	CHECK_FALSE(bug_on_bench([](Bench &bench) {
		bench.vma.shared = true;
		page *const page = port_page_alloc();
		port_remap(&bench.vma, 0x10000, page->pfn, 0x1000);
		fake::zap(&bench.vma, 0x10000, 0x11000, true);
		port_page_free(page);
	}));
	CHECK(is_bug([] {
		page *const page = port_page_alloc();
		port_page_free(page);
		port_page_free(page);
	}));
}

TEST_CASE("locks are taken in order, once, and not kept where port.h forbids it")
{
	const auto in_order = [](fake::Rank first, fake::Rank second) {
		return !is_bug([&] {
			fake::Lock one{first}, other{second};
			one.lock();
			other.lock_shared();
			other.unlock_shared();
			one.unlock();
		});
	};
	CHECK(in_order(fake::Rank::kMmap, fake::Rank::kSession));
	CHECK_FALSE(in_order(fake::Rank::kSession, fake::Rank::kMmap));
	CHECK_FALSE(in_order(fake::Rank::kGate, fake::Rank::kGate));
	CHECK(is_bug([] {
		fake::Lock lock{fake::Rank::kGate};
		lock.lock_shared();
		lock.lock_shared();
	}));
	CHECK(is_bug([] {
		fake::Lock lock{fake::Rank::kGate};
		lock.lock_shared();
		lock.unlock();
	}));
	const auto close_gate = [](bool with_mmap_lock) {
		return is_bug([&] {
			Kernel::get().boot({});
			fake::Mm mm;
			port_space *const space = port_space_new();
			(void)port_space_revoke_lock(space, false);
			if (with_mmap_lock)
				mm.mmap_lock.lock_shared();
			port_space_gate_acquire(space, true);
			port_space_gate_release(space);
			port_space_revoke_unlock(space);
		});
	};
	CHECK(close_gate(true));
	CHECK_FALSE(close_gate(false));
}

TEST_CASE("what a test leaves behind is a bug at its end")
{
	const auto left = [](auto &&leave) {
		return is_bug([&] {
			Kernel::get().boot({});
			leave();
			Kernel::get().shut_down();
		});
	};
	CHECK_FALSE(left([] {}));
	CHECK(left([] { port_page_alloc(); }));
	CHECK(left([] { port_space_new(); }));
	CHECK(left([] { port_mutex_new(); }));
	CHECK(left([] { port_counts_new(); }));
	CHECK(left([] { port_vmalloc(0); }));
	CHECK(left([] { port_count(nullptr, PORT_MAPS, 1); }));
	CHECK(left([] { port_device_hold(Kernel::get().device(1), PTELAB_CACHE_UNCACHED); }));
	CHECK(left([] {
		port_space *const space = port_space_new();
		port_space_gate_acquire(space, false);
	}));
}

TEST_CASE("the nth call fails, and only that one")
{
	Kernel::get().boot({});
	Kernel::get().fail_call(2);
	page *const first = port_page_alloc();
	CHECK(first != nullptr);
	CHECK_FALSE(Kernel::get().call_failed());
	CHECK(port_page_alloc() == nullptr);
	CHECK(Kernel::get().call_failed());
	page *const third = port_page_alloc();
	CHECK(third != nullptr);
	port_page_free(first);
	port_page_free(third);
	Kernel::get().shut_down();
}

TEST_SUITE_END();
