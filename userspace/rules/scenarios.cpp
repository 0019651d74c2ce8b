// SPDX-License-Identifier: GPL-2.0-or-later
// The scenarios of kmod/tests on a device: they must log what the fake kernel of the hosted tests logs.
#include "../../kmod/tests/scenarios.hpp"

#include <csignal>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <ptelab/device.hpp>
#include <ptelab/mapping.hpp>
#include <ptelab/probe.hpp>

#include "rule.hpp"

namespace ptelab {
namespace {

using scenarios::Access;

class DeviceLab {
public:
	int open(unsigned method, bool writable)
	{
		files_.push_back(std::make_unique<Device>(node_of(static_cast<ptelab_method>(method)), writable ? O_RDWR : O_RDONLY));
		writable_.push_back(writable);
		return static_cast<int>(files_.size()) - 1;
	}
	void close(int file) { at(file).close(); }
	int setup(int file, const ptelab_region_setup &arg)
	{
		ptelab_region_setup copy = arg;
		return call(file, PTELAB_IOC_REGION_SETUP, copy);
	}
	int stats(int file, ptelab_stats &arg)
	{
		arg = {};
		arg.scope = PTELAB_SCOPE_FILE;
		return call(file, PTELAB_IOC_STATS, arg);
	}
	int mmap(int file, unsigned long pages, unsigned long pgoff, bool exec, bool is_private)
	{
		MapOptions options;
		options.prot = PROT_READ | (writable_[index(file)] || is_private ? PROT_WRITE : 0) | (exec ? PROT_EXEC : 0);
		options.flags = is_private ? MAP_PRIVATE : MAP_SHARED;
		options.offset = pgoff * page_size();
		const Errno error = errno_of([&] { maps_.push_back(std::make_unique<Mapping>(at(file), pages * page_size(), options)); });
		return error.value ? -error.value : static_cast<int>(maps_.size()) - 1;
	}
	// Behind the mapping's back: its owner unmaps the whole range once more at the end, which is legal.
	void munmap(int map, unsigned long page, unsigned long pages) { ::munmap(address(map, page), pages * page_size()); }
	Access read(int map, unsigned long page)
	{
		std::uint64_t word = 0;
		const Touch touch = probe_.copy(&word, address(map, page), sizeof(word));
		return {outcome(touch), touch.done() ? word : 0};
	}
	Access write(int map, unsigned long page, std::uint64_t word)
	{
		return {outcome(probe_.copy(address(map, page), &word, sizeof(word))), word};
	}
	int zap(int file, int map, unsigned long page, unsigned long pages, unsigned how, ptelab_zap &arg)
	{
		arg = {};
		arg.how = how;
		arg.address = reinterpret_cast<std::uintptr_t>(address(map, page));
		arg.bytes = pages * page_size();
		return call(file, PTELAB_IOC_ZAP, arg);
	}
	int unmap(int file, unsigned long page, unsigned long pages, unsigned flags)
	{
		ptelab_unmap arg{};
		arg.flags = flags;
		arg.offset = page * page_size();
		arg.bytes = pages * page_size();
		return call(file, PTELAB_IOC_UNMAP, arg);
	}
	int revoke(int file)
	{
		ptelab_revoke arg{};
		return call(file, PTELAB_IOC_REVOKE, arg);
	}
	int restore(int file)
	{
		ptelab_revoke arg{};
		return call(file, PTELAB_IOC_RESTORE, arg);
	}
	int lookup(int file, int map, unsigned long page, ptelab_pte &pte)
	{
		ptelab_lookup arg{};
		arg.address = reinterpret_cast<std::uintptr_t>(address(map, page));
		arg.bytes = page_size();
		arg.buffer = reinterpret_cast<std::uintptr_t>(&pte);
		return call(file, PTELAB_IOC_LOOKUP, arg);
	}
	bool has(unsigned method) const { return why_absent(node_of(static_cast<ptelab_method>(method))).empty(); }
	unsigned long long features() const { return kernel_features(); }

private:
	static const char *outcome(const Touch &touch)
	{
		return touch.done() ? "ok" : touch.signal == SIGBUS ? "SIGBUS" : "SIGSEGV";
	}
	static std::size_t index(int number) { return static_cast<std::size_t>(number); }
	Device &at(int file) { return *files_.at(index(file)); }
	template <class Arg>
	int call(int file, unsigned long request, Arg &arg)
	{
		return -at(file).call(request, &arg).value;
	}
	// No mapping: an address where there is none.
	std::byte *address(int map, unsigned long page)
	{
		return (map < 0 ? nullptr : maps_.at(index(map))->data()) + page * page_size();
	}

	Probe probe_;
	std::vector<std::unique_ptr<Device>> files_;
	std::vector<bool> writable_;
	std::vector<std::unique_ptr<Mapping>> maps_; // gone before the files
};

// By title.
std::map<std::string, std::string> sections(const std::string &text)
{
	std::map<std::string, std::string> found;
	std::istringstream lines(text);
	std::string title;
	for (std::string line; std::getline(lines, line);) {
		if (line.starts_with("== "))
			title = line;
		else
			found[title] += line + '\n';
	}
	return found;
}

RULE("scenarios.device_and_fake_agree", .contract = "",
     .says = "Every scenario logs on a device what it logs on the fake kernel of the hosted tests",
     .source = "kmod/tests/scenarios.expected")
{
	rule.because("== huge_folio/*", "the node is there where modules have vmf_insert_folio_pmd");
	rule.because("== */zap*", "there is a section for each set of zaps; it is named after the ones this kernel has");
	const auto expected = sections(scenarios::kExpected);
	for (const auto &[title, log] : scenarios::run_all<DeviceLab>([] { return std::make_unique<DeviceLab>(); })) {
		const auto wanted = expected.find(title);
		rule.expect(title, log, wanted == expected.end() ? std::string("no such section") : wanted->second);
	}
}

} // namespace
} // namespace ptelab
