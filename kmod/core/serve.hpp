// SPDX-License-Identifier: GPL-2.0
// How a fault is answered: by the method, if the gate lets it, or as the file's injection says.
#pragma once

#include "session.hpp"

namespace ptelab {
namespace {

class EntryPoints {
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
	[[gnu::noinline]] static Result<void> prepare(Session &session, port_vma_desc &desc)
	{
		if constexpr (Prepared<M>)
			return session.prepare<M>(NewDesc{{}, desc});
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

	template <typename M>
	[[gnu::noinline]] static FaultCode serve_huge(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		// It maps pages beside PMDs without a lock of ours.
		if (session.fault_injection().answer == PTELAB_FAULT_REMAP)
			return FaultCode::kFallback;
		const Region &region = session.mapped_region();
		Fault<typename M::Kind> fault{{}, vmf};
		// Revoked: ->fault says so, and counts it.
		return region.pass([&](const Gate &gate) { return M::huge_fault(fault, gate, region, pgoff); },
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
};

[[gnu::always_inline]] inline FaultCode serve(const Session &session, vm_fault *vmf, unsigned long pgoff)
{
	return dispatch(session.method(),
			[&]<typename M>() { return EntryPoints::serve<typename M::FaultsAs>(session, vmf, pgoff); });
}

// What REGION_SETUP asked for in place of that.
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
	case PTELAB_FAULT_REMAP:
		return static_cast<FaultCode>(port_misuse_fault(session.misuser(), vmf, injection.answer, injection.delay_ms));
	default:
		cxxrt::bug(__FILE__, __LINE__, "an answer to a fault that no case names");
	}
	return serve(session, vmf, pgoff);
}

FaultCode serve_huge(Session &session, vm_fault *vmf, unsigned long pgoff)
{
	if (!session.hook_is_injected(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD)) {
		const unsigned answer = session.hook_answer(PTELAB_HOOK_HUGE_FAULT).answer;
		if (answer == PTELAB_ANSWER_FALLBACK)
			return FaultCode::kFallback;
		if (answer == PTELAB_ANSWER_OTHER)
			return static_cast<FaultCode>(port_misuse_huge_fault(session.misuser(), vmf, answer));
	}
	return dispatch(session.method(), [&]<typename M>() {
		if constexpr (Huge<M>)
			return EntryPoints::serve_huge<M>(session, vmf, pgoff);
		else
			return FaultCode::kFallback;
	});
}

FaultCode serve_pud(Session &session, vm_fault *vmf, unsigned long pgoff)
{
	if (session.traits().one_pmd && session.hook_is_answered(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD))
		return static_cast<FaultCode>(port_misuse_huge_fault(session.misuser(), vmf, PTELAB_ANSWER_OTHER_PUD));
	return dispatch(session.method(), [&]<typename M>() {
		if constexpr ((M::kBackings & bit(PTELAB_BACKING_HOLE)) != 0)
			return EntryPoints::serve_pud<M>(session, vmf, pgoff);
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
