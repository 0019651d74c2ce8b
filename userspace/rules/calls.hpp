// SPDX-License-Identifier: GPL-2.0-or-later
// One call of the kernel's API on a VMA that was made for it: the node bare, and the words for what the kernel answered.
#ifndef PTELAB_RULES_CALLS_HPP
#define PTELAB_RULES_CALLS_HPP

#include <cstdint>
#include <cstdio>
#include <string>

#include <ptelab/direct.hpp>

#include "lab.hpp"

namespace ptelab {

// A file of the node bare with a zeroed region of its own (split pages: contiguous, each with a count of its own).
Device bare(const VmaSetup &wanted = {}, std::size_t page_count = kPages, ptelab_backing backing = PTELAB_BACKING_SPLIT);

// The address of a page of the mapping, also of one before or after it, as the ABI's number.
std::uint64_t address_of(const Mapping &map, std::int64_t page_index = 0);

// The call at the mapping's first page, of one page, which is the region's first.
ptelab_call call_on(const Mapping &map, ptelab_call_id id, __u32 flags = 0);
// What the ioctl itself says, whatever the kernel answers.
Errno ask(const Device &device, ptelab_call wanted);

// What the kernel answered where it answers 0 or -errno. std::logic_error if it was neither.
Errno answer(const ptelab_call &done);
// What it answered where that is a VM_FAULT_*: "NOPAGE", "SIGBUS", "0", "SIGBUS|RETRY".
std::string fault_answer(const ptelab_call &done);

// call(), and its answer as an errno.
Errno answer_to(const Device &device, const ptelab_call &wanted);
// call(), and its answer as the name of a VM_FAULT_*.
std::string fault_answer_to(const Device &device, const ptelab_call &wanted);

// Those of "io pf mm de dd" that smaps shows of the mapping, in this order; "" if none.
std::string driver_flags(const Mapping &map);
// smaps shows this flag of it.
bool has_flag(const Mapping &map, const char *flag);
// What smaps says is resident, in pages.
std::uint64_t resident(const Mapping &map);

// The process' RssFile, in pages. The kernel counts it by CPU or by task and tells the sum only roughly, so steps of it are
// judged by rss_step(), over kRssPages pages.
inline constexpr std::size_t kRssPages = 2048;
std::uint64_t file_rss();
// "none", "+all", "-all", or how many pages it was.
std::string rss_step(std::uint64_t before, std::uint64_t after);

// The line of a WARN in this file of the kernel, in this function if one is named; both are regular expressions. Later kernels
// put the place before the function and the CPU, earlier ones after it.
std::string warning_in(const std::string &file, const std::string &function = "");

// The kernel has printed a line that matches since boot, as far as its log reaches back. Needs root.
bool kernel_said(const std::string &regex);

// What the kernel prints from the making of this object on, or, with SEEK_SET, from boot on. Needs root.
class KernelLog {
public:
	explicit KernelLog(int whence = SEEK_END);
	KernelLog(const KernelLog &) = delete;
	KernelLog &operator=(const KernelLog &) = delete;
	~KernelLog();

	// Lines that match, since the last count().
	std::size_t count(const std::string &regex);

private:
	int fd_;
};

} // namespace ptelab

#endif
