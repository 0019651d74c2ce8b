// SPDX-License-Identifier: GPL-2.0-or-later
// The scenarios on the fake. scenarios.expected is what both it and a device must log; PTELAB_WRITE_EXPECTED=FILE writes it.
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>

#include "lab_test.hpp"
#include "scenarios.hpp"

TEST_SUITE_BEGIN("scenarios");

namespace {

using ptelab::scenarios::Access;

class FakeLab {
public:
	explicit FakeLab(unsigned long long features) : module_{{.features = features}}, user_{} {}

	int open(unsigned method, bool writable)
	{
		files_.push_back(user_.open(module_, method, writable));
		return static_cast<int>(files_.size()) - 1;
	}
	void close(int file) { user_.close(at(file)); }
	int setup(int file, const ptelab_region_setup &arg) { return ::setup(at(file), arg); }
	int stats(int file, ptelab_stats &arg)
	{
		arg = ::stats(at(file));
		return 0;
	}
	int mmap(int file, unsigned long pages, unsigned long pgoff, bool exec, bool is_private)
	{
		const fake::MapFlags flags{.write = at(file)->may_write || is_private, .exec = exec, .is_private = is_private};
		const Mapped map = user_.mmap(at(file), pages, pgoff, flags);
		if (!map.ok())
			return map.error();
		maps_.push_back(map.at());
		return static_cast<int>(maps_.size()) - 1;
	}
	void munmap(int map, unsigned long page, unsigned long pages) { user_.munmap(address(map, page), pages); }
	Access read(int map, unsigned long page) { return access(user_.read(address(map, page))); }
	Access write(int map, unsigned long page, std::uint64_t word) { return access(user_.write(address(map, page), word)); }
	int zap(int file, int map, unsigned long page, unsigned long pages, unsigned how, ptelab_zap &arg)
	{
		arg = zap_arg(address(map, page), pages, how);
		return ::zap(at(file), arg);
	}
	int unmap(int file, unsigned long page, unsigned long pages, unsigned flags) { return ::unmap(at(file), page, pages, flags); }
	int revoke(int file) { return ::revoke(at(file)); }
	int restore(int file) { return ::restore(at(file)); }
	int lookup(int file, int map, unsigned long page, ptelab_pte &pte)
	{
		ptelab_lookup arg{};
		arg.address = address(map, page);
		arg.bytes = Kernel::get().page_bytes();
		return ptelab_ioctl_lookup(at(file)->session, &arg, &pte, false);
	}
	bool has(unsigned) const { return true; }
	unsigned long long features() const { return Kernel::get().personality().features; }

private:
	static Access access(const fake::Touch &touch)
	{
		switch (touch.outcome) {
		case Outcome::kOk:
			return {"ok", touch.value};
		case Outcome::kSigbus:
			return {"SIGBUS", 0};
		case Outcome::kSegv:
			return {"SIGSEGV", 0};
		default:
			return {"endless", 0};
		}
	}
	file *at(int file) const { return files_.at(static_cast<unsigned>(file)); }
	// No mapping: an address where there is none.
	unsigned long address(int map, unsigned long page) const
	{
		return (map < 0 ? 0 : maps_.at(static_cast<unsigned>(map))) + (page << Kernel::get().shift());
	}

	Module module_;
	Process user_;
	std::vector<file *> files_;
	std::vector<unsigned long> maps_;
};

// Every kernel that there is, as far as the scenarios can tell.
constexpr unsigned long long kKernels[] = {
	PTELAB_HAS_ZAP_SPECIAL,
	PTELAB_HAS_ZAP_SPECIAL | PTELAB_HAS_ZAP_VMA,
	PTELAB_HAS_ZAP_SPECIAL | PTELAB_HAS_ZAP_MANY,
	PTELAB_HAS_ZAP_SPECIAL | PTELAB_HAS_ZAP_SPECIAL_MIXED | PTELAB_HAS_ZAP_VMA,
};

std::string logs_of_the_fake()
{
	std::map<std::string, std::string> seen;
	std::string text;
	for (const unsigned long long features : kKernels)
		for (const auto &section : ptelab::scenarios::run_all<FakeLab>([&] { return std::make_unique<FakeLab>(features); })) {
			const auto known = seen.insert(section);
			// Else it depends on a feature that it does not name.
			CHECK(known.first->second == section.second);
			if (known.second)
				text += section.first + '\n' + section.second;
		}
	return text;
}

} // namespace

TEST_CASE("the fake logs what scenarios.expected says")
{
	const std::string log = logs_of_the_fake();
	if (const char *const path = std::getenv("PTELAB_WRITE_EXPECTED"))
		std::ofstream{path} << "R\"log(" << log << ")log\"\n";
	CHECK(ptelab::scenarios::kExpected == log);
}

TEST_SUITE_END();
