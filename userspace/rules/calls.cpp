// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls.hpp"

#include <cerrno>
#include <cstdio>
#include <optional>
#include <regex>
#include <stdexcept>

#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/procfs.hpp>

namespace ptelab {
namespace {

// include/linux/mm_types.h: enum vm_fault_reason; the same on every kernel since 5.1, COMPLETED since 6.0.
constexpr struct {
	unsigned bit;
	const char *name;
} kFaultBits[] = {
	{0x0001, "OOM"},     {0x0002, "SIGBUS"},	{0x0004, "MAJOR"},  {0x0010, "HWPOISON"}, {0x0020, "HWPOISON_LARGE"},
	{0x0040, "SIGSEGV"}, {0x0100, "NOPAGE"},	{0x0200, "LOCKED"}, {0x0400, "RETRY"},	  {0x0800, "FALLBACK"},
	{0x1000, "DONE_COW"}, {0x2000, "NEEDDSYNC"}, {0x4000, "COMPLETED"},
};

// A per-CPU counter may hide 32 pages a CPU (lib/percpu_counter.c: percpu_counter_batch), a task 64 (mm/memory.c:
// check_sync_rss_stat); and the reading itself may fault pages of this program in.
constexpr std::int64_t kRssSlack = 512;

int open_log()
{
	const int fd = ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		throw_errno("open /dev/kmsg");
	return fd;
}

// Reads on to the end; answers how many records match.
std::size_t count_in(int log, const std::regex &pattern)
{
	char record[8192]; // one read is one record, and none is longer (kernel/printk/printk.c: devkmsg_read)
	std::size_t found = 0;

	for (;;) {
		const ssize_t got = ::read(log, record, sizeof(record));
		if (got < 0 && errno == EAGAIN)
			return found;
		if (got < 0 && errno != EPIPE) // EPIPE: what we were at was overwritten
			throw_errno("read /dev/kmsg");
		if (got > 0 && std::regex_search(record, record + got, pattern))
			++found;
	}
}

Smaps smaps_of(const Mapping &map)
{
	std::optional<Smaps> smaps = smaps_at(map.data());
	if (!smaps)
		throw std::runtime_error("smaps does not show the mapping");
	return *smaps;
}

} // namespace

Device bare(const VmaSetup &wanted, std::size_t page_count, ptelab_backing backing)
{
	Device device = own_region(node_of(PTELAB_BARE), page_count, {.backing = backing});
	vma_setup(device, wanted);
	return device;
}

std::uint64_t address_of(const Mapping &map, std::int64_t page_index)
{
	return reinterpret_cast<std::uintptr_t>(map.data()) +
	       static_cast<std::uint64_t>(page_index * static_cast<std::int64_t>(page_size()));
}

ptelab_call call_on(const Mapping &map, ptelab_call_id id, __u32 flags)
{
	ptelab_call call{};
	call.call = id;
	call.flags = flags;
	call.anchor = call.address = address_of(map);
	call.bytes = page_size();
	call.count = 1;
	return call;
}

Errno ask(const Device &device, ptelab_call argument)
{
	return device.call(PTELAB_IOC_CALL, &argument);
}

Errno answer(const ptelab_call &done)
{
	if (done.result > 0 || done.result < -4095)
		throw std::logic_error(fmt::format("call {} answered {}, which is no -errno", done.call, done.result));
	return static_cast<int>(-done.result);
}

std::string fault_answer(const ptelab_call &done)
{
	std::string text;
	auto rest = static_cast<std::uint64_t>(done.result);

	for (const auto &[bit, name] : kFaultBits) {
		if (rest & bit)
			text += (text.empty() ? "" : "|") + std::string(name);
		rest &= ~std::uint64_t{bit};
	}
	if (rest != 0)
		text += fmt::format("|{:#x}", rest);
	return text.empty() ? "0" : text;
}

Errno answer_to(const Device &device, const ptelab_call &wanted)
{
	return answer(call(device, wanted));
}

std::string fault_answer_to(const Device &device, const ptelab_call &wanted)
{
	return fault_answer(call(device, wanted));
}

std::string driver_flags(const Mapping &map)
{
	const Smaps smaps = smaps_of(map);
	std::string text;

	for (const char *flag : {"io", "pf", "mm", "de", "dd"})
		if (smaps.has(flag))
			text += (text.empty() ? "" : " ") + std::string(flag);
	return text;
}

bool has_flag(const Mapping &map, const char *flag)
{
	const std::optional<Smaps> smaps = smaps_at(map.data());
	return smaps && smaps->has(flag);
}

std::uint64_t resident(const Mapping &map)
{
	return smaps_of(map).kb("Rss") * 1024 / page_size();
}

std::uint64_t file_rss()
{
	// On kernels that count by task, a task's own share is added to the sum when it unmaps something (add_mm_rss_vec).
	{
		const Mapping scratch(-1, pages(1), {.flags = MAP_PRIVATE | MAP_ANONYMOUS});
		scratch.put(0, std::uint8_t{1});
	}
	return status_kb("RssFile") * 1024 / page_size();
}

std::string rss_step(std::uint64_t before, std::uint64_t after)
{
	const std::int64_t step = static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before);
	const auto near = [&](std::int64_t wanted) { return step >= wanted - kRssSlack && step <= wanted + kRssSlack; };
	constexpr auto all = static_cast<std::int64_t>(kRssPages);

	return near(0) ? "none" : near(all) ? "+all" : near(-all) ? "-all" : fmt::format("{} pages", step);
}

std::string warning_in(const std::string &file, const std::string &function)
{
	return "WARNING: (CPU: [0-9]+ PID: [0-9]+ at )?" + file + ":[0-9]+ (at )?" + function;
}

bool kernel_said(const std::string &regex)
{
	return KernelLog(SEEK_SET).count(regex) != 0;
}

KernelLog::KernelLog(int whence) : fd_(open_log())
{
	::lseek(fd_, 0, whence);
}

KernelLog::~KernelLog()
{
	::close(fd_);
}

std::size_t KernelLog::count(const std::string &regex)
{
	return count_in(fd_, std::regex(regex, std::regex::extended));
}

} // namespace ptelab
