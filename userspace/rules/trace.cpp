// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr std::array<std::string_view, PTELAB_HOOKS> kHookNames{
	"none",	     "mmap",	  "open",	  "close",	 "may_split", "mremap",		"mprotect", "fault",
	"huge_fault", "map_pages", "page_mkwrite", "pfn_mkwrite", "access",    "generic_access", "name",     "release",
	"mmap_prepare", "mapped",
};

} // namespace

Device traced_region(const Node &node, std::size_t page_count, const VmaSetup &wanted, const Setup &setup)
{
	Device device = own_region(node, page_count, setup);
	VmaSetup recorded = wanted;
	recorded.flags |= PTELAB_VMA_SETUP_EVENTS;
	vma_setup(device, recorded);
	return device;
}

std::vector<std::string> hook_names(const Events &events)
{
	std::vector<std::string> names;
	for (const ptelab_event &event : events)
		names.emplace_back(kHookNames.at(event.hook));
	return names;
}

std::size_t count_of(const Events &events, ptelab_hook hook)
{
	return static_cast<std::size_t>(std::ranges::count(events, static_cast<__u32>(hook), &ptelab_event::hook));
}

const ptelab_event &event_of(const Events &events, ptelab_hook hook, std::size_t number)
{
	for (const ptelab_event &event : events)
		if (event.hook == hook && number-- == 0)
			return event;
	throw std::runtime_error("the kernel did not call the hook " + std::string(kHookNames.at(hook)) + " so often");
}

std::string lock_name(const ptelab_event &event)
{
	switch (event.lock) {
	case PTELAB_LOCK_NONE:
		return "none";
	case PTELAB_LOCK_READ:
		return "read";
	case PTELAB_LOCK_WRITE:
		return "write";
	}
	return "not looked at";
}

} // namespace ptelab
