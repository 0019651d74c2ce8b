// SPDX-License-Identifier: GPL-2.0
// An open file: which region it maps, how its faults are answered, and the ioctls that ask and change that.
#pragma once

#include "cxxrt/guarded.hpp"
#include "injection.hpp"
#include "methods.hpp"
#include "node.hpp"

namespace ptelab {
namespace {

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

	// By one, where nobody asks for the new value: no call.
	[[gnu::always_inline]] inline void tick(port_count_kind which) const
	{
		__atomic_fetch_add(&counts_->value[which], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&port_module_counts.value[which], 1, __ATOMIC_RELAXED);
	}

private:
	explicit Counts(port_counts *counts) : counts_{counts} {}

	port_counts *counts_;
};

// What a fault is answered from the short way: of a method that is Brief, a region that has a list of its pages, and where no answer was
// asked for in place of the normal one. With count 0 no page has one. Fixed as the region is.
struct BriefFaults {
	unsigned long count = 0;
	page **pages = nullptr;
	GateState *gate = nullptr;
	unsigned method = 0;	// FaultsAs of the file's
};

struct SessionState {
	bool mapped = false;		// from the first successful mmap on, what faults read is fixed
	bool holds_device = false;
	unsigned cache = PTELAB_CACHE_WRITE_BACK;
	unsigned vma_cache = 0;	// in place of it, for what is mapped; 0: none
	HookInjections injections;
};

class Session {
public:
	Session(Node &node, file *file, port_awaited *awaited, port_account *account, port_misuser *misuser, Mutex mutex, Counts counts)
		: counts_{cxxrt::move(counts)}, node_{node}, file_{file}, awaited_{awaited}, account_{account}, misuser_{misuser},
		  mutex_{cxxrt::move(mutex)}, state_{mutex_}, region_{node.region()}
	{
		port_file_use_space(file_, region_->space());
		if (region_->device())
			state_.with([](SessionState &state) { state.cache = PTELAB_CACHE_UNCACHED; });
		set_brief();
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
		(void)node_.region()->withdraw(revocation_, false);
		if (owns_region())
			const auto own = cxxrt::Box<Region>::adopt(region_);
		counts_.add(PORT_FILES, -1);
	}

	unsigned method() const { return node_.method(); }
	const ptelab_traits &traits() const { return kMethods.row[node_.method()]; }
	const file *opened() const { return file_; }
	// With a live mapping, as in ->fault: fixed since before the mmap that made the VMA, and mmap_lock orders the two.
	const Region &mapped_region() const { return *region_; }
	// Of ->fault, by the count of the faults. Fixed as the region is.
	const Injection &fault_injection() const { return fault_injection_; }
	const BriefFaults &brief_faults() const { return brief_; }
	const port_misuser *misuser() const { return misuser_; }
	// Elsewhere. What it was stays alive: REGION_SETUP replaces the node's region, once.
	Region *region() const { return __atomic_load_n(&region_, __ATOMIC_ACQUIRE); }
	const Counts &counts() const { return counts_; }

	// KERNEL: the core maps a PMD by itself when ->fault returns a page of a compound one that is as large (mm/memory.c:
	// do_set_pmd). Not HUGE_FAULT, which VMA_SETUP may have asked for.
	bool maps_leaves() const
	{
		const unsigned method = node_.method();
		const Region &region = mapped_region();
		if (method == PTELAB_HUGE_PFN || method == PTELAB_HUGE_FOLIO)
			return true;
		return (method == PTELAB_FAULT_PAGE || method == PTELAB_PREPARE_FAULT_PAGE) &&
		       region.backing() == PTELAB_BACKING_COMPOUND && port_pmd_pages() && region.count() >= port_pmd_pages();
	}

	Result<void> revoke() { return region()->revoke(owns_region() ? own_revocation_ : revocation_); }

	// With a region of its own the file has given up the node's, and with it that it has revoked that. Not while REGION_SETUP holds a lock
	// that mmap takes: a REVOKE that has to be waited for may wait for such a mmap.
	Result<void> leave_node()
	{
		if (!owns_region())
			return {};
		return node_.region()->withdraw(revocation_, true);
	}

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
	Result<void> prepare(NewDesc &&desc)
	{
		return admit<M>(desc, [&] {
			return cxxrt::move(desc).as<typename M::Kind>(
				[&](VmaDesc<typename M::Kind> &&it) { return M::prepare(cxxrt::move(it), *region_); });
		});
	}

	// For an mmap that is going to fail: of a method whose VMA may hold pages, the first of them; of a revoked region, none.
	template <typename M>
	Result<void> map_part(NewVma &&vma, unsigned long pages)
	{
		return state_.with_killable(
			[&](SessionState &) -> Result<void> {
				const unsigned long count = region_->device() ? 0 : region_->count();
				return cxxrt::move(vma).as<typename M::Kind>([&](Mapping<typename M::Kind> &mapping) {
					return region_->pass(
						[&](const Gate &gate) {
							return mapping.insert_part(gate, *region_, awaited_, pages < count ? pages : count);
						},
						{});
				});
			},
			Errno::kIntr);
	}

	// The device's memory, if it is one, is about to be touched with the memory type of this file.
	Result<void> touch_device()
	{
		return state_.with_killable([&](SessionState &state) { return hold_device(state); }, Errno::kIntr);
	}

	Result<void> setup(const ptelab_region_setup &arg)
	{
		const ptelab_traits &method = traits();
		const Injection injection = CXXRT_TRY(Injection::of(method, arg));
		const unsigned backing = arg.backing ? arg.backing : method.default_backing;
		if (backing >= PTELAB_BACKINGS || arg.cache >= PTELAB_CACHES)
			return Errno::kInval;
		if (!(method.backings & bit(backing)))
			return Errno::kOpNotSupp;
		if (injection.misuses(PTELAB_HOOK_FAULT))
			CXXRT_TRY(cxxrt::from_kernel(port_misuse_hold(misuser_)));
		if (backing == PTELAB_BACKING_DEVICE)
			return setup_device(arg);
		if (backing == PTELAB_BACKING_HOLE)
			return setup_hole(arg, injection);
		if (arg.cache && arg.cache != PTELAB_CACHE_WRITE_BACK)
			return Errno::kOpNotSupp;
		return setup_ram(injection, backing, CXXRT_TRY(pages_of(arg, backing)));
	}

	Result<void> query(ptelab_query &out)
	{
		const Region *const region = CXXRT_TRY(state_.with_killable(
			[&](SessionState &state) -> Result<const Region *> {
				out.cache = state.cache;
				return region_;
			},
			Errno::kIntr));
		out.abi = PTELAB_ABI;
		out.method = node_.method();
		out.backing = region->backing();
		out.page_shift = port_page_shift();
		out.revoked = region->revoked();
		out.pages = region->count();
		out.max_pages = kMaxPages;
		out.max_block_pages = port_max_block_pages();
		out.features = port_features();
		return {};
	}

	ptelab_injection hook_answer(unsigned hook)
	{
		return state_.with([&](SessionState &state) { return state.injections.answer(hook); });
	}

	bool hook_is_injected(unsigned hook, unsigned answer)
	{
		return state_.with([&](SessionState &state) { return state.injections.is_injected(hook, answer); });
	}

	bool hook_is_answered(unsigned hook, unsigned answer)
	{
		return state_.with([&](SessionState &state) { return state.injections.is_answered(hook, answer); });
	}

	Result<void> inject_hook(const ptelab_injection &asked)
	{
		const Injection injection = CXXRT_TRY(Injection::of(asked));
		if (injection.misuses(asked.hook))
			CXXRT_TRY(cxxrt::from_kernel(port_misuse_hold(misuser_)));
		return state_.with_killable(
			[&](SessionState &state) -> Result<void> {
				state.injections.set(asked.hook, injection);
				return {};
			},
			Errno::kIntr);
	}

	Result<void> vma_cache(unsigned cache)
	{
		return state_.with_killable(
			[&](SessionState &state) -> Result<void> {
				state.vma_cache = cache;
				return {};
			},
			Errno::kIntr);
	}

	bool owns_region() const { return region() != node_.region(); }

private:

	// What every mapping has to be like, whether its VMA is there yet or not; then fill() makes it this method's.
	template <typename M, typename New, typename F>
	Result<void> admit(New &wanted, F &&fill)
	{
		return state_.with_killable([&](SessionState &state) -> Result<void> {
			const port_span span = wanted.span();
			const unsigned long pages = (span.end - span.start) >> port_page_shift();
			const unsigned long first = M::kIgnoresOffset ? 0 : span.pgoff;
			if (first > region_->count() || pages > region_->count() - first)
				return Errno::kInval;
			if (wanted.wants_exec())
				return Errno::kAcces;
			CXXRT_TRY(hold_device(state));
			wanted.forbid_exec();
			wanted.set_cache(state.vma_cache ? state.vma_cache : state.cache);
			CXXRT_TRY(fill());
			state.mapped = true;
			return {};
		}, Errno::kIntr);
	}

	Result<void> hold_device(SessionState &state)
	{
		if (!region_->device() || state.holds_device)
			return {};
		CXXRT_TRY(cxxrt::from_kernel(port_device_hold(region_->device(), state.cache)));
		state.holds_device = true;
		return {};
	}

	Result<unsigned long> pages_of(const ptelab_region_setup &arg, unsigned backing) const
	{
		const bool block = backing == PTELAB_BACKING_COMPOUND || backing == PTELAB_BACKING_SPLIT;
		const unsigned long most = block ? port_max_block_pages() : kMaxPages;
		if (!arg.pages)
			return node_.region()->count() < most ? node_.region()->count() : most;
		if (arg.pages > most || (backing == PTELAB_BACKING_COMPOUND && !cxxrt::is_power_of_two(arg.pages)))
			return Errno::kInval;
		return static_cast<unsigned long>(arg.pages);
	}

	// REGION_SETUP comes once, and before the first mmap.
	Result<void> may_own()
	{
		return state_.with_killable(
			[&](SessionState &state) -> Result<void> {
				if (state.mapped || owns_region())
					return Errno::kBusy;
				return {};
			},
			Errno::kIntr);
	}

	// The region is made while nobody waits for this file.
	template <typename F>
	Result<void> own(const Injection &injection, F &&make, unsigned cache)
	{
		CXXRT_TRY(may_own());
		auto fresh = CXXRT_TRY(make());
		return state_.with_killable(
			[&](SessionState &state) -> Result<void> {
				if (state.mapped || owns_region())
					return Errno::kBusy;
				fault_injection_ = injection;
				state.cache = cache;
				__atomic_store_n(&region_, cxxrt::move(fresh).release(), __ATOMIC_RELEASE);
				port_file_use_space(file_, region_->space());
				set_brief();
				return {};
			},
			Errno::kIntr);
	}

	// Before the first mmap.
	void set_brief()
	{
		brief_ = {};
		if (fault_injection_.answer || !region_->singles())
			return;
		brief_.method = dispatch(method(), []<typename M>() { return Brief<M> ? M::FaultsAs::kMethod : 0U; });
		if (!brief_.method)
			return;
		brief_.count = region_->count();
		brief_.pages = region_->singles();
		brief_.gate = &region_->gate();
	}

	// The file's own memory counts against its opener's limit, until the file goes.
	Result<void> setup_ram(const Injection &injection, unsigned backing, unsigned long pages)
	{
		CXXRT_TRY(may_own());
		CXXRT_TRY(cxxrt::from_kernel(port_charge(account_, pages)));
		const auto owned =
			own(injection, [&] { return Region::of_ram(backing, pages, counts_.get()); }, PTELAB_CACHE_WRITE_BACK);
		if (!owned.ok())
			port_uncharge(account_, pages);
		return owned;
	}

	Result<void> setup_hole(const ptelab_region_setup &arg, const Injection &injection)
	{
		if (!(port_features() & PTELAB_HAS_INSERT_PFN_PUD) || (arg.cache && arg.cache != PTELAB_CACHE_UNCACHED))
			return Errno::kOpNotSupp;
		if (arg.pages)
			return Errno::kInval;
		return own(injection, [] { return Region::of_hole(); }, PTELAB_CACHE_UNCACHED);
	}

	// There is one device: REGION_SETUP only says with which memory type this file will use it.
	Result<void> setup_device(const ptelab_region_setup &arg)
	{
		const unsigned cache = arg.cache ? arg.cache : static_cast<unsigned>(PTELAB_CACHE_UNCACHED);
		if (cache == PTELAB_CACHE_WRITE_BACK)
			return Errno::kOpNotSupp;
		if (arg.pages && arg.pages != region_->count())
			return Errno::kInval;
		return state_.with_killable([&](SessionState &state) -> Result<void> {
			if (state.mapped)
				return Errno::kBusy;
			CXXRT_TRY(change_cache(state, cache));
			state.holds_device = true;
			state.cache = cache;
			return {};
		}, Errno::kIntr);
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

	BriefFaults brief_;	// it and counts_ are all that such a fault reads: first, and together
	Counts counts_;
	Node &node_;
	file *file_;
	port_awaited *awaited_;
	port_account *account_;
	port_misuser *misuser_;
	Mutex mutex_;
	cxxrt::Guarded<SessionState, Mutex &> state_;
	// It and fault_injection_ are written with state_ locked, before the first mmap; region() reads it without.
	Region *region_;	// the node's, or ours
	Injection fault_injection_;
	Revocation revocation_;		// of the node's region, whose revoke mutex guards it
	Revocation own_revocation_;	// of ours, with which it goes
};

} // namespace
} // namespace ptelab
