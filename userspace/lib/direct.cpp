// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/direct.hpp>

#include <cstdint>

namespace ptelab {
namespace {

void must(const Device &device, unsigned long request, void *argument, const char *name)
{
	if (const Errno error = device.call(request, argument); error != Errno{})
		throw_errno(error.value, device.path() + ": " + name);
}

// At most this many at a time; the kernel keeps PTELAB_EVENTS_KEPT.
constexpr __u32 kRoom = 256;

} // namespace

void vma_setup(Device &device, const VmaSetup &wanted)
{
	ptelab_vma_setup argument{};
	argument.flags = wanted.flags | (wanted.hooks ? PTELAB_VMA_SETUP_HOOKS : 0U);
	argument.cache = wanted.cache;
	argument.hooks = wanted.hooks;
	argument.vm_set = wanted.vm_set;
	argument.vm_clear = wanted.vm_clear;
	argument.action_first = wanted.action_first;
	argument.action_pages = wanted.action_pages;
	must(device, PTELAB_IOC_VMA_SETUP, &argument, "VMA_SETUP");
}

void inject(Device &device, const Injected &wanted)
{
	ptelab_injection argument{};
	argument.hook = wanted.hook;
	argument.answer = wanted.answer;
	argument.error = wanted.error;
	argument.after = wanted.after;
	argument.times = wanted.times;
	argument.pages = wanted.pages;
	must(device, PTELAB_IOC_INJECT, &argument, "INJECT");
}

EventLog::EventLog(const Device &device) : device_(&device), file_(device.query().file)
{
	ptelab_events argument{};
	argument.sequence = UINT64_MAX;
	must(device, PTELAB_IOC_EVENTS, &argument, "EVENTS");
	next_ = argument.sequence;
}

std::vector<ptelab_event> EventLog::take()
{
	return take(*device_);
}

std::vector<ptelab_event> EventLog::take(const Device &through)
{
	std::vector<ptelab_event> ours;
	ptelab_event some[kRoom];

	for (;;) {
		ptelab_events argument{};
		argument.count = kRoom;
		argument.sequence = next_;
		argument.buffer = reinterpret_cast<std::uintptr_t>(some);
		must(through, PTELAB_IOC_EVENTS, &argument, "EVENTS");
		if (argument.count == 0)
			return ours;
		next_ = argument.sequence + argument.count;
		for (__u32 i = 0; i < argument.count; ++i)
			if (some[i].file == file_)
				ours.push_back(some[i]);
	}
}

ptelab_call call(const Device &device, ptelab_call argument)
{
	if (argument.anchor == 0)
		argument.anchor = argument.address;
	must(device, PTELAB_IOC_CALL, &argument, "CALL");
	return argument;
}

ptelab_page_info page_info(const Device &device, __u64 index, ptelab_page_source source)
{
	ptelab_page_info argument{};
	argument.index = index;
	argument.source = source;
	must(device, PTELAB_IOC_PAGE_INFO, &argument, "PAGE_INFO");
	return argument;
}

void drop_pages(Device &device)
{
	ptelab_page_info argument{};
	argument.flags = PTELAB_PAGE_DROP_ALL;
	must(device, PTELAB_IOC_PAGE_INFO, &argument, "PAGE_INFO");
}

ptelab_pin pin(const Device &device, const Pin &wanted)
{
	ptelab_pin argument{};
	argument.flags = wanted.flags;
	argument.how = wanted.how;
	argument.address = reinterpret_cast<std::uintptr_t>(wanted.address);
	argument.pages = wanted.pages;
	argument.pid = wanted.pid;
	must(device, PTELAB_IOC_PIN, &argument, "PIN");
	return argument;
}

ptelab_pin unpin(const Device &device)
{
	ptelab_pin argument{};
	must(device, PTELAB_IOC_UNPIN, &argument, "UNPIN");
	return argument;
}

} // namespace ptelab
