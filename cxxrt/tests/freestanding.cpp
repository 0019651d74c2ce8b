// SPDX-License-Identifier: GPL-2.0-or-later
// Every header in one unit, compiled as for a module and never run: check-core-object must find nothing in it. All has
// external linkage, so that whatever the headers leave to the compiler's discretion would show as a weak symbol.

#include <linux/ioctl.h>
#include <linux/types.h>

#include "cxxrt/assert.hpp"
#include "cxxrt/badge.hpp"
#include "cxxrt/box.hpp"
#include "cxxrt/checked.hpp"
#include "cxxrt/defer.hpp"
#include "cxxrt/errno.h"
#include "cxxrt/guarded.hpp"
#include "cxxrt/hooks.h"
#include "cxxrt/result.hpp"
#include "cxxrt/span.hpp"
#include "cxxrt/traits.hpp"
#include "cxxrt/utility.hpp"

extern "C" {
struct c_mutex;
void c_lock(c_mutex *mutex);
void c_unlock(c_mutex *mutex);
int c_open(unsigned long id);
void c_close(int id);
int use_everything(c_mutex *mutex, unsigned long *numbers, unsigned long count);
}

static_assert(sizeof(__u64) == 8 && sizeof(__u32) == 4 && sizeof(__u16) == 2 && sizeof(__u8) == 1);
static_assert(sizeof(__s64) == 8 && sizeof(__s32) == 4 && sizeof(__s16) == 2 && sizeof(__s8) == 1);

namespace example {

class Mutex {
public:
	[[gnu::always_inline]] explicit Mutex(c_mutex *mutex) : mutex_{mutex} {}
	[[gnu::always_inline]] void lock() { c_lock(mutex_); }
	[[gnu::always_inline]] void unlock() { c_unlock(mutex_); }

private:
	c_mutex *mutex_;
};

class Handle {
public:
	[[gnu::always_inline]] explicit Handle(int id, cxxrt::Badge<Handle>) : id_{id} {}
	[[gnu::always_inline]] Handle(Handle &&other) : id_{cxxrt::exchange(other.id_, 0)} {}
	[[gnu::always_inline]] ~Handle()
	{
		if (id_ > 0)
			c_close(id_);
	}

	[[gnu::always_inline]] static cxxrt::Result<Handle> make(unsigned long id)
	{
		int opened = c_open(id);
		CXXRT_TRY(cxxrt::from_kernel(opened));
		return Handle{opened, {}};
	}

	[[gnu::always_inline]] int id() const { return id_; }

private:
	int id_;
};

struct State {
	[[gnu::always_inline]] ~State() = default;

	cxxrt::Box<Handle> handle;
	unsigned long total;
};

cxxrt::Result<cxxrt::Box<Handle>> open_boxed(unsigned long id);
cxxrt::Result<int> sum(c_mutex *raw, cxxrt::Span<const unsigned long> numbers);

cxxrt::Result<cxxrt::Box<Handle>> open_boxed(unsigned long id)
{
	auto handle = CXXRT_TRY(Handle::make(id));
	return cxxrt::Box<Handle>::make(cxxrt::move(handle));
}

cxxrt::Result<int> sum(c_mutex *raw, cxxrt::Span<const unsigned long> numbers)
{
	Mutex mutex{raw};
	auto handle = CXXRT_TRY(open_boxed(numbers[0]));
	cxxrt::Guarded<State, Mutex &> state{mutex, cxxrt::move(handle), 0ul};
	cxxrt::Defer log{[raw] { c_lock(raw); }};
	for (unsigned long number : numbers.part(1, numbers.size() - 1))
		CXXRT_TRY(state.with([&](State &held) -> cxxrt::Result<void> {
			held.total = CXXRT_TRY(cxxrt::checked_add(held.total, number));
			held.total = CXXRT_TRY(cxxrt::checked_align_up(held.total, 16ul));
			return {};
		}));
	log.dismiss();
	return state.with([](State &held) { return cxxrt::checked_cast<int>(held.total + held.handle->id()); });
}

} // namespace example

int use_everything(c_mutex *mutex, unsigned long *numbers, unsigned long count)
{
	CXXRT_ASSERT(count > 0);
	auto total = example::sum(mutex, cxxrt::Span{numbers, count});
	if (!total.ok())
		return cxxrt::to_kernel(total.error());
	numbers[0] = cxxrt::align_down(numbers[0], 16ul);
	return total.value();
}
