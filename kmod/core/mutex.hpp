// SPDX-License-Identifier: GPL-2.0
// A mutex that C keeps.
#pragma once

#include "cxxrt/result.hpp"
#include "cxxrt/utility.hpp"
#include "kmod/port.h"

namespace ptelab {
namespace {

using cxxrt::Errno;
using cxxrt::Result;

class Mutex {
public:
	static Result<Mutex> make()
	{
		port_mutex *const mutex = port_mutex_new();
		if (!mutex)
			return Errno::kNoMem;
		return Mutex{mutex};
	}

	Mutex(Mutex &&other) : mutex_{cxxrt::exchange(other.mutex_, nullptr)} {}
	Mutex &operator=(Mutex &&) = delete;
	~Mutex()
	{
		if (mutex_)
			port_mutex_free(mutex_);
	}
	void lock() { port_mutex_lock(mutex_); }
	bool lock_killable() { return port_mutex_lock_killable(mutex_); }
	void unlock() { port_mutex_unlock(mutex_); }

private:
	explicit Mutex(port_mutex *mutex) : mutex_{mutex} {}

	port_mutex *mutex_;
};

} // namespace
} // namespace ptelab
