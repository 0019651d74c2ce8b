// SPDX-License-Identifier: GPL-2.0
// An open file: which region it maps, how its faults are answered, and the ioctls that ask and change that.
#pragma once

#include "cxxrt/guarded.hpp"
#include "hook_plan.hpp"
#include "methods.hpp"

namespace ptelab {
namespace {

constexpr unsigned long kMaxPages = 65536;

class Mutex {
public:
	static Result<Mutex> make()
	{
		port_mutex *const mutex = port_mutex_new();
		if (!mutex)
			return Errno::kNoMem;
		return Mutex{mutex};
	}

	Mutex(Mutex &&other) : mutex_{cxxrt::exchange(other.mutex_, nullptr)} {}
	Mutex &operator=(Mutex &&) = delete;
	~Mutex()
	{
		if (mutex_)
			port_mutex_free(mutex_);
	}
	void lock() { port_mutex_lock(mutex_); }
	void unlock() { port_mutex_unlock(mutex_); }

private:
	explicit Mutex(port_mutex *mutex) : mutex_{mutex} {}

	port_mutex *mutex_;
};

// A file's counts; every one is the module's too.
class Counts {
public:
	static Result<Counts> make()
	{
		port_counts *const counts = port_counts_new();
		if (!counts)
			return Errno::kNoMem;
		return Counts{counts};
	}

	Counts(Counts &&other) : counts_{cxxrt::exchange(other.counts_, nullptr)} {}
	Counts &operator=(Counts &&) = delete;
	~Counts()
	{
		if (counts_)
			port_counts_free(counts_);
	}
	port_counts *get() const { return counts_; }
	unsigned long long add(port_count_kind which, long long delta = 1) const { return port_count(counts_, which, delta); }

private:
	explicit Counts(port_counts *counts) : counts_{counts} {}

	port_counts *counts_;
};

// A /dev node: a method, and the region that files map which have none of their own.
struct Node {
	unsigned method;
	cxxrt::Box<Region> region;
};

struct SessionState {
	bool mapped = false;		// from the first successful mmap on, what faults read is fixed
	bool holds_device = false;
	unsigned cache = PTELAB_CACHE_WRITE_BACK;
	unsigned shape_cache = 0;	// in place of it, for what is mapped; 0: none
	HookPlans plans;
};

class Session {
public:
	Session(Node &node, file *file, port_awaited *awaited, port_account *account, Mutex mutex, Counts counts)
		: node_{node}, file_{file}, awaited_{awaited}, account_{account}, counts_{cxxrt::move(counts)},
		  mutex_{cxxrt::move(mutex)}, state_{mutex_}, region_{&*node.region}
	{
		port_file_use_space(file_, region_->space());
		if (region_->device())
			state_.with([](SessionState &state) { state.cache = PTELAB_CACHE_UNCACHED; });
		counts_.add(PORT_FILES);
	}
	Session(const Session &) = delete;
	Session &operator=(const Session &) = delete;

	// KERNEL: ->release runs when no descriptor and no VMA of the file is left (fs/file_table.c: __fput).
	~Session()
	{
		state_.with([&](SessionState &state) {
			if (state.holds_device)
				port_device_drop(region_->device());
		});
		region_->withdraw(revocation_);
		if (has_own_region())
			const auto own = cxxrt::Box<Region>::adopt(region_);
		counts_.add(PORT_FILES, -1);
	}

	unsigned method() const { return node_.method; }
	unsigned door() const { return door_; }
	const ptelab_traits &traits() const { return kMethods.row[node_.method]; }
	const file *opened() const { return file_; }
	// With a live mapping, as in ->fault: fixed since before the mmap that made the VMA, and mmap_lock orders the two.
	const Region &mapped_region() const { return *region_; }
	// Of ->fault, by the count of the faults. Fixed as the region is.
	const Injection &fault_injection() const { return fault_injection_; }
	// Elsewhere. What it was stays alive: SETUP replaces the node's region, once.
	Region *region()
	{
		return state_.with([&](SessionState &) { return region_; });
	}
	const Counts &counts() const { return counts_; }

	// KERNEL: the core maps a PMD by itself when ->fault returns a page of a compound one that is as large (mm/memory.c:
	// do_set_pmd). Not HUGE_FAULT, which SHAPE may have asked for.
	bool maps_leaves() const
	{
		const unsigned method = node_.method;
		const Region &region = mapped_region();
		if (method == PTELAB_HUGE_PFN || method == PTELAB_HUGE_FOLIO)
			return true;
		return (method == PTELAB_FAULT_PAGE || method == PTELAB_PREPARE_FAULT_PAGE) &&
		       region.backing() == PTELAB_BACKING_COMPOUND && port_pmd_pages() && region.count() >= port_pmd_pages();
	}

	Result<void> revoke() { return region()->revoke(revocation_); }

	template <typename M>
	Result<void> map(NewVma &&vma)
	{
		return admit<M>(vma, [&] {
			return cxxrt::move(vma).as<typename M::Kind>([&](Mapping<typename M::Kind> &mapping) -> Result<void> {
				if constexpr (M::kEager)
					return mapping.tracked(*region_, [&](const Gate &gate) {
						return M::map(mapping, gate, *region_);
					});
				else
					return {};
			});
		});
	}

	template <typename M>
	Result<void> prepare(NewDraft &&draft)
	{
		return admit<M>(draft, [&] {
			return cxxrt::move(draft).as<typename M::Kind>(
				[&](Draft<typename M::Kind> &&it) { return M::prepare(cxxrt::move(it), *region_); });
		});
	}

	// For an mmap that is going to fail: of a method whose VMA may hold pages, the first of them; of a revoked region, none.
	template <typename M>
	Result<void> map_part(NewVma &&vma, unsigned long pages)
	{
		return state_.with([&](SessionState &) -> Result<void> {
			const unsigned long count = region_->device() ? 0 : region_->count();
			return cxxrt::move(vma).as<typename M::Kind>([&](Mapping<typename M::Kind> &mapping) {
				return region_->pass(
					[&](const Gate &gate) {
						return mapping.insert_part(gate, *region_, awaited_, pages < count ? pages : count);
					},
					{});
			});
		});
	}

	// The device's memory, if it is one, is about to be touched with the memory type of this file.
	Result<void> touch_device()
	{
		return state_.with([&](SessionState &state) { return hold_device(state); });
	}

	Result<void> setup(const ptelab_setup &arg)
	{
		const ptelab_traits &method = traits();
		const Injection injection = CXXRT_TRY(Injection::of(method, arg));
		const unsigned backing = arg.backing ? arg.backing : method.default_backing;
		if (backing >= PTELAB_BACKINGS || arg.cache >= PTELAB_CACHES)
			return Errno::kInval;
		if (!(method.backings & bit(backing)))
			return Errno::kOpNotSupp;
		if (backing == PTELAB_BACKING_DEVICE)
			return setup_device(arg);
		if (backing == PTELAB_BACKING_HOLE)
			return setup_hole(arg, injection);
		if (arg.cache && arg.cache != PTELAB_CACHE_WRITE_BACK)
			return Errno::kOpNotSupp;
		const unsigned long pages = CXXRT_TRY(pages_of(arg, backing));
		return own(injection, [&] { return charged_ram(backing, pages); }, PTELAB_CACHE_WRITE_BACK);
	}

	void query(ptelab_query &out)
	{
		const Region *const region = state_.with([&](SessionState &state) {
			out.cache = state.cache;
			return region_;
		});
		out.abi = PTELAB_ABI;
		out.method = node_.method;
		out.backing = region->backing();
		out.page_shift = port_page_shift();
		out.revoked = region->revoked();
		out.pages = region->count();
		out.max_pages = kMaxPages;
		out.max_block_pages = port_max_block_pages();
		out.features = port_features();
	}

	ptelab_plan hook_answer(unsigned hook)
	{
		return state_.with([&](SessionState &state) { return state.plans.answer(hook); });
	}

	bool hook_is_planned(unsigned hook, unsigned answer)
	{
		return state_.with([&](SessionState &state) { return state.plans.is_planned(hook, answer); });
	}

	bool hook_is_answered(unsigned hook, unsigned answer)
	{
		return state_.with([&](SessionState &state) { return state.plans.is_answered(hook, answer); });
	}

	Result<void> plan_hook(const ptelab_plan &plan)
	{
		return state_.with([&](SessionState &state) { return state.plans.set(plan); });
	}

	void shape_cache(unsigned cache)
	{
		state_.with([&](SessionState &state) { state.shape_cache = cache; });
	}

	bool owns_region()
	{
		return state_.with([&](SessionState &) { return has_own_region(); });
	}

private:
	bool has_own_region() const { return region_ != &*node_.region; }

	// What every mapping has to be like, whether its VMA is there yet or not; then fill() makes it this method's.
	template <typename M, typename New, typename F>
	Result<void> admit(New &wanted, F &&fill)
	{
		return state_.with([&](SessionState &state) -> Result<void> {
			const port_span span = wanted.span();
			const unsigned long pages = (span.end - span.start) >> port_page_shift();
			const unsigned long first = M::kIgnoresOffset ? 0 : span.pgoff;
			if (first > region_->count() || pages > region_->count() - first)
				return Errno::kInval;
			if (wanted.wants_exec())
				return Errno::kAcces;
			CXXRT_TRY(hold_device(state));
			wanted.forbid_exec();
			wanted.set_cache(state.shape_cache ? state.shape_cache : state.cache);
			CXXRT_TRY(fill());
			state.mapped = true;
			return {};
		});
	}

	Result<void> hold_device(SessionState &state)
	{
		if (!region_->device() || state.holds_device)
			return {};
		CXXRT_TRY(cxxrt::from_kernel(port_device_hold(region_->device(), state.cache)));
		state.holds_device = true;
		return {};
	}

	Result<unsigned long> pages_of(const ptelab_setup &arg, unsigned backing) const
	{
		const bool block = backing == PTELAB_BACKING_COMPOUND || backing == PTELAB_BACKING_SPLIT;
		const unsigned long most = block ? port_max_block_pages() : kMaxPages;
		if (!arg.pages)
			return node_.region->count() < most ? node_.region->count() : most;
		if (arg.pages > most || (backing == PTELAB_BACKING_COMPOUND && !cxxrt::is_power_of_two(arg.pages)))
			return Errno::kInval;
		return static_cast<unsigned long>(arg.pages);
	}

	// The node's region is given up, and with it that this file has revoked it.
	template <typename F>
	Result<void> own(const Injection &injection, F &&make, unsigned cache)
	{
		CXXRT_TRY(take_own(injection, make, cache));
		node_.region->withdraw(revocation_);
		return {};
	}

	template <typename F>
	Result<void> take_own(const Injection &injection, F &&make, unsigned cache)
	{
		return state_.with([&](SessionState &state) -> Result<void> {
			if (state.mapped || has_own_region())
				return Errno::kBusy;
			auto fresh = CXXRT_TRY(make());
			region_ = cxxrt::move(fresh).release();
			fault_injection_ = injection;
			state.cache = cache;
			port_file_use_space(file_, region_->space());
			return {};
		});
	}

	// The file's own memory counts against its opener's limit, until the file goes.
	Result<cxxrt::Box<Region>> charged_ram(unsigned backing, unsigned long pages)
	{
		CXXRT_TRY(cxxrt::from_kernel(port_charge(account_, pages)));
		auto region = Region::of_ram(backing, pages, counts_.get());
		if (!region.ok())
			port_uncharge(account_, pages);
		return region;
	}

	Result<void> setup_hole(const ptelab_setup &arg, const Injection &injection)
	{
		if (!(port_features() & PTELAB_HAS_INSERT_PFN_PUD) || (arg.cache && arg.cache != PTELAB_CACHE_UNCACHED))
			return Errno::kOpNotSupp;
		if (arg.pages)
			return Errno::kInval;
		return own(injection, [] { return Region::of_hole(); }, PTELAB_CACHE_UNCACHED);
	}

	// There is one device: SETUP only says with which memory type this file will use it.
	Result<void> setup_device(const ptelab_setup &arg)
	{
		const unsigned cache = arg.cache ? arg.cache : static_cast<unsigned>(PTELAB_CACHE_UNCACHED);
		if (cache == PTELAB_CACHE_WRITE_BACK)
			return Errno::kOpNotSupp;
		if (arg.pages && arg.pages != region_->count())
			return Errno::kInval;
		return state_.with([&](SessionState &state) -> Result<void> {
			if (state.mapped)
				return Errno::kBusy;
			CXXRT_TRY(change_cache(state, cache));
			state.holds_device = true;
			state.cache = cache;
			return {};
		});
	}

	// Our own hold would stand in the way of the change, and comes back if the change fails.
	Result<void> change_cache(SessionState &state, unsigned cache)
	{
		port_device *const device = region_->device();
		if (state.holds_device)
			port_device_drop(device);
		const auto changed = cxxrt::from_kernel(port_device_hold(device, cache));
		if (!changed.ok() && state.holds_device)
			state.holds_device = port_device_hold(device, state.cache) == 0;
		return changed;
	}

	Node &node_;
	// The first of the methods with the same ->fault.
	const unsigned door_{dispatch(node_.method, []<typename M>() { return M::FaultsAs::kMethod; })};
	file *file_;
	port_awaited *awaited_;
	port_account *account_;
	Counts counts_;
	Mutex mutex_;
	cxxrt::Guarded<SessionState, Mutex &> state_;
	// It and fault_injection_ are written with state_ locked, before the first mmap.
	Region *region_;	// the node's, or ours
	Injection fault_injection_;
	Revocation revocation_;	// the region's revoke mutex guards it
};

} // namespace
} // namespace ptelab
