// SPDX-License-Identifier: GPL-2.0
// A /dev node: a method, and the region that files map which have none of their own.
#pragma once

#include "methods.hpp"
#include "mutex.hpp"
#include "region.hpp"

namespace ptelab {
namespace {

constexpr unsigned long kMaxPages = 65536;

class Node {
public:
	Node(unsigned method, unsigned long pages, Mutex mutex, Region *region)
		: method_{method}, pages_{pages}, mutex_{cxxrt::move(mutex)}, region_{region}
	{
		if (region_)
			count(1);
	}
	Node(const Node &) = delete;
	Node &operator=(const Node &) = delete;

	~Node()
	{
		if (!region_)
			return;
		count(-1);
		const auto last = cxxrt::Box<Region>::adopt(region_);
	}

	unsigned method() const { return method_; }

	// From the first file on, and for as long as the node lives; a device's from the beginning.
	Region *region() const
	{
		CXXRT_ASSERT(region_);
		return region_;
	}

	// For a file that is about to be opened. What nobody opens takes no memory, and a load no time for it. EINTR: killed.
	Result<void> ready()
	{
		if (!mutex_.lock_killable())
			return Errno::kIntr;
		auto made = region_ ? Result<void>{} : make();
		mutex_.unlock();
		return made;
	}

private:
	Result<void> make()
	{
		region_ = CXXRT_TRY(of_method()).release();
		count(1);
		return {};
	}

	void count(int sign) const
	{
		port_count(nullptr, PORT_NODE_REGIONS, sign);
		if (!region_->device())
			port_count(nullptr, PORT_NODE_PAGES, sign * static_cast<long long>(region_->count()));
	}

	// Where it must be one block, at most the largest that the kernel gives.
	Result<cxxrt::Box<Region>> of_method() const
	{
		const ptelab_traits &traits = kMethods.row[method_];
		const unsigned backing = traits.default_backing;
		if (traits.one_pmd && port_pmd_fits())
			return Region::of_ram(backing, port_pmd_pages(), nullptr);
		const bool compound = backing == PTELAB_BACKING_COMPOUND;
		const bool block = compound || backing == PTELAB_BACKING_SPLIT;
		const unsigned long most = block ? port_max_block_pages() : kMaxPages;
		const unsigned long count = pages_ < most ? pages_ : most;
		return Region::of_ram(backing, compound ? 1UL << (order_of(count + 1) - 1) : count, nullptr);
	}

	unsigned method_;
	unsigned long pages_;
	Mutex mutex_;
	Region *region_;	// or nullptr: no file was opened yet
};

} // namespace
} // namespace ptelab
