// SPDX-License-Identifier: GPL-2.0-or-later
// The module as a whole: what it is loaded with, when it can go, and that it goes without a trace.
//
// These rules unload the module and load it again. They are a suite of their own, which runs last.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ptelab/loader.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"
#include "misuse_module.hpp"
#include "symbols.hpp"

namespace ptelab {
namespace {

constexpr const char *kModule = "ptelab";
constexpr int kRounds = 50;
constexpr int kRoundsUnderKasan = 12;	   // with page_owner and page poisoning, pages take ten times as long there
constexpr int kBatches = 12;		   // of rounds, at most, until one shows no loss
constexpr int kWarmUp = 5;		   // rounds that fill the kernel's caches
// Rounds, after which one has the nodes' regions in their full size.
constexpr int kFullEvery = 9;
constexpr int kFullEveryUnderKasan = 4;
constexpr std::size_t kTwiceTheDefault = 8 << 20;
constexpr const char *kSmall = "pages=16"; // the others: what a load takes is the time to allocate pages

// The file to load it from again: $PTELAB_MODULE, or by name from /lib/modules.
std::string module_file()
{
	const char *file = std::getenv("PTELAB_MODULE");
	return file ? file : kModule;
}

// Unloads the module and answers for its return.
class Unloaded {
public:
	Unloaded() { loader_.unload(kModule); }
	~Unloaded()
	{
		if (!Loader::is_loaded(kModule))
			(void)load({});
	}
	Unloaded(const Unloaded &) = delete;
	Unloaded &operator=(const Unloaded &) = delete;

	Errno load(const std::vector<std::string> &parameters) const
	{
		try {
			loader_.load(module_file(), parameters);
		} catch (const LoadError &error) {
			return error.error();
		}
		return 0;
	}
	void unload() const { loader_.unload(kModule); }

private:
	NoMisuseModule without_misuse_;
	Loader loader_;
};

// insmod and rmmod at their barest: what libkmod reads of the file anew for each load takes as long as the load.
class BareModule {
public:
	explicit BareModule(const std::string &path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
	{
		if (fd_ < 0)
			throw_errno("open " + path);
	}
	~BareModule() { ::close(fd_); }
	BareModule(const BareModule &) = delete;
	BareModule &operator=(const BareModule &) = delete;

	Errno load(const char *parameters) const { return ::syscall(SYS_finit_module, fd_, parameters, 0) < 0 ? errno : 0; }
	static Errno unload() { return ::syscall(SYS_delete_module, kModule, O_NONBLOCK) < 0 ? errno : 0; }

private:
	int fd_;
};

// Half of the time of an unload is the wait for RCU grace periods. Whether these come soon changes nothing in what is seen.
class ExpeditedRcu {
public:
	ExpeditedRcu() : before_(read_line(kFile)) { write("1"); }
	~ExpeditedRcu() { write(before_); }
	ExpeditedRcu(const ExpeditedRcu &) = delete;
	ExpeditedRcu &operator=(const ExpeditedRcu &) = delete;

private:
	static constexpr const char *kFile = "/sys/kernel/rcu_expedited";

	static void write(const std::string &value) { std::ofstream(kFile) << value << std::flush; }

	std::string before_;
};

Errno unload_refusal()
{
	try {
		Loader().unload(kModule);
	} catch (const LoadError &error) {
		return error.error();
	}
	return 0;
}

// Objects in use in this slab cache. A processor's own slabs, and under KASAN what is kept of freed objects, count as in use
// until the cache is shrunk; where it cannot be, nothing is known.
std::optional<std::int64_t> slab_objects(const std::string &cache)
{
	if (!(std::ofstream("/sys/kernel/slab/" + cache + "/shrink") << "1" << std::flush))
		return std::nullopt;
	std::istringstream in(read_text("/proc/slabinfo").value_or(""));
	for (std::string line; std::getline(in, line);) {
		std::istringstream words(line);
		std::string name;
		std::int64_t active = 0;
		if (words >> name >> active && name == cache)
			return active;
	}
	return std::nullopt;
}

Need module_can_be_loaded_again()
{
	return {"the module's file", [] {
			try {
				Loader().info(module_file());
			} catch (const LoadError &error) {
				return std::string("the module could not be loaded again: ") + error.what();
			}
			return std::string();
		}};
}

RULE_PER_NODE("pins_the_module", kFirstNodes, .says = "The module cannot be unloaded while one of its files is open or mapped",
	      .source = "kernel/module/main.c:try_stop_module", .needs = {root()})
{
	Device device = own_region(rule.node());
	Mapping map(device, pages(1));

	rule.expect("open and mapped", unload_refusal(), EAGAIN);
	device.close();
	rule.expect("mapped only", unload_refusal(), EAGAIN);
	rule.expect("still works", map.touch(0).outcome(), kOk);
	map.unmap();
	const Device only(rule.node(), O_RDONLY);
	rule.expect("open only", unload_refusal(), EAGAIN);
}

RULE("module.bad_parameters", .says = "A size that is out of range or no number keeps the module from loading, with EINVAL",
     .source = "kernel/module/main.c:do_init_module", .needs = {root(), module_can_be_loaded_again()}, .suite = kReloadSuite)
{
	rule.declare_kernel_line("ptelab: .*pages");
	rule.declare_kernel_line("ptelab: `.*' invalid for parameter");
	const Unloaded unloaded;

	for (const char *value : {"0", "1", "15", "1048576", "-1", "many", "18446744073709551616"}) {
		const Errno error = unloaded.load({std::string("pages=") + value});
		rule.expect(std::string("pages=") + value, error, std::string(value).size() > 18 ? ERANGE : EINVAL);
		if (error.value == 0)
			unloaded.unload();
	}
	rule.expect("not loaded", Loader::is_loaded(kModule), false);
}

// One block of contiguous pages cannot be larger than the allocator's largest.
std::uint64_t pages_of(const ptelab_query &query, std::uint64_t asked)
{
	return query.backing == PTELAB_BACKING_SPLIT ? std::min<std::uint64_t>(asked, query.max_block_pages) : asked;
}

RULE("module.pages", .says = "The parameter pages sets the size of each node's own region, up to the largest block where it must be one", .source = "kernel/params.c:parse_args",
     .needs = {root(), module_can_be_loaded_again()}, .suite = kReloadSuite)
{
	const Unloaded unloaded;
	const std::size_t asked = kTwiceTheDefault / page_size();

	rule.because(node_of(PTELAB_REMAP_PFN).name, "its region is one block, at most the largest that the page allocator has: 1 << MAX_PAGE_ORDER pages");
	rule.expect("load", unloaded.load({"pages=" + std::to_string(asked)}), 0);
	for (const Node &node : first_nodes())
		if (node.method != PTELAB_IOMAP)
			rule.expect(node.name, Device(node).query().pages, pages_of(Device(node).query(), asked));
	unloaded.unload();
}

RULE("module.nodes_come_and_go", .says = "The nodes are there while the module is, and a fresh module's own regions read as zeros",
     .source = "drivers/base/devtmpfs.c:devtmpfs_delete_node", .needs = {root(), module_can_be_loaded_again()}, .suite = kReloadSuite)
{
	const Unloaded unloaded;

	for (const Node &node : first_nodes())
		rule.expect(std::string(node.name) + " gone", errno_of([&] { const Device device(node); }), ENOENT);
	rule.expect("load", unloaded.load({}), 0);
	for (const Node &node : first_nodes()) {
		if (node.method == PTELAB_IOMAP)
			continue;
		const Device device(node);
		const Mapping map(device, device.size());
		const std::vector<std::byte> zeros(map.size());
		std::vector<std::byte> seen(map.size(), std::byte{1});
		map.copy_out(0, seen);
		rule.expect(std::string(node.name) + " reads zeros", seen == zeros, true);
	}
}

// Loads the module, uses one of its nodes, unloads it: again and again.
class Reloads {
public:
	explicit Reloads(Rule &rule) : rule_(rule), module_(Loader().info(module_file()).path) {}

	// False if a load or an unload failed, which the rule then says.
	bool run(int rounds, int full_every)
	{
		for (int each = 0; each < rounds; ++each, ++round_)
			if (!once(round_ % full_every == 0 ? "" : kSmall))
				return false;
		return true;
	}

	std::int64_t most_pages_kept() const { return most_pages_kept_; }

private:
	bool once(const char *parameters)
	{
		if (!rule_.expect("load", module_.load(parameters), 0))
			return false;
		use(first_nodes()[static_cast<std::size_t>(round_) % (first_nodes().size() - 1)]);
		return rule_.expect("unload", BareModule::unload(), 0);
	}

	void use(const Node &node)
	{
		const Device device(node);
		const std::int64_t own = pages_in_use(device);
		{
			const Device other = own_region(node);
			touch_all(Mapping(other, pages(kPages)));
		}
		most_pages_kept_ = std::max(most_pages_kept_, pages_in_use(device) - own);
	}

	Rule &rule_;
	const BareModule module_;
	const ExpeditedRcu expedited_;
	const Unloaded unloaded_;
	int round_ = 0;
	std::int64_t most_pages_kept_ = 0;
};

RULE("module.reloads_leave_nothing", .says = "Loaded, used and unloaded 50 times (12 under KASAN), the module keeps no page of a file, no VMA, and no region of a node in full size",
     .source = "kernel/module/main.c:free_module", .needs = {root(), module_can_be_loaded_again()}, .suite = kReloadSuite)
{
	const bool kasan = has_global_function("__asan_load8");
	const int rounds = kasan ? kRoundsUnderKasan : kRounds;
	const int full_every = kasan ? kFullEveryUnderKasan : kFullEvery;
	// STATS sees a single page. What is free tells of a region of 4 MiB lost in every full round; half of that is no sign of a loss.
	const std::int64_t a_loss = rounds / full_every * 4096 / 2;
	Reloads reloads(rule);

	if (!reloads.run(kWarmUp, full_every))
		return;
	const auto vmas_before = slab_objects("vm_area_struct");
	// A loss is in each batch; that the kernel keeps what was freed for a while, in some: KASAN does
	// (mm/kasan/quarantine.c), and 7.3 on arm64, of each module that was unloaded, up to 100 MB.
	std::int64_t lost = std::numeric_limits<std::int64_t>::max();
	for (int batch = 0; batch < kBatches && lost >= a_loss; ++batch) {
		const auto free_before = static_cast<std::int64_t>(meminfo_kb("MemFree"));
		if (!reloads.run(rounds, full_every))
			return;
		lost = std::min(lost, free_before - static_cast<std::int64_t>(meminfo_kb("MemFree")));
	}
	rule.varies("rounds");
	rule.observe("rounds", rounds);
	rule.expect("pages that a file kept", reloads.most_pages_kept(), 0);
	rule.varies("kB less free");
	rule.observe("kB less free", lost);
	rule.expect("as much is free as before", lost < a_loss, true);
	if (const auto vmas = slab_objects("vm_area_struct"); vmas && vmas_before) {
		rule.varies("vm_area_struct more in use");
		rule.observe("vm_area_struct more in use", *vmas - *vmas_before);
		// One kept in every round is a loss; other processes have a few more or less.
		rule.expect("vm_area_struct as many as before, or half the rounds off", std::abs(*vmas - *vmas_before) < rounds / 2, true);
	}
}

} // namespace
} // namespace ptelab
