// SPDX-License-Identifier: GPL-2.0
// What a node or an open file maps: memory, the space in which its mappings are found, and whether they may be filled now.
// All but the gate's state is fixed once made, so the fault path passes the gate and takes no lock.
#pragma once

#include "gate.hpp"
#include "pages.hpp"

namespace ptelab {
namespace {

// That a file has revoked a region, up to the next RESTORE of it.
struct Revocation {
	bool held = false;
	unsigned long long restores = 0;	// of the region, when it did
};

class Region {
public:
	static Result<cxxrt::Box<Region>> of_ram(unsigned backing, unsigned long count, port_counts *counts)
	{
		return make(CXXRT_TRY(Pages::make(backing, count, counts)), nullptr);
	}

	static Result<cxxrt::Box<Region>> of_device(port_device *device) { return make(Pages::none(PTELAB_BACKING_DEVICE), device); }

	static Result<cxxrt::Box<Region>> of_hole()
	{
		port_device *const hole = port_hole_new();
		if (!hole)
			return Errno::kNoMem;
		auto region = make(Pages::none(PTELAB_BACKING_HOLE), hole);
		if (!region.ok())
			port_hole_free(hole);
		return region;
	}

	Region(Pages &&pages, port_device *device, port_space *space)
		: pages_{cxxrt::move(pages)}, device_{device}, space_{space}, gate_{space}
	{
		port_count(nullptr, PORT_REGIONS, 1);
	}
	Region(const Region &) = delete;
	Region &operator=(const Region &) = delete;

	~Region()
	{
		port_space_free(space_);
		if (backing() == PTELAB_BACKING_HOLE)
			port_hole_free(device_);
		port_count(nullptr, PORT_REGIONS, -1);
	}

	unsigned backing() const { return pages_.backing(); }
	unsigned long count() const { return device_ ? port_device_pages(device_) : pages_.count(); }
	bool contiguous() const { return device_ || pages_.contiguous(); }
	// A hole is mapped by one entry: as a whole or not at all.
	bool divisible() const { return backing() != PTELAB_BACKING_HOLE; }
	port_device *device() const { return device_; }
	port_space *space() const { return space_; }

	// RAM only.
	page *at(unsigned long index) const { return pages_[index]; }

	// Of PTELAB_BACKING_SINGLE: all of them, for as long as the region lives. Else nullptr.
	page **singles() const { return pages_.singles(); }

	void *memory() const { return pages_.memory(); }

	unsigned long pfn(unsigned long index) const
	{
		return device_ ? port_device_pfn(device_) + index : port_page_pfn(pages_[index]);
	}

	// How many pages from index on, at most limit, are physically in a row.
	unsigned long run(unsigned long index, unsigned long limit) const
	{
		if (contiguous())
			return limit;
		unsigned long length = 1;
		while (length < limit && pfn(index + length) == pfn(index) + length)
			length++;
		return length;
	}

	// 1 + the index of the page with this pfn, or 0. expected is where it should be, and is looked at first.
	unsigned long find(unsigned long wanted, unsigned long expected) const
	{
		if (expected < count() && pfn(expected) == wanted)
			return expected + 1;
		if (contiguous())
			return wanted >= pfn(0) && wanted - pfn(0) < count() ? wanted - pfn(0) + 1 : 0;
		for (unsigned long index = 0; index < count(); index++)
			if (pfn(index) == wanted)
				return index + 1;
		return 0;
	}

	GateState &gate() const { return gate_; }

	// Runs use(gate) while nobody can close the gate, or answers revoked if it is closed, or if the task is killed before it knows.
	template <typename F>
	auto pass(F &&use, decltype(use(*static_cast<const Gate *>(nullptr))) revoked) const
	{
		return gate_.pass(use, cxxrt::move(revoked));
	}

	// Runs see(restores) while nobody can open or close the gate, whichever it is. No insert: that takes a Gate.
	template <typename F>
	auto steady(F &&see, decltype(see(0ULL)) killed) const
	{
		if (!gate_.enter())
			return killed;
		auto result = see(gate_.restores());
		gate_.leave();
		return result;
	}

	// A page with a reference of its own, which outlives drop(); nullptr: revoked, or dropped.
	page *get(unsigned long index) const
	{
		return pass(
			[&](const Gate &) {
				port_page_get(at(index));
				return at(index);
			},
			nullptr);
	}

	// Runs decide() while nobody else fills a PMD of this region's that may be mapped as a whole.
	template <typename F>
	auto leaf(F &&decide) const
	{
		port_space_leaf_lock(space_);
		auto result = decide();
		port_space_leaf_unlock(space_);
		return result;
	}

	// pass() for a caller in C. false: revoked or killed, and the gate is not held.
	bool enter() const
	{
		if (!gate_.enter())
			return false;
		if (!revoked())
			return true;
		gate_.leave();
		return false;
	}
	void leave() const { gate_.leave(); }

	// May have changed when it is told. Not by the gate, where a REVOKE under way would have to be waited for: who needs to know more
	// holds a page's lock, which REVOKE takes after it has closed the gate.
	bool revoked() const { return gate_.revoked(); }

	void unmap(unsigned long long offset, unsigned long long bytes, bool even_cows) const
	{
		port_space_unmap(space_, offset, bytes, even_cows);
	}

	// Killed while it waits: EINTR, and nothing is revoked that was not before. Remembered in mine, until the next RESTORE.
	Result<void> revoke(Revocation &mine)
	{
		return exclusively(true, [&]() -> Result<void> {
			const bool was_open = !revoked();
			if (!close(false, true)) {
				undo(was_open);
				return Errno::kIntr;
			}
			if (!mine.held || mine.restores != gate_.restores())
				revokers_++;
			mine = {true, gate_.restores()};
			return {};
		});
	}

	// The file that revoked it goes, or is to have another region: with the last of them that ends.
	Result<void> withdraw(Revocation &mine, bool killable)
	{
		if (!mine.held)
			return {};
		return exclusively(killable, [&]() -> Result<void> {
			const bool is_of_now = mine.restores == gate_.restores();
			if (is_of_now && revokers_ == 1 && !dead_) {
				if (!reopen(killable))
					return Errno::kIntr;
			} else if (is_of_now) {
				revokers_--;
			}
			mine = {};
			return {};
		});
	}

	// The device goes: nothing restores it.
	void kill()
	{
		(void)exclusively(false, [&]() -> Result<void> {
			close(true, false);
			return {};
		});
	}

	// The pages go back to the kernel as soon as nothing maps them. What is mapped stays so.
	Result<void> drop()
	{
		return exclusively(true, [&]() -> Result<void> {
			if (dead_)
				return {};
			const bool was_open = !revoked();
			// ->mmap_prepare has handed out the pages, and not by the gate.
			if (!shut(false, true) || !port_space_wait_for_mmaps(space_, true)) {
				undo(was_open);
				return Errno::kIntr;
			}
			dead_ = true;
			pages_.drop();
			return {};
		});
	}

	Result<void> restore()
	{
		return exclusively(true, [&]() -> Result<void> {
			if (dead_)
				return Errno::kNoDev;
			return !revoked() || reopen(true) ? Result<void>{} : Errno::kIntr;
		});
	}

private:
	static Result<cxxrt::Box<Region>> make(Pages pages, port_device *device)
	{
		port_space *space = port_space_new();
		if (!space)
			return Errno::kNoMem;
		auto region = cxxrt::Box<Region>::make(cxxrt::move(pages), device, space);
		if (!region.ok())
			port_space_free(space);
		return region;
	}

	template <typename F>
	Result<void> exclusively(bool killable, F &&act)
	{
		if (!port_space_revoke_lock(space_, killable))
			return Errno::kIntr;
		const auto result = act();
		port_space_revoke_unlock(space_);
		return result;
	}

	// What was unmapped meanwhile is filled again on access. Waits for those who are passing a gate that is revoked: they look and leave.
	bool reopen(bool killable)
	{
		if (!gate_.close(killable))
			return false;
		gate_.restore();
		revokers_ = 0;
		gate_.open();
		return true;
	}

	// Killed before the gate was closed, there is nothing to open again, and nobody to wait for.
	void undo(bool was_open)
	{
		if (was_open && revoked())
			(void)reopen(false);
	}

	// No new fault is served, and those that passed the gate before have set their PTE, or hold the page's lock until
	// they have. false: killed, and the gate is closed or not.
	bool shut(bool dead, bool killable)
	{
		if (!gate_.close(killable))
			return false;
		const bool gone = dead_;
		gate_.revoke();
		dead_ |= dead;
		gate_.open();
		if (!device_ && !gone)
			for (unsigned long i = 0; i < count(); i++)
				if (!port_space_page_barrier(at(i), killable))
					return false;
		return true;
	}

	// Then the PTEs go; and once the mmap calls under way have linked what they filled, that goes too.
	bool close(bool dead, bool killable)
	{
		if (!shut(dead, killable))
			return false;
		unmap_all();
		if (!port_space_wait_for_mmaps(space_, killable))
			return false;
		unmap_all();
		return true;
	}

	// To the end of what can be mapped: a private remap_pfn_range() has its pfn as vm_pgoff (mm/memory.c: remap_pfn_range).
	void unmap_all() const { unmap(0, 0, true); }

	Pages pages_;
	port_device *device_;	// or nullptr: RAM
	port_space *space_;
	mutable GateState gate_;	// who only reads what the region is passes it, too
	bool dead_ = false;	// the memory is gone for good; the revoke mutex guards it, as what follows
	unsigned revokers_ = 0;	// files whose Revocation is of now
};

} // namespace
} // namespace ptelab
