// SPDX-License-Identifier: GPL-2.0
// A part of entry.cpp, which alone includes it: ->fault and ->huge_fault, one function for each method.
#pragma once

#include "serve.hpp"

namespace ptelab {
namespace {

template <typename M>
unsigned fault(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	const Session &session = s->session;
	const unsigned action = session.plan().action_for(session.counts().add(PORT_FAULTS));
	if (action == PTELAB_FAULT_RETRY) {
		// Once the lock is dropped, the VMA, the file and this session may go at any moment.
		if (const unsigned retry = port_fault_retry(vmf))
			return retry;
	}
	bool serve = false;
	const FaultCode code = planned(session, action, vmf, pgoff, serve);
	return answered(session, serve ? Entry::serve<M>(session, vmf, pgoff) : code);
}

template <typename M>
unsigned huge_fault(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	if (s->session.hook_is_planned(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD))
		return static_cast<unsigned>(Entry::serve_huge<M>(s->session, vmf, pgoff, false));
	const unsigned answer = s->session.hook_answer(PTELAB_HOOK_HUGE_FAULT).answer;
	if (answer == PTELAB_ANSWER_FALLBACK)
		return PORT_FAULT_FALLBACK;
	return static_cast<unsigned>(Entry::serve_huge<M>(s->session, vmf, pgoff, answer == PTELAB_ANSWER_OTHER));
}

} // namespace
} // namespace ptelab

extern "C" {

unsigned int ptelab_fault_insert_page(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<InsertPage>(s, vmf, pgoff);
}

unsigned int ptelab_fault_fault_insert_page(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<FaultInsertPage>(s, vmf, pgoff);
}

unsigned int ptelab_fault_fault_page(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<FaultPage>(s, vmf, pgoff);
}

unsigned int ptelab_fault_fault_insert_pfn(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<FaultInsertPfn>(s, vmf, pgoff);
}

unsigned int ptelab_fault_remap_pfn(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<RemapPfn>(s, vmf, pgoff);
}

unsigned int ptelab_fault_iomap(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<IoMap>(s, vmf, pgoff);
}

unsigned int ptelab_fault_insert_pages(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<InsertPages>(s, vmf, pgoff);
}

unsigned int ptelab_fault_map_pages(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<MapPages>(s, vmf, pgoff);
}

unsigned int ptelab_fault_map_pages_zero(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<MapPagesZero>(s, vmf, pgoff);
}

unsigned int ptelab_fault_remap_vmalloc(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<RemapVmalloc>(s, vmf, pgoff);
}

unsigned int ptelab_fault_fault_insert_pages(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<FaultInsertPages>(s, vmf, pgoff);
}

unsigned int ptelab_fault_fault_insert_mixed(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<FaultInsertMixed>(s, vmf, pgoff);
}

unsigned int ptelab_fault_huge_pfn(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<HugePfn>(s, vmf, pgoff);
}

unsigned int ptelab_fault_huge_folio(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<HugeFolio>(s, vmf, pgoff);
}

unsigned int ptelab_fault_bare(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<Bare>(s, vmf, pgoff);
}

unsigned int ptelab_fault_prepare_remap(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<PrepareRemap>(s, vmf, pgoff);
}

unsigned int ptelab_fault_prepare_ioremap(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<PrepareIoremap>(s, vmf, pgoff);
}

unsigned int ptelab_fault_prepare_simple_ioremap(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<PrepareSimpleIoremap>(s, vmf, pgoff);
}

unsigned int ptelab_fault_prepare_map_pages(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<PrepareMapPages>(s, vmf, pgoff);
}

unsigned int ptelab_fault_prepare_fault_page(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return fault<PrepareFaultPage>(s, vmf, pgoff);
}

unsigned int ptelab_huge_fault_pfn(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return huge_fault<HugePfn>(s, vmf, pgoff);
}

unsigned int ptelab_huge_fault_folio(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return huge_fault<HugeFolio>(s, vmf, pgoff);
}

unsigned int ptelab_huge_fault_bare(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	return huge_fault<Bare>(s, vmf, pgoff);
}

unsigned int ptelab_huge_fault_pud(ptelab_session *s, vm_fault *vmf, unsigned long pgoff)
{
	Session &session = s->session;
	switch (session.node().method) {
	case PTELAB_HUGE_PFN:
		return static_cast<unsigned>(Entry::serve_pud(session, vmf, pgoff));
	case PTELAB_HUGE_FOLIO:
		if (session.hook_is_answered(PTELAB_HOOK_HUGE_FAULT, PTELAB_ANSWER_OTHER_PUD))
			return static_cast<unsigned>(Entry::refused_pud(session, vmf));
	}
	return PORT_FAULT_FALLBACK;
}

} // extern "C"
