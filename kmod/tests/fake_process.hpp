// SPDX-License-Identifier: GPL-2.0-or-later
// User space and the rest of the kernel on top of the fake: a loaded module, processes that open, map, touch and fork. Tests
// read like programs that use /dev/ptelab.
#pragma once

#include <memory>
#include <vector>

#include "fake_kernel.hpp"

namespace fake {

enum class Outcome { kOk, kSigbus, kSegv, kOom, kHwPoison, kEndless };

struct Touch {
	Outcome outcome;
	std::uint64_t value;	// what was read

	bool ok() const { return outcome == Outcome::kOk; }
	bool operator==(const Touch &) const = default;
};

constexpr Touch kSigbus{Outcome::kSigbus, 0};
constexpr Touch kSegv{Outcome::kSegv, 0};
constexpr Touch value(std::uint64_t word) { return {Outcome::kOk, word}; }

// insmod and rmmod. A boot of its own: whatever is left when it goes is a bug.
class Module {
public:
	explicit Module(const Personality &personality = {}, unsigned long pages = 8);
	~Module();
	Module(const Module &) = delete;
	Module &operator=(const Module &) = delete;

	int load();	// done by the constructor; 0 or -errno, for those who make it fail
	void unload();
	ptelab_node *node(unsigned method) { return nodes_[method]; }
	void unplug();	// the device goes

private:
	unsigned long pages_;
	ptelab_node *nodes_[PTELAB_METHODS] = {};
};

struct MapFlags {
	bool read = true;
	bool write = true;
	bool exec = false;
	bool is_private = false;
	unsigned long fails_after = 0;	// pages inserted before ->mmap fails, as INJECT can have it
};

// An address, or a negative errno.
class Mapped {
public:
	Mapped(long value) : value_{value} {}
	bool ok() const { return value_ > 0; }
	int error() const { return ok() ? 0 : static_cast<int>(value_); }
	unsigned long at() const { return static_cast<unsigned long>(value_); }

private:
	long value_;
};

// The thread that calls it becomes its thread.
class Process {
public:
	Process();
	~Process() { exit(); }
	Process(const Process &) = delete;
	Process &operator=(const Process &) = delete;

	// nullptr: failed with open_error().
	file *open(Module &module, unsigned method, bool may_write = true);
	int open_error() const { return open_error_; }
	void close(file *file);

	Mapped mmap(file *file, unsigned long pages, unsigned long pgoff = 0, const MapFlags &flags = {});
	int munmap(unsigned long addr, unsigned long pages);
	bool protect_exec(unsigned long addr);	// mprotect(PROT_EXEC)
	bool grow(unsigned long addr, unsigned long pages);	// mremap() in place

	Touch read(unsigned long addr) { return touch(addr, false, 0); }
	Touch write(unsigned long addr, std::uint64_t word) { return touch(addr, true, word); }
	unsigned long present() const;	// page table entries in the whole address space

	void fork_into(Process &child);
	void run();	// the calling thread becomes this process' thread
	void exit();

private:
	Touch touch(unsigned long addr, bool write, std::uint64_t word);
	int split(unsigned long addr);
	int map(std::unique_ptr<vm_area_struct> vma, unsigned long fails_after);
	int prepare(std::unique_ptr<vm_area_struct> vma, std::vector<file *> &released);
	void link_new(vm_area_struct *vma);
	void remove(vm_area_struct *vma, std::vector<file *> &released);

	Mm *mm_;
	std::vector<file *> files_;
	int open_error_ = 0;
};

// The text of one ioctl: the argument zeroed but for what set() does to it.
template <typename Arg, typename F>
Arg arg(F &&set)
{
	Arg it{};
	set(it);
	return it;
}

} // namespace fake
