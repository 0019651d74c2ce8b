// SPDX-License-Identifier: GPL-2.0
// A fault as a type: the kind of the VMA decides how it may be answered. For the duration of one ->fault call only.
#pragma once

#include "vma.hpp"

namespace ptelab {
namespace {

enum class [[nodiscard]] FaultCode : unsigned {
	kOom = PORT_FAULT_OOM,
	kSigbus = PORT_FAULT_SIGBUS,
	kNoPage = PORT_FAULT_NOPAGE,
	kLocked = PORT_FAULT_LOCKED,
	kRetry = PORT_FAULT_RETRY,
};

// The kernel's own convention (include/linux/mm.h: vmf_error, vmf_insert_page): busy means that another thread was first.
constexpr FaultCode fault_code(Result<void> inserted)
{
	if (inserted.ok() || inserted.error() == Errno::kBusy)
		return FaultCode::kNoPage;
	return inserted.error() == Errno::kNoMem ? FaultCode::kOom : FaultCode::kSigbus;
}

class FaultBase {
public:
	// KERNEL: mmap_lock is held for reading, or the VMA's own lock, and the VMA is ours (mm/memory.c: __do_fault).
	FaultBase(cxxrt::Badge<Entry>, vm_fault *vmf) : vmf_{vmf} {}
	FaultBase(const FaultBase &) = delete;
	FaultBase &operator=(const FaultBase &) = delete;

protected:
	vm_fault *vmf_;
};

template <typename Kind>
class Fault;

template <>
class Fault<PfnMap> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_pfn(unsigned long pfn) { return static_cast<FaultCode>(port_fault_insert_pfn(vmf_, pfn)); }
};

// May be a private remap, where vmf_insert_pfn() would be a BUG: that one can only be mapped anew.
template <>
class Fault<Remapped> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert_pfn(unsigned long pfn)
	{
		if (port_fault_is_cow(vmf_))
			return FaultCode::kSigbus;
		return static_cast<FaultCode>(port_fault_insert_pfn(vmf_, pfn));
	}
};

template <>
class Fault<MixedMap> : public FaultBase {
public:
	using FaultBase::FaultBase;

	FaultCode insert(page *page) { return fault_code(cxxrt::from_kernel(port_fault_insert_page(vmf_, page))); }
};

// A VMA that vm_insert_page() filled at mmap has had VM_MIXEDMAP since then.
template <>
class Fault<Inserted> : public Fault<MixedMap> {
public:
	using Fault<MixedMap>::Fault;
};

template <>
class Fault<Plain> : public FaultBase {
public:
	using FaultBase::FaultBase;

	// The PTE is set after we return, outside the gate. So the page is handed over locked: REVOKE closes the gate and
	// then takes each page's lock, and either sees the PTE or is seen here.
	FaultCode give(const Region &region, unsigned long index)
	{
		port_fault_give(vmf_, region.at(index));
		if (!region.revoked())
			return FaultCode::kLocked;
		port_fault_take_back(vmf_);
		return FaultCode::kSigbus;
	}
};

} // namespace
} // namespace ptelab
