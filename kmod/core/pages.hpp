// SPDX-License-Identifier: GPL-2.0
// The memory of a region: all of it or nothing. Zeroed when made, given back when destroyed; pages that somebody has pinned
// live on until they are unpinned, as each allocation's own reference is all that is dropped here.
#pragma once

#include "cxxrt/badge.hpp"
#include "cxxrt/box.hpp"
#include "cxxrt/checked.hpp"
#include "cxxrt/result.hpp"
#include "cxxrt/utility.hpp"
#include "kmod/core.h"

namespace ptelab {
namespace {

using cxxrt::Errno;
using cxxrt::Result;

// The order of the smallest block that holds so many pages.
constexpr unsigned order_of(unsigned long pages)
{
	unsigned order = 0;
	while ((1UL << order) < pages)
		order++;
	return order;
}

class Pages {
public:
	static Result<Pages> make(unsigned backing, unsigned long count, port_counts *counts)
	{
		Pages pages{backing, count};
		CXXRT_TRY(pages.allocate());
		pages.counts_ = counts;
		port_count(counts, PORT_PAGES_ALLOCATED, static_cast<long long>(count));
		return pages;
	}

	// For a region whose memory is a device's.
	static Pages none(unsigned backing) { return Pages{backing, 0}; }

	Pages(Pages &&other)
		: backing_{other.backing_}, count_{other.count_}, have_{cxxrt::exchange(other.have_, 0UL)},
		  singles_{cxxrt::exchange(other.singles_, nullptr)}, block_{cxxrt::exchange(other.block_, nullptr)},
		  memory_{cxxrt::exchange(other.memory_, nullptr)}, counts_{other.counts_}
	{
	}
	Pages &operator=(Pages &&) = delete;

	~Pages()
	{
		if (have_ == count_)
			port_count(counts_, PORT_PAGES_FREED, static_cast<long long>(count_));
		release();
	}

	// Give up every page now; those that are mapped live on in the page tables. Only pages that were allocated alone.
	void drop()
	{
		CXXRT_ASSERT(backing_ == PTELAB_BACKING_SINGLE);
		port_count(counts_, PORT_PAGES_FREED, static_cast<long long>(have_));
		while (have_) {
			(void)port_pause();
			port_page_free(singles_[--have_]);
		}
	}

	unsigned backing() const { return backing_; }
	unsigned long count() const { return count_; }
	bool contiguous() const { return block_ != nullptr; }

	// Of PTELAB_BACKING_SINGLE, else nullptr.
	page **singles() const { return singles_; }

	// Of PTELAB_BACKING_VMALLOC.
	void *memory() const { return memory_; }

	page *operator[](unsigned long index) const
	{
		CXXRT_ASSERT(index < count_);
		switch (backing_) {
		case PTELAB_BACKING_SINGLE:
			return singles_[index];
		case PTELAB_BACKING_VMALLOC:
			return port_vmalloc_page(memory_, index);
		default:
			return port_page_nth(block_, index);
		}
	}

private:
	Pages(unsigned backing, unsigned long count) : backing_{backing}, count_{count} {}

	Result<void> allocate()
	{
		switch (backing_) {
		case PTELAB_BACKING_SINGLE:
			return allocate_singles();
		case PTELAB_BACKING_COMPOUND:
			block_ = port_compound_alloc(order_of(count_));
			break;
		case PTELAB_BACKING_SPLIT:
			allocate_split();
			break;
		case PTELAB_BACKING_VMALLOC:
			memory_ = port_vmalloc(count_);
			break;
		default:
			return Errno::kInval;
		}
		if (!block_ && !memory_)
			return Errno::kNoMem;
		have_ = count_;
		return {};
	}

	Result<void> allocate_singles()
	{
		const auto bytes = CXXRT_TRY(cxxrt::checked_mul(count_, sizeof(page *)));
		singles_ = static_cast<page **>(cxxrt_alloc(bytes));
		if (!singles_)
			return Errno::kNoMem;
		for (; have_ < count_; have_++) {
			// A victim of the OOM killer takes no more out of the reserves.
			if (!port_pause())
				return Errno::kIntr;
			singles_[have_] = port_page_alloc();
			if (!singles_[have_])
				return Errno::kNoMem;
		}
		return {};
	}

	// What the power of two has too much goes back at once.
	void allocate_split()
	{
		const unsigned order = order_of(count_);
		block_ = port_block_alloc(order);
		if (!block_)
			return;
		for (unsigned long extra = count_; extra < (1UL << order); extra++)
			port_page_free(port_page_nth(block_, extra));
	}

	void release()
	{
		if (singles_) {
			for (unsigned long i = 0; i < have_; i++) {
				(void)port_pause();
				port_page_free(singles_[i]);
			}
			cxxrt_free(singles_);
		}
		if (block_ && backing_ == PTELAB_BACKING_COMPOUND)
			port_compound_free(block_, order_of(count_));
		else if (block_)
			for (unsigned long i = 0; i < count_; i++)
				port_page_free(port_page_nth(block_, i));
		if (memory_)
			port_vfree(memory_);
	}

	unsigned backing_;
	unsigned long count_;
	unsigned long have_ = 0;	// of count_: fewer only while allocate_singles() is at work
	page **singles_ = nullptr;
	page *block_ = nullptr;
	void *memory_ = nullptr;
	port_counts *counts_ = nullptr;
};

} // namespace
} // namespace ptelab
