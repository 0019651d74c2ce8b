// SPDX-License-Identifier: GPL-2.0-or-later
// The one owner of one heap object. Making one can fail and says so; there is no operator new to fail otherwise.
// No arrays, no custom deleter, no conversion between types. make() and the destructor may sleep in the kernel, as
// cxxrt_alloc() and cxxrt_free() may.
#pragma once

#include "cxxrt/hooks.h"
#include "cxxrt/result.hpp"
#include "cxxrt/utility.hpp"

namespace cxxrt {

template <typename T>
class [[nodiscard]] Box {
public:
	// T's constructor can't fail; what can belongs into a make() of T's own.
	template <typename... Args>
	[[nodiscard, gnu::always_inline]] static Result<Box> make(Args &&...args)
	{
		static_assert(alignof(T) <= CXXRT_ALLOC_ALIGN, "cxxrt_alloc() does not align for this type");
		void *block = cxxrt_alloc(sizeof(T));
		if (!block)
			return Errno::kNoMem;
		return Box{construct<T>(block, cxxrt::forward<Args>(args)...)};
	}

	// For an object that C keeps by its address, as in file->private_data: release() it to C, adopt() it back.
	[[nodiscard, gnu::always_inline]] static Box adopt(T *object) { return Box{object}; }
	[[nodiscard, gnu::always_inline]] T *release() && { return exchange(object_, nullptr); }

	[[gnu::always_inline]] Box(Box &&other) : object_{exchange(other.object_, nullptr)} {}
	Box &operator=(Box &&) = delete;
	[[gnu::always_inline]] ~Box()
	{
		if (!object_)
			return;
		object_->~T();
		cxxrt_free(object_);
	}

	[[nodiscard, gnu::always_inline]] T &operator*() const
	{
		CXXRT_ASSERT(object_);
		return *object_;
	}

	[[nodiscard, gnu::always_inline]] T *operator->() const
	{
		CXXRT_ASSERT(object_);
		return object_;
	}

private:
	[[gnu::always_inline]] explicit Box(T *object) : object_{object} {}

	T *object_;
};

} // namespace cxxrt
