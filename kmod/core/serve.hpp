// SPDX-License-Identifier: GPL-2.0
// How a fault is answered: by the method, if the gate lets it, or as the file's plan says.
#pragma once

#include "session.hpp"

namespace ptelab {
namespace {

class Entry {
public:
	// Not inlined: twenty of them in one frame are too much for a kernel stack under KASAN.
	template <typename M>
	[[gnu::noinline]] static Result<void> map(Session &session, vm_area_struct *vma)
	{
		static_assert(Method<M>);
		if constexpr (Prepared<M>)
			cxxrt::bug(__FILE__, __LINE__, "->mmap of a node that has ->mmap_prepare");
		else
			return session.map<M>(NewVma{{}, vma});
	}

	template <typename M>
	[[gnu::noinline]] static Result<void> prepare(Session &session, port_draft &draft)
	{
		if constexpr (Prepared<M>)
			return session.prepare<M>(NewDraft{{}, draft});
		else
			cxxrt::bug(__FILE__, __LINE__, "->mmap_prepare of a node that has ->mmap");
	}

	template <typename M>
	[[gnu::noinline]] static Result<void> map_part(Session &session, vm_area_struct *vma, unsigned long pages)
	{
		return session.map_part<M>(NewVma{{}, vma}, pages);
	}

	static Result<void> mapped(const Session &session, vm_area_struct *vma)
	{
		return MappedVma{{}, vma}.track(session.mapped_region());
	}

	template <typename M>
	[[gnu::noinline]] static FaultCode serve(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		const Region &region = session.mapped_region();
		Fault<typename M::Kind> fault{{}, vmf};
		if constexpr (M::kIgnoresOffset)
			pgoff -= fault.origin();
		if (pgoff >= region.count())
			return FaultCode::kSigbus;
		if constexpr (Gives<M>)
			return M::fault(fault, region, pgoff);
		else
			return region.pass(
				[&](const Gate &gate) {
					// What was filled at mmap comes back only if REVOKE took it away, not after a mere zap.
					if constexpr (M::kEager)
						if (fault.restores() == gate.restores())
							return FaultCode::kSigbus;
					return M::fault(fault, gate, region, pgoff);
				},
				FaultCode::kSigbus);
	}

	// The same for a method that is Brief, with the gate entered by whoever calls; a page that is offered is locked by him, too.
	template <typename M>
	[[gnu::always_inline]] static FaultCode serve_inside(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		const Region &region = session.mapped_region();
		if (pgoff >= region.count())
			return FaultCode::kSigbus;
		// Of a list each of these ends in one call, and nothing is to be kept until that returns.
		if (!region.singles())
			return serve_unlisted<M>(region, vmf, pgoff);
		return answer_inside<M>(region, vmf, pgoff);
	}

	template <typename M>
	[[gnu::noinline]] static FaultCode serve_unlisted(const Region &region, vm_fault *vmf, unsigned long pgoff)
	{
		return answer_inside<M>(region, vmf, pgoff);
	}

	template <typename M>
	[[gnu::always_inline]] static FaultCode answer_inside(const Region &region, vm_fault *vmf, unsigned long pgoff)
	{
		Fault<typename M::Kind> fault{{}, vmf};
		return region.inside(
			[&](const Gate &gate) {
				if constexpr (M::kGivesPages)
					return fault.offer(gate, region, pgoff);
				else
					return M::fault(fault, gate, region, pgoff);
			},
			FaultCode::kSigbus);
	}

	template <typename M>
	[[gnu::noinline]] static FaultCode serve_huge(const Session &session, vm_fault *vmf, unsigned long pgoff, bool other)
	{
		// It maps pages beside PMDs without a lock of ours.
		if (session.fault_injection().answer == PTELAB_FAULT_REMAP)
			return FaultCode::kFallback;
		const Region &region = session.mapped_region();
		Fault<typename M::Kind> fault{{}, vmf};
		// Revoked: ->fault says so, and counts it.
		return region.pass([&](const Gate &gate) { return M::huge_fault(fault, gate, region, pgoff, other); },
				   FaultCode::kFallback);
	}

	template <typename M>
	static FaultCode serve_pud(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		const Region &region = session.mapped_region();
		if (region.backing() != PTELAB_BACKING_HOLE)
			return FaultCode::kFallback;
		Fault<typename M::Kind> fault{{}, vmf};
		// After a fallback the kernel would put a page table in the hole's place, and keep it there.
		return region.pass([&](const Gate &gate) { return fault.insert_pud(gate, region, pgoff); }, FaultCode::kSigbus);
	}

	template <typename M>
	static FaultCode refused_pud(const Session &session, vm_fault *vmf)
	{
		const Region &region = session.mapped_region();
		Fault<typename M::Kind> fault{{}, vmf};
		return region.pass([&](const Gate &gate) { return fault.insert_folio_pud(gate, region); }, FaultCode::kFallback);
	}

	// The two answers that a good driver never gives.
	template <typename M>
	static FaultCode stale(const Session &session, vm_fault *vmf, unsigned long pgoff, unsigned delay_ms)
	{
		Fault<typename M::Kind> fault{{}, vmf};
		const Region &region = session.mapped_region();
		return pgoff < region.count() ? fault.give_stale(region, pgoff, delay_ms) : FaultCode::kSigbus;
	}

	template <typename M>
	static FaultCode remap(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		Fault<typename M::Kind> fault{{}, vmf};
		const Region &region = session.mapped_region();
		if (pgoff >= region.count() || region.revoked())
			return FaultCode::kSigbus;
		return fault.remap_outside_the_gate(region.pfn(pgoff));
	}
};

[[gnu::always_inline]] inline FaultCode serve(const Session &session, vm_fault *vmf, unsigned long pgoff)
{
	return dispatch(session.method(),
			[&]<typename M>() { return Entry::serve<typename M::FaultsAs>(session, vmf, pgoff); });
}

// Only of a file that ptelab_fault_gate() has a gate for: of no other door is it asked, and to look for them would cost each fault.
template <typename First, typename... Rest>
[[gnu::always_inline]] inline FaultCode serve_inside(MethodList<First, Rest...>, const Session &session, vm_fault *vmf,
						     unsigned long pgoff)
{
	if constexpr (Brief<First> && cxxrt::SameAs<First, typename First::FaultsAs>)
		if (session.door() == First::kMethod)
			return Entry::serve_inside<First>(session, vmf, pgoff);
	if constexpr (sizeof...(Rest) != 0)
		return serve_inside(MethodList<Rest...>{}, session, vmf, pgoff);
	else
		__builtin_unreachable();
}

// What SETUP asked for in place of that.
[[gnu::noinline]] FaultCode inject(const Session &session, const Injection &injection, vm_fault *vmf, unsigned long pgoff)
{
	switch (injection.answer) {
	case PTELAB_FAULT_SIGBUS:
		return FaultCode::kSigbus;
	case PTELAB_FAULT_OOM:
		return FaultCode::kOom;
	case PTELAB_FAULT_SIGSEGV:
		return FaultCode::kSigsegv;
	case PTELAB_FAULT_HWPOISON:
		return FaultCode::kHwPoison;
	case PTELAB_FAULT_NOTHING:
		return FaultCode::kNoPage;
	case PTELAB_FAULT_RETRY:
		// Once the lock is dropped, the VMA, the file and this session may go at any moment.
		if (const unsigned retry = port_fault_retry(vmf))
			return static_cast<FaultCode>(retry);
		break;
	case PTELAB_FAULT_DELAY:
		// A task that is being killed is not kept waiting, nor sent round again by a handler that does nothing.
		if (!port_fault_delay(injection.delay_ms))
			return FaultCode::kSigbus;
		break;
	case PTELAB_FAULT_STALE:
		return dispatch(session.method(), [&]<typename M>() {
			if constexpr (M::kGivesPages)
				return Entry::stale<M>(session, vmf, pgoff, injection.delay_ms);
			else
				return FaultCode::kSigbus;	// SETUP refuses it
		});
	case PTELAB_FAULT_REMAP:
		return dispatch(session.method(), [&]<typename M>() {
			if constexpr (cxxrt::SameAs<typename M::Kind, Shaped>)
				return Entry::remap<M>(session, vmf, pgoff);
			else
				return FaultCode::kSigbus;	// SETUP refuses it
		});
	default:
		cxxrt::bug(__FILE__, __LINE__, "an answer to a fault that no case names");
	}
	return serve(session, vmf, pgoff);
}

FaultCode serve_huge(Session &session, vm_fault *vmf, unsigned long pgoff)
{
	bool other = false;
	if (!session.hook_is_planned(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD)) {
		const unsigned answer = session.hook_answer(PTELAB_HOOK_HUGE_FAULT).answer;
		if (answer == PTELAB_ANSWER_FALLBACK)
			return FaultCode::kFallback;
		other = answer == PTELAB_ANSWER_OTHER;
	}
	return dispatch(session.method(), [&]<typename M>() {
		if constexpr (Huge<M>)
			return Entry::serve_huge<M>(session, vmf, pgoff, other);
		else
			return FaultCode::kFallback;
	});
}

FaultCode serve_pud(Session &session, vm_fault *vmf, unsigned long pgoff)
{
	return dispatch(session.method(), [&]<typename M>() {
		if constexpr ((M::kBackings & bit(PTELAB_BACKING_HOLE)) != 0)
			return Entry::serve_pud<M>(session, vmf, pgoff);
		else if constexpr (M::kOnePmd)
			return session.hook_is_answered(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD) ?
				       Entry::refused_pud<M>(session, vmf) :
				       FaultCode::kFallback;
		else
			return FaultCode::kFallback;
	});
}

constexpr bool is_error(FaultCode code)
{
	constexpr unsigned kErrors = PORT_FAULT_SIGBUS | PORT_FAULT_OOM | PORT_FAULT_SIGSEGV | PORT_FAULT_HWPOISON;
	return static_cast<unsigned>(code) & kErrors;
}

} // namespace
} // namespace ptelab
