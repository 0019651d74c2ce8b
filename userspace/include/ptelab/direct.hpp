// SPDX-License-Identifier: GPL-2.0-or-later
// The node's other side: vma_setup the VMA and its hooks, watch the kernel call them, make one call of the API at a time.
// A failure of the ioctl is a std::system_error with its errno; what the kernel's own call answered is a value.
#ifndef PTELAB_DIRECT_HPP
#define PTELAB_DIRECT_HPP

#include <vector>

#include <ptelab/device.hpp>

#include "ptelab_direct.h"

namespace ptelab {

constexpr __u64 hook_bit(ptelab_hook hook)
{
	return 1ULL << hook;
}

struct VmaSetup {
	__u32 flags = 0; // PTELAB_VMA_SETUP_*; PTELAB_VMA_SETUP_HOOKS is implied by hooks
	__u64 hooks = 0;
	__u32 vm_set = 0;
	__u32 vm_clear = 0;
	ptelab_cache cache = ptelab_cache{};
	__u64 action_first = 0; // page of the VMA
	__u64 action_pages = 0;
};
void vma_setup(Device &device, const VmaSetup &vma_setup);

// Until the next injection for this hook; times 0: for all that follow.
struct Injected {
	ptelab_hook hook;
	ptelab_answer answer;
	__u32 error = 0;
	__u64 after = 0;
	__u64 times = 0;
	__u64 pages = 0;
};
void inject(Device &device, const Injected &injection);

// The hook calls that a file custom with PTELAB_VMA_SETUP_EVENTS sees from the making of this object on, in any process.
class EventLog {
public:
	explicit EventLog(const Device &device);

	// What came since the last take(), of this file.
	std::vector<ptelab_event> take();
	// Also when the file is closed: through any other open node.
	std::vector<ptelab_event> take(const Device &through);

private:
	const Device *device_;
	__u64 file_;
	__u64 next_;
};

// anchor may be left 0: then it is the address.
ptelab_call call(const Device &device, ptelab_call argument);
ptelab_page_info page_info(const Device &device, __u64 index, ptelab_page_source source = ptelab_page_source{});
void drop_pages(Device &device);

struct Pin {
	ptelab_pin_how how;
	const void *address;
	__u64 pages = 1;
	__u32 flags = 0; // PTELAB_PIN_*
	__u32 pid = 0;
};
ptelab_pin pin(const Device &device, const Pin &pin);
ptelab_pin unpin(const Device &device);

} // namespace ptelab

#endif
