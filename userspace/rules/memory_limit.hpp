// SPDX-License-Identifier: GPL-2.0-or-later
// A memory cgroup with a limit: what the kernel allocates on a process' account fails when it is reached, on kernels without
// fault injection too. In version 1 of the interface the OOM killer can be told to stay away; in version 2 it looks at the one
// process that is there, finds that it must not kill it, and fills the kernel's log with that.
#ifndef PTELAB_RULES_MEMORY_LIMIT_HPP
#define PTELAB_RULES_MEMORY_LIMIT_HPP

#include <cstddef>
#include <string_view>

#include "need.hpp"

namespace ptelab {

class MemoryLimit {
public:
	MemoryLimit(); // an empty group, without a limit
	~MemoryLimit();
	MemoryLimit(const MemoryLimit &) = delete;
	MemoryLimit &operator=(const MemoryLimit &) = delete;

	// For a child, which must be gone before the group is: it is put into the group and stays on one processor, with all
	// its memory present, and is not to be killed for want of memory.
	void join() const;
	// Runs the action with so many pages to spare: none of user memory may be missing in it. Page tables count, memory that
	// the kernel does not charge to anybody does not.
	template <class F>
	void with_room_for(std::size_t page_count, F &&action) const
	{
		const Pipe pipe;
		leave(pipe, page_count);
		action();
		lift();
	}

private:
	struct Pipe {
		Pipe();
		~Pipe();
		Pipe(const Pipe &) = delete;
		Pipe &operator=(const Pipe &) = delete;
		int out = -1, in = -1;
	};
	int open(const char *name, int flags) const;
	void write(const char *name, std::string_view text) const;
	void make_group();
	void remove() const;
	std::size_t usage() const;
	bool set(std::size_t bytes) const; // false: more is in use
	void exhaust(const Pipe &pipe) const;
	void leave(const Pipe &pipe, std::size_t page_count) const;
	void lift() const;

	struct Version;

	const Version *version_ = nullptr;
	int mount_ = -1;
	bool enabled_ = false; // the controller, by us
	// Held open: to open a file is charged too.
	int limit_ = -1;
	int usage_ = -1;
};

// Such a group can be had.
Need memory_limit();

} // namespace ptelab

#endif
