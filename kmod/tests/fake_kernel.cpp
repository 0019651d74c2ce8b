// SPDX-License-Identifier: GPL-2.0-or-later
// What there is one of: the machine, its memory, its device, its counts.
#include "fake_kernel.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cxxrt/hosted/hooks.hpp"

namespace fake {

Kernel &Kernel::get()
{
	static Kernel kernel;
	return kernel;
}

void Kernel::boot(const Personality &personality)
{
	personality_ = personality;
	blocks_.clear();
	next_pfn_ = 0x1000;
	device_.reset();
	for (auto &value : port_module_counts.value)
		value = 0;
	fail_call(0);
	cxxrt::hosted::fail_allocation(0);
	on_retry = on_delay = before_link = on_wait_for_mmaps = before_pte = nullptr;
	fatal_signal = false;
	delayed_ms = 0;
}

void Kernel::shut_down()
{
	const auto must = [](bool clean, const char *what) {
		if (!clean)
			bug(what);
	};
	must(!holds_any(), "a lock is held at the end");
	must(live_pages_ == 0, "pages are left");
	must(vmas == 0, "VMAs are left");
	must(pending_mmaps == 0, "pending_mmaps are left");
	must(files == 0, "files are left");
	must(spaces == 0, "spaces are left");
	must(holes == 0, "holes are left");
	must(mutexes == 0, "mutexes are left");
	must(counts == 0, "counts are left");
	must(vmallocs == 0, "vmalloc areas are left");
	must(mms == 0, "address spaces are left");
	must(cxxrt::hosted::live_blocks() == 0, "blocks of cxxrt_alloc are left");
	must(!device_ || device_->holders == 0, "the device is still held");
	const auto &count = port_module_counts.value;
	must(count[PORT_PAGES_ALLOCATED] == count[PORT_PAGES_FREED], "pages allocated are not pages freed");
	must(count[PORT_REGIONS] == 0 && count[PORT_FILES] == 0, "regions or files are still counted");
	must(count[PORT_MAPS] + count[PORT_OPENS] == count[PORT_CLOSES], "mappings are still counted");
}

void Kernel::fail_call(unsigned long nth)
{
	until_failure_ = nth;
	failed_ = false;
}

bool Kernel::fails()
{
	const std::lock_guard guard{data};
	if (until_failure_ == 0 || --until_failure_ != 0)
		return false;
	failed_ = true;
	return true;
}

void Kernel::meanwhile(std::function<void()> &what)
{
	std::function<void()> once;
	{
		const std::lock_guard guard{data};
		once = std::exchange(what, nullptr);
	}
	if (once)
		once();
}

page *Kernel::allocate(unsigned long count, bool adjacent)
{
	const std::lock_guard guard{data};
	if (!adjacent)
		next_pfn_++;
	next_pfn_ = (next_pfn_ + count - 1) & ~(std::bit_floor(count) - 1);
	Block block{count, std::make_unique<page[]>(count)};
	page *const first = block.pages.get();
	for (unsigned long i = 0; i < count; i++) {
		first[i].pfn = next_pfn_ + i;
		first[i].head = &first[i];
		first[i].refs = 1;
	}
	blocks_.emplace(next_pfn_, std::move(block));
	next_pfn_ += count;
	live_pages_ += static_cast<long>(count);
	return first;
}

void Kernel::get(page *page)
{
	const std::lock_guard guard{data};
	if (page->head->refs <= 0)
		bug("a reference to a free page is taken");
	page->head->refs++;
}

void Kernel::put(page *page)
{
	const std::lock_guard guard{data};
	::page *const head = page->head;
	if (head->refs <= 0)
		bug("a free page is freed");
	if (--head->refs > 0)
		return;
	for (unsigned long i = 0; i < 1UL << head->order; i++) {
		if (head[i].special)
			bug("a page is freed that a special PTE still maps");
		if (head[i].lock.mine())
			bug("a locked page is freed");
	}
	live_pages_ -= 1L << head->order;
}

page *Kernel::find_page(unsigned long pfn)
{
	const std::lock_guard guard{data};
	auto after = blocks_.upper_bound(pfn);
	if (after == blocks_.begin())
		return nullptr;
	const auto &[first, block] = *--after;
	return pfn - first < block.count ? &block.pages[pfn - first] : nullptr;
}

Word &Kernel::word(unsigned long pfn)
{
	if (page *const ram = find_page(pfn)) {
		if (ram->head->refs <= 0)
			bug("a free page is accessed");
		return ram->word;
	}
	if (!device_ || pfn < kDevicePfn || pfn - kDevicePfn >= device_->pages)
		bug("a pfn is accessed behind which there is nothing");
	if (!device_->plugged)
		bug("a device is accessed that is no longer there");
	return device_->words[pfn - kDevicePfn];
}

port_device *Kernel::device(unsigned long pages)
{
	if (!device_)
		device_ = std::make_unique<port_device>(pages);
	return device_.get();
}

} // namespace fake

using fake::Kernel;
using fake::bug;

unsigned int port_page_shift()
{
	return Kernel::get().shift();
}

unsigned long port_max_block_pages()
{
	return 1UL << Kernel::get().personality().max_order;
}

unsigned long long port_features()
{
	return Kernel::get().personality().features;
}

page *port_page_alloc()
{
	Kernel::get().meanwhile(Kernel::get().on_alloc);
	Kernel &kernel = Kernel::get();
	return kernel.fails() ? nullptr : kernel.allocate(1, kernel.personality().adjacent_singles);
}

page *port_compound_alloc(unsigned int order)
{
	Kernel &kernel = Kernel::get();
	if (order > kernel.personality().max_order || kernel.fails())
		return nullptr;
	page *const head = kernel.allocate(1UL << order, false);
	for (unsigned long i = 1; i < 1UL << order; i++) {
		head[i].head = head;
		head[i].refs = 0;
	}
	head->order = order;
	return head;
}

page *port_block_alloc(unsigned int order)
{
	Kernel &kernel = Kernel::get();
	if (order > kernel.personality().max_order || kernel.fails())
		return nullptr;
	return kernel.allocate(1UL << order, false);
}

void port_page_free(page *page)
{
	if (page->head->order)
		bug("a compound page is freed as a single one");
	Kernel::get().put(page);
}

void port_compound_free(page *page, unsigned int order)
{
	if (page->head != page || page->order != order)
		bug("a compound page is freed with another order");
	Kernel::get().put(page);
}

namespace {

struct Vmalloc {
	std::vector<page *> pages;
};

} // namespace

void *port_vmalloc(unsigned long pages)
{
	Kernel &kernel = Kernel::get();
	if (kernel.fails())
		return nullptr;
	auto *const area = new Vmalloc;
	for (unsigned long i = 0; i < pages; i++)
		area->pages.push_back(kernel.allocate(1, false));
	kernel.vmallocs++;
	return area;
}

void port_vfree(void *memory)
{
	const std::unique_ptr<Vmalloc> area{static_cast<Vmalloc *>(memory)};
	for (page *const one : area->pages)
		Kernel::get().put(one);
	Kernel::get().vmallocs--;
}

// mm/vmalloc.c: remap_vmalloc_range_partial
int port_remap_vmalloc(vm_area_struct *vma, void *memory, unsigned long pgoff)
{
	auto &pages = static_cast<Vmalloc *>(memory)->pages;
	const unsigned long wanted = (vma->end - vma->start) >> Kernel::get().shift();
	if (pgoff > pages.size() || wanted > pages.size() - pgoff)
		return -EINVAL;
	if (const int error = port_insert_pages(vma, vma->start, pages.data() + pgoff, wanted))
		return error;
	vma->dont_expand = true;
	return 0;
}

page *port_vmalloc_page(const void *memory, unsigned long index)
{
	return static_cast<const Vmalloc *>(memory)->pages.at(index);
}

page *port_page_nth(page *first, unsigned long index)
{
	page *const found = Kernel::get().find_page(first->pfn + index);
	if (found != first + index)
		bug("a page past the end of its block is asked for");
	return found;
}

unsigned long port_page_pfn(const page *page)
{
	return page->pfn;
}

void port_page_get(page *page)
{
	Kernel::get().get(page);
}

namespace {

// All of a page that there is, its word, is at its start; the rest is zeros, whatever is written.
void copy_word(Word &word, unsigned long offset, void *buffer, unsigned long bytes, bool write)
{
	Kernel::get().meanwhile(Kernel::get().on_copy);
	std::uint64_t value = word;
	const unsigned long most = offset < sizeof(value) ? std::min(bytes, sizeof(value) - offset) : 0;
	auto *const place = reinterpret_cast<unsigned char *>(&value) + (most ? offset : 0);
	if (write) {
		std::memcpy(place, buffer, most);
		word = value;
		return;
	}
	std::memset(buffer, 0, bytes);
	std::memcpy(buffer, place, most);
}

} // namespace

void port_page_copy(page *page, unsigned long offset, void *buffer, unsigned long bytes, bool write)
{
	{
		const std::lock_guard guard{Kernel::get().data};
		if (page->head->refs <= 0)
			bug("the bytes of a free page are touched");
	}
	copy_word(page->word, offset, buffer, bytes, write);
}

int port_device_copy(port_device *device, unsigned long long offset, void *buffer, unsigned long bytes, bool write)
{
	const unsigned shift = Kernel::get().shift();
	if (!device->plugged)
		return -ENODEV;
	copy_word(device->words.at(offset >> shift), offset & ((1UL << shift) - 1), buffer, bytes, write);
	return 0;
}

unsigned long port_device_pages(const port_device *device)
{
	return device->pages;
}

unsigned long port_device_pfn(const port_device *)
{
	return fake::kDevicePfn;
}

port_device *port_hole_new()
{
	Kernel &kernel = Kernel::get();
	if (kernel.fails())
		return nullptr;
	kernel.holes++;
	return new port_device{kernel.personality().pud_pages};
}

void port_hole_free(port_device *device)
{
	if (device->holders)
		bug("a hole is freed while held");
	Kernel::get().holes--;
	delete device;
}

int port_device_hold(port_device *device, unsigned int cache)
{
	Kernel &kernel = Kernel::get();
	const std::lock_guard guard{kernel.data};
	if (!device->plugged)
		return -ENODEV;
	if (cache != device->cache && device->holders)
		return -EBUSY;
	// Another type takes another mapping of the kernel's own, for which there may be no memory.
	if (cache != device->cache && kernel.fails())
		return -ENOMEM;
	device->cache = cache;
	device->holders++;
	return 0;
}

void port_device_drop(port_device *device)
{
	const std::lock_guard guard{Kernel::get().data};
	if (device->holders-- <= 0)
		bug("the device is dropped more often than held");
}

port_mutex *port_mutex_new()
{
	if (Kernel::get().fails())
		return nullptr;
	Kernel::get().mutexes++;
	return new port_mutex;
}

void port_mutex_free(port_mutex *mutex)
{
	if (mutex->lock.mine())
		bug("a held mutex is freed");
	Kernel::get().mutexes--;
	delete mutex;
}

bool port_mutex_lock_killable(port_mutex *mutex)
{
	return mutex->lock.lock(&Kernel::get().fatal_signal);
}

void port_mutex_lock(port_mutex *mutex)
{
	mutex->lock.lock();
}

void port_mutex_unlock(port_mutex *mutex)
{
	mutex->lock.unlock();
}

port_counts port_module_counts;

port_counts *port_counts_new()
{
	if (Kernel::get().fails())
		return nullptr;
	Kernel::get().counts++;
	return new port_counts{};
}

void port_counts_free(port_counts *counts)
{
	Kernel::get().counts--;
	delete counts;
}

unsigned long long port_count(port_counts *counts, port_count_kind which, long long delta)
{
	const auto add = [&](port_counts &to) { return __atomic_add_fetch(&to.value[which], delta, __ATOMIC_RELAXED); };
	const long long all = add(port_module_counts);
	return static_cast<unsigned long long>(counts ? add(*counts) : all);
}

unsigned long long port_count_read(const port_counts *counts, port_count_kind which)
{
	const port_counts &from = counts ? *counts : port_module_counts;
	return static_cast<unsigned long long>(__atomic_load_n(&from.value[which], __ATOMIC_RELAXED));
}
