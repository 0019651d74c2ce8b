// SPDX-License-Identifier: GPL-2.0-or-later
// The ways to get at the pages behind an address, and the words for what came of it.
#ifndef PTELAB_RULES_GUP_HPP
#define PTELAB_RULES_GUP_HPP

#include <array>
#include <string_view>

#include <ptelab/direct.hpp>

#include "lab.hpp"

namespace ptelab {

struct PinWay {
	ptelab_pin_how how;
	std::string_view name;
	bool pins; // FOLL_PIN, given back by unpin_user_page()
};

inline constexpr std::array kPinWays{
	PinWay{PTELAB_PIN_GET, "get_user_pages", false},
	PinWay{PTELAB_PIN_GET_FAST, "get_user_pages_fast", false},
	PinWay{PTELAB_PIN_GET_FAST_ONLY, "get_user_pages_fast_only", false},
	PinWay{PTELAB_PIN_GET_REMOTE, "get_user_pages_remote", false},
	PinWay{PTELAB_PIN_GET_UNLOCKED, "get_user_pages_unlocked", false},
	PinWay{PTELAB_PIN_PIN, "pin_user_pages", true},
	PinWay{PTELAB_PIN_PIN_FAST, "pin_user_pages_fast", true},
	PinWay{PTELAB_PIN_PIN_REMOTE, "pin_user_pages_remote", true},
	PinWay{PTELAB_PIN_PIN_UNLOCKED, "pin_user_pages_unlocked", true},
};

// One page: "1" if it was got, "0" if none was, else the name of the errno.
inline std::string verdict(const ptelab_pin &got)
{
	return got.result < 0 ? errno_name(static_cast<int>(-got.result)) : std::to_string(got.result);
}

inline std::string verdict_of(const Device &device, ptelab_pin_how how, const void *address, __u32 flags = 0)
{
	return verdict(pin(device, {.how = how, .address = address, .flags = flags}));
}

} // namespace ptelab

#endif
