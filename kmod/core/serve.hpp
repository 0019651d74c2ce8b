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
	[[gnu::always_inline]] static FaultCode serve_brief(vm_fault *vmf, const BriefFaults &brief, const Gate &gate, unsigned long pgoff)
	{
		Fault<typename M::Kind> fault{{}, vmf};
		return M::brief(fault, gate, brief.pages + pgoff, brief.count - pgoff);
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

constexpr bool is_error(FaultCode code)
{
	constexpr unsigned kErrors = PORT_FAULT_SIGBUS | PORT_FAULT_OOM | PORT_FAULT_SIGSEGV | PORT_FAULT_HWPOISON;
	return static_cast<unsigned>(code) & kErrors;
}

// With an answer in place of the normal one, or without; whoever is being killed is not sent round again by one that sets no entry.
[[gnu::noinline]] FaultCode answer_at_length(const Session &session, vm_fault *vmf, unsigned long pgoff)
{
	const Injection &injection = session.fault_injection();
	const unsigned long long number = session.counts().add(PORT_FAULTS);
	const FaultCode code = injection.applies(number) ? inject(session, injection, vmf, pgoff) : serve(session, vmf, pgoff);
	// After kRetry the session may be gone: the lock that kept it is dropped.
	if (is_error(code))
		session.counts().add(PORT_FAULT_ERRORS);
	return code == FaultCode::kNoPage && port_killed() ? FaultCode::kSigbus : code;
}

[[gnu::noinline]] FaultCode failed(const Session &session, FaultCode code)
{
	session.counts().add(PORT_FAULT_ERRORS);
	return code;
}

// The gate is shut, or about to be.
[[gnu::noinline]] FaultCode turned_away(const Session &session, vm_fault *vmf, unsigned long pgoff)
{
	session.brief_faults().gate->leave();
	return answer_at_length(session, vmf, pgoff);
}

// The gate is one operation on the way in and one on the way out. end() is asked what to answer after it.
template <typename M, typename F>
[[gnu::always_inline]] inline FaultCode pass_brief(vm_fault *vmf, const Session &session, unsigned long pgoff, F &&end)
{
	const auto gate = [&]() -> GateState & { return *session.brief_faults().gate; };
	bool entered = true;
	const FaultCode code = GateState::pass_at_once(
		gate,
		[&](const Gate &open) {
			session.counts().tick(PORT_FAULTS);
			return EntryPoints::serve_brief<M>(vmf, session.brief_faults(), open, pgoff);
		},
		[&] {
			entered = false;
			return turned_away(session, vmf, pgoff);
		});
	return entered ? end(code) : code;
}

// An entry is there after such a fault, ours or of another thread that was first, so that whoever comes again has seen it go: a task that
// is being killed need not be looked for.
template <typename M>
[[gnu::always_inline]] inline FaultCode insert_brief(vm_fault *vmf, const Session &session, unsigned long pgoff)
{
	return pass_brief<M>(vmf, session, pgoff, [&](FaultCode code) {
		return static_cast<unsigned>(code) & PORT_FAULT_NOPAGE ? code : failed(session, code);
	});
}

// Another has the page lock, which is waited for outside the gate.
template <typename M>
[[gnu::noinline]] FaultCode give_in_turn(vm_fault *vmf, const Session &session, unsigned long pgoff)
{
	const FaultCode code = EntryPoints::serve<typename M::FaultsAs>(session, vmf, pgoff);
	return is_error(code) ? failed(session, code) : code;
}

// By itself, as it keeps more than the others for what may come after.
template <typename M>
[[gnu::noinline]] FaultCode give_brief(vm_fault *vmf, const Session &session, unsigned long pgoff)
{
	return pass_brief<M>(vmf, session, pgoff, [&](FaultCode code) {
		return static_cast<unsigned>(code) & PORT_FAULT_LOCKED ? code : give_in_turn<M>(vmf, session, pgoff);
	});
}

template <typename First, typename... Rest>
[[gnu::always_inline]] inline FaultCode answer_brief(MethodList<First, Rest...>, vm_fault *vmf, const Session &session, unsigned long pgoff)
{
	if constexpr (sizeof...(Rest) != 0)
		if (session.brief_faults().method != First::kMethod)
			return answer_brief(MethodList<Rest...>{}, vmf, session, pgoff);
	if constexpr (First::kGivesPages)
		return give_brief<First>(vmf, session, pgoff);
	else
		return insert_brief<First>(vmf, session, pgoff);
}

// Most faults are of a page in a list, in a region that nobody revokes.
[[gnu::always_inline]] inline FaultCode answer_fault(vm_fault *vmf, const Session &session, unsigned long pgoff)
{
	if (pgoff >= session.brief_faults().count) [[unlikely]]
		return answer_at_length(session, vmf, pgoff);
	return answer_brief(BriefMethods{}, vmf, session, pgoff);
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

} // namespace
} // namespace ptelab
