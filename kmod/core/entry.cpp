// SPDX-License-Identifier: GPL-2.0
// The one C++ translation unit of the module: what the glue calls, and the only place where kernel pointers become tokens.
#include "kmod/core.h"
#include "call_guard.hpp"
#include "source_guard.hpp"
#include "live.hpp"
#include "pin_guard.hpp"
#include "vma_setup_guard.hpp"
#include "serve.hpp"

using namespace ptelab;

struct ptelab_node {
	ptelab_node(unsigned method, unsigned long pages, Mutex mutex, Region *region)
		: node{method, pages, cxxrt::move(mutex), region}
	{
	}
	[[gnu::always_inline]] ~ptelab_node() = default;

	Node node;
};

struct ptelab_session {
	ptelab_session(Node &node, file *file, port_awaited *awaited, port_account *account, port_misuser *misuser, Mutex mutex,
		       Counts counts)
		: session{node, file, awaited, account, misuser, cxxrt::move(mutex), cxxrt::move(counts)}
	{
	}
	// Always inline: the type is known outside, so that clang would make its destructor a weak symbol.
	[[gnu::always_inline]] ~ptelab_session() = default;

	Session session;
};

namespace ptelab {
namespace {

using cxxrt::from_kernel;
using cxxrt::to_kernel;

bool page_aligned(unsigned long long value)
{
	return (value & ((1ULL << port_page_shift()) - 1)) == 0;
}

// A range of whole pages, at least one and at most that many, that does not wrap.
Result<void> check_range(unsigned long long address, unsigned long long bytes, unsigned long most = PTELAB_LOOKUP_MAX)
{
	if (!page_aligned(address) || !page_aligned(bytes) || bytes == 0 || bytes >> port_page_shift() > most ||
	    !cxxrt::checked_add(address, bytes).ok())
		return Errno::kInval;
	return {};
}

unsigned long long size_of(const Region &region)
{
	return static_cast<unsigned long long>(region.count()) << port_page_shift();
}

template <unsigned long count, typename Word>
bool all_zero(const Word (&words)[count])
{
	for (const Word word : words)
		if (word)
			return false;
	return true;
}

Result<unsigned long> copy(Session &session, unsigned long long offset, unsigned long bytes, void *buffer, bool write)
{
	const Region &region = *session.region();
	const unsigned long page_bytes = 1UL << port_page_shift();
	const unsigned long in_page = static_cast<unsigned long>(offset & (page_bytes - 1));
	const unsigned long room = offset < size_of(region) ? page_bytes - in_page : 0;
	const unsigned long most = bytes < room ? bytes : room;
	if (region.device() && most && !region.revoked())
		CXXRT_TRY(session.touch_device());
	return region.pass(
		[&](const Gate &) -> Result<unsigned long> {
			if (!most)
				return 0UL;
			if (region.device())
				CXXRT_TRY(cxxrt::from_kernel(port_device_copy(region.device(), offset, buffer, most, write)));
			else
				port_page_copy(region.at(offset >> port_page_shift()), in_page, buffer, most, write);
			return most;
		},
		Errno::kNoDev);
}

Result<void> zap(ptelab_session *s, ptelab_zap &arg)
{
	if (arg.flags || !all_zero(arg.reserved) || (arg.how != PTELAB_ZAP_SPECIAL && arg.how != PTELAB_ZAP_VMA))
		return Errno::kInval;
	const Region &region = *s->session.region();
	// As long as the region, a range in a mapping of it is all of it.
	if (!region.divisible() && arg.bytes != size_of(region))
		return Errno::kInval;
	CXXRT_TRY(check_range(arg.address, arg.bytes, region.divisible() ? PTELAB_LOOKUP_MAX : region.count()));
	auto live = CXXRT_TRY(Live::find(s->session.opened(), arg.address, arg.bytes));
	arg.present_before = CXXRT_TRY(live.present(arg.address, arg.bytes));
	CXXRT_TRY(live.zap(arg.address, arg.bytes, arg.how == PTELAB_ZAP_SPECIAL ? PORT_ZAP_SPECIAL : PORT_ZAP_VMA));
	arg.present_after = CXXRT_TRY(live.present(arg.address, arg.bytes));
	s->session.counts().add(PORT_ZAPS);
	return {};
}

Result<void> lookup(ptelab_session *s, const ptelab_lookup &arg, ptelab_pte *entries, bool show_pfn)
{
	const Region &region = *s->session.region();
	const bool revoked = region.revoked();
	auto live = CXXRT_TRY(Live::find(s->session.opened(), arg.address, arg.bytes));
	const bool from_origin = s->session.traits().ignores_offset;
	const unsigned shift = port_page_shift();
	for (unsigned long i = 0; i < arg.bytes >> shift; i++) {
		if (!port_pause())
			return Errno::kIntr;
		entries[i] = live.lookup(region, arg.address + (i << shift), from_origin);
		entries[i].state |= revoked ? PTELAB_PTE_REVOKED : 0;
		if (!show_pfn)
			entries[i].pfn = 0;
	}
	return {};
}

Result<ptelab_node *> node_new(unsigned method, unsigned long pages, port_device *device)
{
	CXXRT_ASSERT(method > 0 && method < PTELAB_METHODS);
	auto mutex = CXXRT_TRY(Mutex::make());
	Region *const region = device ? CXXRT_TRY(Region::of_device(device)).release() : nullptr;
	auto node = cxxrt::Box<ptelab_node>::make(method, pages, cxxrt::move(mutex), region);
	if (!node.ok()) {
		if (region)
			const auto last = cxxrt::Box<Region>::adopt(region);
		return node.error();
	}
	return cxxrt::move(node.value()).release();
}

Result<ptelab_session *> session_new(ptelab_node *node, file *file, port_awaited *awaited, port_account *account,
				     port_misuser *misuser)
{
	CXXRT_TRY(node->node.ready());
	auto mutex = CXXRT_TRY(Mutex::make());
	auto counts = CXXRT_TRY(Counts::make());
	auto session = CXXRT_TRY(cxxrt::Box<ptelab_session>::make(node->node, file, awaited, account, misuser,
								  cxxrt::move(mutex), cxxrt::move(counts)));
	return cxxrt::move(session).release();
}

// Hands a result to C: the value through out, the error as a negative errno.
template <typename T>
int give(Result<T *> result, T **out)
{
	if (!result.ok())
		return -static_cast<int>(result.error());
	*out = result.value();
	return 0;
}

} // namespace
} // namespace ptelab

extern "C" {

const ptelab_traits *ptelab_traits_of(unsigned int method)
{
	CXXRT_ASSERT(method < PTELAB_METHODS);
	return &kMethods.row[method];
}

int ptelab_node_new(ptelab_node **node, unsigned int method, unsigned long pages, port_device *device)
{
	return give(node_new(method, pages, device), node);
}

void ptelab_node_free(ptelab_node *node)
{
	const auto last = cxxrt::Box<ptelab_node>::adopt(node);
}

void ptelab_node_kill(ptelab_node *node)
{
	node->node.region()->kill();
}

int ptelab_session_new(ptelab_session **session, ptelab_node *node, file *file, port_awaited *awaited, port_account *account,
		       port_misuser *misuser)
{
	return give(session_new(node, file, awaited, account, misuser), session);
}

void ptelab_session_free(ptelab_session *session)
{
	const auto last = cxxrt::Box<ptelab_session>::adopt(session);
}

port_counts *ptelab_session_counts(ptelab_session *s)
{
	return s->session.counts().get();
}

unsigned int ptelab_session_method(const ptelab_session *s)
{
	return s->session.method();
}

int ptelab_mmap(ptelab_session *s, vm_area_struct *vma)
{
	Session &session = s->session;
	const auto mapped =
		dispatch(session.method(), [&]<typename M>() { return EntryPoints::map<M>(session, vma); });
	session.counts().add(mapped.ok() ? PORT_MAPS : PORT_MAP_ERRORS);
	return to_kernel(mapped);
}

int ptelab_mmap_prepare(ptelab_session *s, port_vma_desc *desc)
{
	Session &session = s->session;
	const auto asked =
		dispatch(session.method(), [&]<typename M>() { return EntryPoints::prepare<M>(session, *desc); });
	if (!asked.ok())
		session.counts().add(PORT_MAP_ERRORS);
	return to_kernel(asked);
}

int ptelab_mapped(ptelab_session *s, vm_area_struct *vma)
{
	const Session &session = s->session;
	const auto mapped = session.traits().eager ? EntryPoints::mapped(session, vma) : Result<void>{};
	if (mapped.ok())
		session.counts().add(PORT_MAPS);
	return to_kernel(mapped);
}

int ptelab_mmap_part(ptelab_session *s, vm_area_struct *vma, unsigned long pages)
{
	Session &session = s->session;
	return to_kernel(dispatch(session.method(), [&]<typename M>() -> Result<void> {
		if constexpr (HoldsPages<M>)
			return EntryPoints::map_part<M>(session, vma, pages);
		else
			return {};
	}));
}

unsigned int ptelab_fault(vm_fault *vmf, ptelab_session *s, unsigned long pgoff)
{
	return static_cast<unsigned>(answer_fault(vmf, s->session, pgoff));
}

unsigned int ptelab_huge_fault(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return static_cast<unsigned>(serve_huge(s->session, vmf, pgoff));
}

unsigned int ptelab_huge_fault_pud(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return static_cast<unsigned>(serve_pud(s->session, vmf, pgoff));
}

ptelab_injection ptelab_hook_answer(ptelab_session *s, unsigned int hook)
{
	return s->session.hook_answer(hook);
}

bool ptelab_fills_at_mmap(const ptelab_session *s)
{
	return s->session.traits().eager;
}

int ptelab_may_split(const ptelab_session *s)
{
	return s->session.mapped_region().divisible() ? 0 : -CXXRT_EINVAL;
}

bool ptelab_counts_pages(const ptelab_session *s)
{
	return s->session.traits().counts_pages;
}

int ptelab_set_cache(ptelab_session *s, unsigned int cache)
{
	return to_kernel(s->session.vma_cache(cache));
}

bool ptelab_maps_leaves(const ptelab_session *s)
{
	return s->session.maps_leaves();
}

int ptelab_call_verdict(const ptelab_call_facts *facts)
{
	return call_verdict(*facts);
}

int ptelab_vma_setup_verdict(ptelab_session *s, const ptelab_vma_setup *vma_setup)
{
	Session &session = s->session;
	const Region &region = *session.region();
	const VmaSetupFacts facts{.method = session.method(),
			       .eager = session.traits().eager,
			       .prepares = session.traits().prepares,
			       .divisible = region.divisible(),
			       .own_ram = ptelab_own_space(s) != nullptr,
			       .counts_pages = session.traits().counts_pages,
			       .compound = region.backing() == PTELAB_BACKING_COMPOUND,
			       .revoked = region.revoked(),
			       .remaps_at_fault = session.fault_injection().answer == PTELAB_FAULT_REMAP};
	return vma_setup_verdict(facts, *vma_setup);
}

int ptelab_page_source_verdict(const ptelab_page_source_facts *facts)
{
	return source_verdict(*facts);
}

int ptelab_page_info_verdict(const ptelab_page_info *arg)
{
	return page_info_verdict(*arg);
}

int ptelab_pin_verdict(const ptelab_pin_facts *facts, const ptelab_pin *arg)
{
	return pin_verdict(*facts, *arg);
}

int ptelab_unpin_verdict(const ptelab_pin_facts *facts, const ptelab_pin *arg)
{
	return unpin_verdict(*facts, *arg);
}

unsigned long ptelab_pages(ptelab_session *s)
{
	return s->session.region()->count();
}

page *ptelab_page_get(ptelab_session *s, unsigned long index)
{
	const Region &region = *s->session.region();
	if (region.device() || index >= region.count())
		return nullptr;
	return region.get(index);
}

unsigned long ptelab_find(ptelab_session *s, unsigned long pfn)
{
	const Region &region = *s->session.region();
	return region.find(pfn, 0);
}

bool ptelab_contiguous(ptelab_session *s, unsigned long index, unsigned long pages)
{
	const Region &region = *s->session.region();
	return index < region.count() && pages <= region.count() - index && region.run(index, pages) == pages;
}

port_space *ptelab_own_space(ptelab_session *s)
{
	Region &region = *s->session.region();
	return s->session.owns_region() && !region.device() ? region.space() : nullptr;
}

void ptelab_zap_everywhere(ptelab_session *s)
{
	s->session.region()->unmap(0, 0, true);
}

bool ptelab_fault_revoked(const ptelab_session *s)
{
	return s->session.mapped_region().revoked();
}

bool ptelab_gate_enter(ptelab_session *s)
{
	return s->session.mapped_region().enter();
}

void ptelab_gate_leave(ptelab_session *s)
{
	s->session.mapped_region().leave();
}

void ptelab_leaf_lock(const ptelab_session *s)
{
	port_space_leaf_lock(s->session.mapped_region().space());
}

void ptelab_leaf_unlock(const ptelab_session *s)
{
	port_space_leaf_unlock(s->session.mapped_region().space());
}

int ptelab_drop_pages(ptelab_session *s)
{
	Region &region = *s->session.region();
	if (!ptelab_counts_pages(s) || !s->session.owns_region() || region.backing() != PTELAB_BACKING_SINGLE)
		return -CXXRT_EOPNOTSUPP;
	return to_kernel(region.drop());
}

unsigned long long ptelab_size(ptelab_session *s)
{
	return size_of(*s->session.region());
}

long ptelab_copy(ptelab_session *s, unsigned long long offset, unsigned long bytes, void *buffer, bool write)
{
	const auto copied = copy(s->session, offset, bytes, buffer, write);
	return copied.ok() ? static_cast<long>(copied.value()) : -static_cast<long>(copied.error());
}

int ptelab_ioctl_query(ptelab_session *s, ptelab_query *arg)
{
	if (arg->flags || !all_zero(arg->reserved))
		return -CXXRT_EINVAL;
	*arg = {};
	if (const auto told = s->session.query(*arg); !told.ok())
		return to_kernel(told);
	arg->has_access = s->session.traits().ops == PTELAB_OPS_ACCESS;
	return 0;
}

int ptelab_ioctl_region_setup(ptelab_session *s, const struct ptelab_region_setup *arg)
{
	if (arg->flags || arg->reserved0 || !all_zero(arg->reserved))
		return -CXXRT_EINVAL;
	return to_kernel(s->session.setup(*arg));
}

int ptelab_setup_ended(ptelab_session *s)
{
	return to_kernel(s->session.leave_node());
}

int ptelab_ioctl_zap(ptelab_session *s, struct ptelab_zap *arg)
{
	return to_kernel(zap(s, *arg));
}

int ptelab_ioctl_unmap(ptelab_session *s, const struct ptelab_unmap *arg)
{
	const auto end = cxxrt::checked_add(arg->offset, arg->bytes);
	if ((arg->flags & ~PTELAB_UNMAP_EVEN_COWS) || arg->reserved0 || !all_zero(arg->reserved) || !end.ok() ||
	    !cxxrt::checked_cast<long long>(end.value()).ok())
		return -CXXRT_EINVAL;
	const Region &region = *s->session.region();
	if (!region.divisible() && (arg->offset || (arg->bytes && arg->bytes < size_of(region))))
		return -CXXRT_EINVAL;
	region.unmap(arg->offset, arg->bytes, arg->flags & PTELAB_UNMAP_EVEN_COWS);
	s->session.counts().add(PORT_UNMAPS);
	return 0;
}

int ptelab_ioctl_revoke(ptelab_session *s, const struct ptelab_revoke *arg)
{
	if (arg->flags || arg->reserved0 || !all_zero(arg->reserved))
		return -CXXRT_EINVAL;
	const auto revoked = s->session.revoke();
	if (revoked.ok())
		s->session.counts().add(PORT_REVOKES);
	return to_kernel(revoked);
}

int ptelab_ioctl_restore(ptelab_session *s, const struct ptelab_revoke *arg)
{
	if (arg->flags || arg->reserved0 || !all_zero(arg->reserved))
		return -CXXRT_EINVAL;
	return to_kernel(s->session.region()->restore());
}

long ptelab_ioctl_lookup_entries(const struct ptelab_lookup *arg)
{
	if (arg->flags || arg->reserved0 || !all_zero(arg->reserved) || !check_range(arg->address, arg->bytes).ok())
		return -CXXRT_EINVAL;
	return static_cast<long>(arg->bytes >> port_page_shift());
}

int ptelab_ioctl_lookup(ptelab_session *s, const struct ptelab_lookup *arg, ptelab_pte *entries, bool show_pfn)
{
	return to_kernel(lookup(s, *arg, entries, show_pfn));
}

int ptelab_ioctl_inject(ptelab_session *s, const struct ptelab_injection *arg)
{
	if (arg->flags || !all_zero(arg->reserved))
		return -CXXRT_EINVAL;
	return to_kernel(s->session.inject_hook(*arg));
}

int ptelab_ioctl_stats(ptelab_session *s, struct ptelab_stats *arg)
{
	if (arg->flags || !all_zero(arg->reserved) || (arg->scope != PTELAB_SCOPE_FILE && arg->scope != PTELAB_SCOPE_MODULE))
		return -CXXRT_EINVAL;
	const unsigned scope = arg->scope;
	const port_counts *const counts = scope == PTELAB_SCOPE_FILE ? s->session.counts().get() : nullptr;
	const auto read = [&](port_count_kind which) { return port_count_read(counts, which); };
	*arg = {};
	arg->scope = scope;
	arg->maps = read(PORT_MAPS);
	arg->map_errors = read(PORT_MAP_ERRORS);
	arg->opens = read(PORT_OPENS);
	arg->closes = read(PORT_CLOSES);
	arg->faults = read(PORT_FAULTS);
	arg->fault_errors = read(PORT_FAULT_ERRORS);
	arg->accesses = read(PORT_ACCESSES);
	arg->zaps = read(PORT_ZAPS);
	arg->unmaps = read(PORT_UNMAPS);
	arg->revokes = read(PORT_REVOKES);
	arg->files = read(PORT_FILES);
	arg->regions = counts ? s->session.owns_region() : read(PORT_REGIONS);
	arg->pages_allocated = read(PORT_PAGES_ALLOCATED);
	arg->pages_freed = read(PORT_PAGES_FREED);
	arg->node_regions = read(PORT_NODE_REGIONS);
	arg->node_pages = read(PORT_NODE_PAGES);
	return 0;
}

} // extern "C"
