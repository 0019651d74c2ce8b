// SPDX-License-Identifier: GPL-2.0-or-later
// Touch an address and learn what happens, instead of dying of it.
//
// While a Probe lives, SIGBUS and SIGSEGV are caught for accesses made through it, in any thread; the handlers that were
// there before are used for all others and come back with the last Probe.
#ifndef PTELAB_PROBE_HPP
#define PTELAB_PROBE_HPP

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <ptelab/value.hpp>

namespace ptelab {

struct Touch {
	int signal = 0;		  // 0: the access was made; else SIGBUS or SIGSEGV
	int code = 0;		  // si_code
	std::uintptr_t where = 0; // si_addr
	std::uint8_t value = 0;	  // what was read, or written

	bool done() const { return signal == 0; }
	// "ok", "SIGBUS BUS_ADRERR": the outcome without the value.
	std::string outcome() const;
};

Value to_value(const Touch &touch);

// An access that was expected to work did not.
class AccessFault : public std::runtime_error {
public:
	AccessFault(const std::string &what, const Touch &touch);
	const Touch &touch() const { return touch_; }

private:
	Touch touch_;
};

class Probe {
public:
	Probe();
	~Probe();
	Probe(const Probe &) = delete;
	Probe &operator=(const Probe &) = delete;

	Touch read(const void *address) const;
	Touch write(void *address, std::uint8_t value) const;
	// In aligned words, where the two lie alike. When it faults, an unknown part has been copied.
	Touch copy(void *to, const void *from, std::size_t bytes) const;

	// In a child process: faults that are not a Probe's end it, whatever the parent had installed.
	static void forget_earlier_handlers();
};

} // namespace ptelab

#endif
