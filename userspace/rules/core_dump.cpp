// SPDX-License-Identifier: GPL-2.0-or-later
// Core dumps: a process dies with a driver's mapping, and what it left behind is read back.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>

#include <elf.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"

namespace ptelab {
namespace {

constexpr const char *kPattern = "/proc/sys/kernel/core_pattern";
constexpr const char *kUsesPid = "/proc/sys/kernel/core_uses_pid";
constexpr const char *kCore = "/tmp/ptelab-core";

// Bits of /proc/PID/coredump_filter.
constexpr unsigned kMappedShared = 1U << 3;
constexpr unsigned kDefaultFilter = 0x33; // anonymous memory, private or shared, and ELF headers
constexpr unsigned kEverything = 0xff;

class Sysctl {
public:
	Sysctl(const char *path, const std::string &value) : path_(path), before_(read_line(path)) { write(value); }
	~Sysctl() { write(before_); }
	Sysctl(const Sysctl &) = delete;
	Sysctl &operator=(const Sysctl &) = delete;

private:
	void write(const std::string &value) const { std::ofstream(path_) << value << std::flush; }

	const char *path_;
	std::string before_;
};

// What a core file has of the mapping at one address.
struct Segment {
	std::size_t memory = 0; // 0: it is not mentioned at all
	std::vector<std::byte> content;
};

Segment segment_of(const std::string &core, std::uint64_t address)
{
	Elf64_Ehdr header;
	if (core.size() < sizeof(header))
		throw std::runtime_error("the core file has no ELF header");
	std::memcpy(&header, core.data(), sizeof(header));
	for (unsigned i = 0; i < header.e_phnum; ++i) {
		Elf64_Phdr part;
		const std::size_t at = header.e_phoff + i * sizeof(part);
		if (at + sizeof(part) > core.size())
			throw std::runtime_error("the core file ends in its program headers");
		std::memcpy(&part, core.data() + at, sizeof(part));
		if (part.p_type != PT_LOAD || address < part.p_vaddr || address >= part.p_vaddr + part.p_memsz)
			continue;
		if (part.p_offset + part.p_filesz > core.size())
			throw std::runtime_error("the core file ends before a segment does");
		Segment segment{part.p_memsz, std::vector<std::byte>(part.p_filesz)};
		std::memcpy(segment.content.data(), core.data() + part.p_offset, part.p_filesz);
		return segment;
	}
	return {};
}

using Die = std::function<void(const Mapping &)>;

// A child does what body says and dies with the mapping that it handed over; answers with what its core file has of that.
Segment dump(unsigned filter, const std::function<void(const Die &)> &body)
{
	const Sysctl pattern(kPattern, kCore);
	const Sysctl no_pid(kUsesPid, "0");

	::unlink(kCore);
	Child child([&](Channel &channel) {
		const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
		if (::setrlimit(RLIMIT_CORE, &unlimited) < 0)
			throw_errno("setrlimit");
		std::ofstream("/proc/self/coredump_filter") << filter << std::flush;
		body([&](const Mapping &map) {
			channel.send(reinterpret_cast<std::uint64_t>(map.data()));
			::signal(SIGABRT, SIG_DFL);
			::raise(SIGABRT);
		});
	});
	const auto address = child.channel().receive<std::uint64_t>();
	if (const int signal = child.wait(); signal != SIGABRT)
		throw std::runtime_error("the child did not die as it was to");
	const std::optional<std::string> core = read_text(kCore);
	::unlink(kCore);
	if (!core)
		throw std::runtime_error("the kernel wrote no core file");
	return segment_of(*core, address);
}

bool all_zero(const std::vector<std::byte> &bytes)
{
	return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

const Need kDumps = kconfig("CONFIG_ELF_CORE", "/proc/self/coredump_filter");

RULE_PER_NODE("core_has_no_device_memory", kPfnNodes, .contract = "CD-01",
	      .says = "A mapping with VM_IO or VM_DONTDUMP is mentioned in a core file without its content, whatever coredump_filter says",
	      .source = "fs/coredump.c:vma_dump_size", .needs = {kDumps, root()})
{
	const Device device = own_region(rule.node());
	const Segment segment = dump(kEverything, [&](const Die &die) {
		const Mapping map(device, pages(kPages));
		touch_all(map);
		die(map);
	});
	rule.expect("bytes of memory", segment.memory, pages(kPages));
	rule.expect("bytes in the file", segment.content.size(), 0U);
}

RULE_PER_NODE("core_of_a_named_mapping", bit_of(PTELAB_FAULT_PAGE) | bit_of(PTELAB_FAULT_INSERT_PFN), .contract = "CD-02",
	      .says = "A VMA whose ->name answers is dumped in full whatever its flags and coredump_filter; pages that cannot be read are zeros",
	      .source = "fs/coredump.c:always_dump_vma", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 2);

	device.write(0, bytes);
	shape(device, {.hooks = hook_bit(PTELAB_HOOK_OPEN) | hook_bit(PTELAB_HOOK_CLOSE) | hook_bit(PTELAB_HOOK_FAULT) |
				hook_bit(PTELAB_HOOK_NAME)});
	const Segment segment = dump(0, [&](const Die &die) {
		const Mapping map(device, pages(kPages));
		touch_all(map);
		die(map);
	});
	rule.expect("bytes in the file", segment.content.size(), pages(kPages));
	rule.expect("they are the driver's", segment.content == bytes, !rule.node().pfn);
	rule.expect("they are zeros", all_zero(segment.content), rule.node().pfn);
}

RULE_PER_NODE("core_of_a_shared_mapping", bit_of(PTELAB_INSERT_PAGE), .contract = "CD-03",
	      .says = "A shared mapping of a node is dumped only with bit 3 of coredump_filter, and as anonymous memory once the node is unlinked",
	      .source = "fs/coredump.c:vma_dump_size", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 3);
	const auto dump_of = [](const Device &of, unsigned filter) {
		return dump(filter, [&](const Die &die) { die(Mapping(of, pages(kPages))); });
	};

	device.write(0, bytes);
	rule.expect("bytes by default", dump_of(device, kDefaultFilter).content.size(), 0U);
	rule.expect("the bytes with bit 3", dump_of(device, kMappedShared).content == bytes, true);

	struct stat status {};
	if (::stat(device.path().c_str(), &status) < 0)
		throw_errno("stat " + device.path());
	const std::string other = "/tmp/ptelab-unlinked";
	::unlink(other.c_str());
	if (::mknod(other.c_str(), S_IFCHR | 0600, status.st_rdev) < 0)
		throw_errno("mknod " + other);
	Device unlinked(other);
	::unlink(other.c_str());
	unlinked.setup({.pages = kPages});
	unlinked.write(0, bytes);
	rule.expect("the bytes of an unlinked node, by default", dump_of(unlinked, kDefaultFilter).content == bytes, true);
	rule.expect("bytes of an unlinked node, with bit 3 alone", dump_of(unlinked, kMappedShared).content.size(), 0U);
}

RULE_PER_NODE("core_calls_fault", bit_of(PTELAB_FAULT_PAGE), .contract = "CD-04",
	      .says = "Dumping calls the driver's ->fault for each page that was not touched, from the process that dies",
	      .source = "mm/gup.c:get_dump_page", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	const std::vector<std::byte> bytes = pattern(pages(kPages), 4);

	device.write(0, bytes);
	shape(device, {.flags = PTELAB_SHAPE_EVENTS});
	EventLog log(device);
	const Segment segment = dump(kMappedShared, [&](const Die &die) { die(Mapping(device, pages(kPages))); });
	rule.expect("faults", device.stats().faults, kPages);
	rule.expect("the driver's bytes", segment.content == bytes, true);

	std::size_t by_the_dying = 0;
	for (const ptelab_event &event : log.take())
		by_the_dying += event.hook == PTELAB_HOOK_FAULT && event.pid != static_cast<__u32>(::getpid());
	rule.expect("faults by the dying process", by_the_dying, kPages);
}

RULE_PER_NODE("core_has_holes_for_special_ptes", bit_of(PTELAB_FAULT_INSERT_MIXED), .contract = "CD-05",
	      .says = "A page behind a special PTE is a hole of zeros in the core file, and no error",
	      .source = "mm/gup.c:follow_page_pte", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());

	device.write(0, pattern(pages(kPages), 5));
	const Segment segment = dump(kMappedShared, [&](const Die &die) {
		const Mapping map(device, pages(kPages));
		touch_all(map);
		die(map);
	});
	rule.expect("bytes in the file", segment.content.size(), pages(kPages));
	rule.expect("they are zeros", all_zero(segment.content), true);
}

RULE_PER_NODE("core_of_a_private_mapping", bit_of(PTELAB_INSERT_PAGE), .contract = "CD-06",
	      .says = "A private mapping is dumped by default once something was written to it: the copies, and the driver's pages beside them",
	      .source = "fs/coredump.c:vma_dump_size", .needs = {kDumps, root()})
{
	Device device = own_region(rule.node());
	std::vector<std::byte> bytes = pattern(pages(kPages), 6);
	const auto dump_after = [&](bool write) {
		return dump(kDefaultFilter, [&](const Die &die) {
			const Mapping map(device, pages(kPages), {.flags = MAP_PRIVATE});
			touch_all(map);
			if (write)
				map.put(pages(1), std::uint64_t{0x5049524154450000});
			die(map);
		});
	};

	device.write(0, bytes);
	rule.expect("bytes before a write", dump_after(false).content.size(), 0U);
	const std::uint64_t written = 0x5049524154450000;
	std::memcpy(bytes.data() + pages(1), &written, sizeof(written));
	rule.expect("the bytes after a write", dump_after(true).content == bytes, true);
}

} // namespace
} // namespace ptelab
