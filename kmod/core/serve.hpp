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

	static Result<void> map_part(Session &session, vm_area_struct *vma, unsigned long pages)
	{
		return session.map_part(NewVma{{}, vma}, pages);
	}

	template <typename M>
	static FaultCode serve(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		const Region &region = session.mapped_region();
		Fault<typename M::Kind> fault{{}, vmf};
		if constexpr (M::kIgnoresOffset)
			pgoff -= fault.origin();
		if (pgoff >= region.count())
			return FaultCode::kSigbus;
		if constexpr (cxxrt::SameAs<typename M::Kind, Plain>)
			return M::fault(fault, region, pgoff);	// passes the gate itself, with the page locked
		else
			return region.pass([&](const GateState &gate) {
				if (!gate.open)
					return FaultCode::kSigbus;
				// What was filled at mmap comes back only if REVOKE took it away, not after a mere zap.
				if constexpr (M::kEager)
					if (fault.restores() == gate.restores)
						return FaultCode::kSigbus;
				return M::fault(fault, region, pgoff);
			});
	}

	template <typename M>
	static FaultCode serve_huge(const Session &session, vm_fault *vmf, unsigned long pgoff, bool other)
	{
		// It maps pages beside PMDs without a lock of ours.
		if (session.plan().action == PTELAB_FAULT_REMAP)
			return FaultCode::kFallback;
		const Region &region = session.mapped_region();
		Fault<typename M::Kind> fault{{}, vmf};
		return region.pass([&](const GateState &gate) {
			// ->fault says why not, and counts it.
			return gate.open ? M::huge_fault(fault, region, pgoff, other) : FaultCode::kFallback;
		});
	}

	static FaultCode serve_pud(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		const Region &region = session.mapped_region();
		if (region.backing() != PTELAB_BACKING_HOLE)
			return FaultCode::kFallback;
		Fault<PfnMap> fault{{}, vmf};
		// After a fallback the kernel would put a page table in the hole's place, and keep it there.
		return region.pass([&](const GateState &gate) {
			return gate.open ? fault.insert_pud(region, pgoff) : FaultCode::kSigbus;
		});
	}

	static FaultCode refused_pud(const Session &session, vm_fault *vmf)
	{
		const Region &region = session.mapped_region();
		Fault<Plain> fault{{}, vmf};
		return region.pass([&](const GateState &gate) {
			return gate.open ? fault.insert_folio_pud(region) : FaultCode::kFallback;
		});
	}

	// The two answers that a good driver never gives.
	static FaultCode stale(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		Fault<Plain> fault{{}, vmf};
		const Region &region = session.mapped_region();
		return pgoff < region.count() ? fault.give_stale(region, pgoff, session.plan().delay_ms) : FaultCode::kSigbus;
	}

	// Not inside the gate, in which the VMA's own lock does not nest: what is mapped here, a REVOKE at that moment misses.
	static FaultCode remap(const Session &session, vm_fault *vmf, unsigned long pgoff)
	{
		Fault<Shaped> fault{{}, vmf};
		const Region &region = session.mapped_region();
		return pgoff < region.count() && !region.revoked() ? fault.remap(region.pfn(pgoff)) : FaultCode::kSigbus;
	}
};

FaultCode planned(const Session &session, unsigned action, vm_fault *vmf, unsigned long pgoff, bool &serve)
{
	switch (action) {
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
	case PTELAB_FAULT_STALE:
		return Entry::stale(session, vmf, pgoff);
	case PTELAB_FAULT_REMAP:
		return Entry::remap(session, vmf, pgoff);
	case PTELAB_FAULT_DELAY:
		// A task that is being killed is not kept waiting, nor sent round again by a handler that does nothing.
		serve = port_fault_delay(session.plan().delay_ms);
		return FaultCode::kSigbus;
	default:
		serve = true;
		return FaultCode::kSigbus;
	}
}

constexpr unsigned kFaultErrors = PORT_FAULT_SIGBUS | PORT_FAULT_OOM | PORT_FAULT_SIGSEGV | PORT_FAULT_HWPOISON;

unsigned answered(const Session &session, FaultCode code)
{
	if (static_cast<unsigned>(code) & kFaultErrors)
		session.counts().add(PORT_FAULT_ERRORS);
	return static_cast<unsigned>(code);
}

} // namespace
} // namespace ptelab
