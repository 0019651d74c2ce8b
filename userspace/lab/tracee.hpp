// SPDX-License-Identifier: GPL-2.0-or-later
// Another process that has the same mappings as this one, stopped under ptrace.
#ifndef PTELAB_LAB_TRACEE_HPP
#define PTELAB_LAB_TRACEE_HPP

#include <cstdint>
#include <optional>

#include <ptelab/child.hpp>
#include <ptelab/device.hpp>

namespace ptelab::tables {

class Tracee {
public:
	// It lends its memory to this open file (PTELAB_IOC_LEND).
	explicit Tracee(const Device &file);
	Tracee(const Tracee &) = delete;
	Tracee &operator=(const Tracee &) = delete;
	~Tracee();

	pid_t pid() const { return child_.pid(); }
	// Each answers 0 or the errno.
	int peek(const void *address, std::uint64_t &value) const;
	int poke(void *address, std::uint64_t value) const;

private:
	Child child_;
};

} // namespace ptelab::tables

#endif
