// SPDX-License-Identifier: GPL-2.0-or-later
// Raw ioctls: an argument that is right, and every way to spoil one field of it.
#ifndef PTELAB_RULES_ABI_HPP
#define PTELAB_RULES_ABI_HPP

#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <ptelab/device.hpp>

#include "rule.hpp"

namespace ptelab {

template <class T>
struct Wrong {
	const char *what;
	std::function<void(T &)> spoil;
	int error = EINVAL;
};

// Each spoilt copy, each flag that is not known and each reserved word must be refused.
template <class T>
void rejects_spoilt(Rule &rule, const Device &device, unsigned long request, const T &right, const std::vector<Wrong<T>> &wrongs,
		    __u32 known_flags = 0)
{
	for (const Wrong<T> &wrong : wrongs) {
		T argument = right;
		wrong.spoil(argument);
		rule.expect(wrong.what, device.call(request, &argument), wrong.error);
	}
	for (unsigned bit = 0; bit < 32; ++bit) {
		if (known_flags & 1U << bit)
			continue;
		T argument = right;
		argument.flags ^= 1U << bit;
		rule.expect("flag bit " + std::to_string(bit), device.call(request, &argument), EINVAL);
	}
	for (std::size_t word = 0; word < std::size(right.reserved); ++word) {
		T argument = right;
		argument.reserved[word] = 1ULL << 63;
		rule.expect("reserved[" + std::to_string(word) + "]", device.call(request, &argument), EINVAL);
	}
}

// The same, and the argument as it is must pass.
template <class T>
void rejects(Rule &rule, const Device &device, unsigned long request, const T &right, const std::vector<Wrong<T>> &wrongs,
	     __u32 known_flags = 0)
{
	rejects_spoilt(rule, device, request, right, wrongs, known_flags);
	T argument = right;
	rule.expect("everything right", device.call(request, &argument), 0);
}

} // namespace ptelab

#endif
