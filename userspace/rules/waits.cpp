// SPDX-License-Identifier: GPL-2.0-or-later
// What an ioctl may wait for: a killed task waits no longer (docs/refusals.md, "Waits"). Each rule prints the longest seen.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/direct.hpp>

#include "lab.hpp"
#include "userfaultfd.hpp"

namespace ptelab {
namespace {

using Clock = std::chrono::steady_clock;

// Emulated, on a machine with other work: a task that waits for no lock is gone in a few milliseconds.
constexpr std::int64_t kAtOnceMs = 2000;
constexpr std::int64_t kGaveUpMs = 20000;

std::int64_t since(Clock::time_point start)
{
	return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

// From one process to another, once.
class Signal {
public:
	Signal()
	{
		if (::pipe(ends_) < 0)
			throw_errno("pipe");
	}
	~Signal()
	{
		::close(ends_[0]);
		::close(ends_[1]);
	}
	Signal(const Signal &) = delete;
	Signal &operator=(const Signal &) = delete;

	void give() const { (void)!::write(ends_[1], "", 1); }
	void wait() const
	{
		char byte;
		(void)!::read(ends_[0], &byte, 1);
	}

private:
	int ends_[2];
};

// A process of its own, which is not waited for longer than kGaveUpMs: what it does may hang.
class Waiter {
public:
	explicit Waiter(const std::function<void()> &body) : pid_(::fork())
	{
		if (pid_ < 0)
			throw_errno("fork");
		if (pid_ == 0) {
			body();
			::_exit(0);
		}
	}
	Waiter(const Waiter &) = delete;
	Waiter &operator=(const Waiter &) = delete;
	~Waiter()
	{
		if (!gone_)
			::kill(pid_, SIGKILL);
	}

	pid_t pid() const { return pid_; }

	// It sleeps, in a call: for so long that it is stuck there, 400 ms after it was made.
	bool stuck()
	{
		while (since(made_) < 400)
			::usleep(5'000);
		return ::waitpid(pid_, nullptr, WNOHANG) == 0;
	}

	std::int64_t killed_in()
	{
		::kill(pid_, SIGKILL);
		return gone_in();
	}

	std::int64_t gone_in()
	{
		const auto start = Clock::now();
		while (since(start) < kGaveUpMs) {
			if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
				gone_ = true;
				return since(start);
			}
			::usleep(5'000);
		}
		return kGaveUpMs;
	}

private:
	Clock::time_point made_ = Clock::now();
	pid_t pid_;
	bool gone_ = false;
};

// Pages that nobody ever brings in: whoever touches them waits.
class NeverComes {
public:
	explicit NeverComes(std::size_t bytes) : map_(-1, bytes, {.flags = MAP_PRIVATE | MAP_ANONYMOUS})
	{
		if (watch_.agree(0) != 0 || watch_.enroll(map_, UFFDIO_REGISTER_MODE_MISSING) != 0)
			throw_errno("userfaultfd");
	}

	std::byte *data() const { return map_.data(); }

private:
	Mapping map_;
	Userfault watch_;
};

RULE("waits.buffer_that_never_comes",
     .says = "A call that waits for its caller's buffer can be killed, and another task's calls on the same file go on meanwhile",
     .source = "fs/userfaultfd.c:handle_userfault", .needs = {userfaultfd(), root()})
{
	Device device = own_region(node_of(PTELAB_FAULT_PAGE));
	const Mapping map(device, pages(kPages));
	touch_all(map);

	const struct {
		const char *name;
		std::function<void(std::byte *)> wait;
	} calls[] = {
		{"QUERY", [&](std::byte *never) { ::ioctl(device.fd(), PTELAB_IOC_QUERY, never); }},
		{"CALL", [&](std::byte *never) { ::ioctl(device.fd(), PTELAB_IOC_CALL, never); }},
		{"LOOKUP", [&](std::byte *never) {
			 ptelab_lookup lookup{};
			 lookup.address = reinterpret_cast<__u64>(map.data());
			 lookup.bytes = page_size();
			 lookup.buffer = reinterpret_cast<__u64>(never);
			 ::ioctl(device.fd(), PTELAB_IOC_LOOKUP, &lookup);
		 }},
		{"PIN", [&](std::byte *never) {
			 ptelab_pin pinned{};
			 pinned.how = PTELAB_PIN_PIN_UNLOCKED;
			 pinned.address = reinterpret_cast<__u64>(never);
			 pinned.pages = 1;
			 ::ioctl(device.fd(), PTELAB_IOC_PIN, &pinned);
		 }},
		{"read", [&](std::byte *never) { (void)!::pread(device.fd(), never, page_size(), 0); }},
		{"write", [&](std::byte *never) { (void)!::pwrite(device.fd(), never, page_size(), 0); }},
	};
	// fork() would give them no watched memory (UFFD_FEATURE_EVENT_FORK), so each makes its own.
	std::deque<Waiter> waiters;
	for (const auto &one : calls)
		waiters.emplace_back([&] { one.wait(NeverComes(pages(4)).data()); });
	for (std::size_t i = 0; i < waiters.size(); i++)
		rule.expect(std::string(calls[i].name) + " waits", waiters[i].stuck(), true);
	const auto start = Clock::now();
	device.query();
	device.revoke();
	device.restore();
	const std::int64_t meanwhile = since(start);
	std::int64_t killed = 0;
	for (Waiter &waiter : waiters)
		killed = std::max(killed, waiter.killed_in());
	rule.varies("*, ms");
	rule.observe("longest until killed, ms", killed);
	rule.observe("longest of the others, ms", meanwhile);
	rule.expect("killed at once", killed < kAtOnceMs, true);
	rule.expect("nobody else waited", meanwhile < kAtOnceMs, true);
}

// A mapping that ->mmap filled, in a process whose mmap_lock is held by a slow fault, with a writer behind it.
void hold_mmap_lock(const Device &filled, const Device &slow, const Signal &ready)
{
	const Mapping eager(filled, page_size());
	const Mapping delayed(slow, page_size());
	// Both threads first: to make one takes mmap_lock for writing. Nor can this one say so when it is held: a fault of its own waits, too.
	std::thread fault([&] {
		::usleep(200'000);
		delayed.touch(0);
	});
	std::thread writer([&] {
		::usleep(400'000);
		::munmap(::mmap(nullptr, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), page_size());
	});
	ready.give();
	fault.join();
	writer.join();
}

// Another process that holds its mmap_lock in a fault of kSlowFaultMs, with pages of the region in its page table.
class SlowProcess {
public:
	// Killed at once, REVOKE is gone before the fault is: that has well over kAtOnceMs to go by then.
	static constexpr __u32 kSlowFaultMs = 3800;

	explicit SlowProcess(const Device &filled)
		: slow_(own_region(node_of(PTELAB_FAULT_PAGE), kPages, {.fault_action = PTELAB_FAULT_DELAY, .fault_delay_ms = kSlowFaultMs})),
		  process_([&] { hold_mmap_lock(filled, slow_, ready_); })
	{
		constexpr __u32 kHeldAfterUs = 700'000;
		ready_.wait();
		::usleep(kHeldAfterUs);
	}
	~SlowProcess() { process_.killed_in(); }

private:
	Device slow_;
	Signal ready_;
	Waiter process_;
};

RULE("waits.delayed_fault_elsewhere",
     .says = "REVOKE waits for another process' mmap_lock as long as that is held, which a fault of ours does for ten seconds at most; killed, it waits no longer",
     .source = "kmod/glue/port/pending_mmaps.c:port_space_settle", .needs = {root(), booted()})
{
	std::int64_t killed = 0, waited = 0;
	for (const bool kill : {true, false}) {
		const Device filled = own_region(node_of(PTELAB_INSERT_PAGE));
		const SlowProcess slow(filled);
		ptelab_revoke argument{};
		const auto start = Clock::now();
		Waiter revoker([&] { ::ioctl(filled.fd(), PTELAB_IOC_REVOKE, &argument); });
		if (kill) {
			rule.expect("REVOKE waits", revoker.stuck(), true);
			killed = revoker.killed_in();
			rule.expect("and is undone", filled.query().revoked, 0U);
		} else {
			revoker.gone_in();
			waited = since(start);
			rule.expect("REVOKE", filled.query().revoked, 1U);
		}
	}
	rule.varies("*, ms");
	rule.observe("until killed, ms", killed);
	rule.observe("until the fault was over, ms", waited);
	rule.expect("killed at once", killed < kAtOnceMs, true);
	rule.expect("not longer than the delay", waited < SlowProcess::kSlowFaultMs + kAtOnceMs, true);
}

// What must wait, and may not longer than the fault that it waits for.
void expect_bounded(Rule &rule, const std::string &what, std::int64_t took)
{
	rule.varies(what + ", ms");
	rule.observe(what + ", ms", took);
	rule.expect(what + " waits", took > SlowProcess::kSlowFaultMs / 4, true);
	rule.expect(what + " waits no longer than the fault", took < SlowProcess::kSlowFaultMs + kAtOnceMs, true);
}

RULE("waits.close_of_who_has_revoked",
     .says = "The close of a file that has revoked waits for a REVOKE under way, which waits for no more than a fault of another process",
     .source = "fs/file_table.c:__fput", .needs = {root(), booted()})
{
	const Device filled(node_of(PTELAB_INSERT_PAGE));
	Signal revoked, go;
	// In a process of its own: no other has the file open.
	Waiter closer([&] {
		{
			Device device(node_of(PTELAB_INSERT_PAGE));
			device.revoke();
			device.restore();
			revoked.give();
			go.wait();
		}
	});
	revoked.wait();
	const SlowProcess slow(filled);
	Waiter revoker([&] {
		ptelab_revoke argument{};
		::ioctl(filled.fd(), PTELAB_IOC_REVOKE, &argument);
	});
	rule.expect("REVOKE waits", revoker.stuck(), true);
	const auto start = Clock::now();
	go.give();
	closer.gone_in();
	expect_bounded(rule, "close", since(start));
	revoker.gone_in();
	Device(node_of(PTELAB_INSERT_PAGE)).restore();
}

// Takes the device from the driver, and gives it back.
class Unbound {
public:
	Unbound()
	{
		for (const auto &entry : std::filesystem::directory_iterator(kDriver))
			if (entry.is_symlink() && entry.path().filename().string().starts_with("0000:"))
				device_ = entry.path().filename();
	}
	~Unbound() { write("bind"); }
	Unbound(const Unbound &) = delete;
	Unbound &operator=(const Unbound &) = delete;

	void remove() const { write("unbind"); }

private:
	static constexpr const char *kDriver = "/sys/bus/pci/drivers/ptelab";

	void write(const char *file) const { std::ofstream(std::string(kDriver) + "/" + file) << device_; }

	std::string device_;
};

RULE("waits.removal_of_the_device",
     .says = "The removal of the device waits until no other process can have its memory mapped, which a fault of that process delays and nothing else of ours",
     .source = "drivers/base/dd.c:device_release_driver_internal", .needs = {root(), booted(), node(PTELAB_IOMAP)}, .suite = kReloadSuite)
{
	const Unbound driver;
	Device filled(node_of(PTELAB_IOMAP));
	const SlowProcess slow(filled);
	const auto start = Clock::now();
	Waiter remover([&] { driver.remove(); });
	rule.expect("it waits", remover.stuck(), true);
	remover.gone_in();
	expect_bounded(rule, "->remove", since(start));
	rule.expect("the file is left without the device", errno_of([&] { filled.restore(); }), ENODEV);
}

// Where a task sleeps: a function's name.
std::string sleeps_in(pid_t pid)
{
	std::string name;
	std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/wchan"), name);
	return name;
}

const Need kWchan{"/proc/PID/wchan", [] {
			  Waiter sleeper([] { ::pause(); });
			  const bool told = sleeper.stuck() && sleeps_in(sleeper.pid()).size() > 1;
			  sleeper.killed_in();
			  return told ? std::string() : std::string("this kernel does not tell where a task sleeps");
		  }};

RULE("waits.gate",
     .says = "REVOKE waits at the gate for a mmap that is filling its VMA; killed there, it waits no longer, and nothing is revoked",
     .source = "kmod/glue/port/gate.c:port_space_gate_wait", .needs = {kWchan, root(), booted()})
{
	constexpr std::size_t kMany = PTELAB_LOOKUP_MAX / 2;
	constexpr unsigned kKilled = 5, kTries = 50, kLooks = 4000;
	Device device(node_of(PTELAB_INSERT_PAGE));
	device.setup({.pages = kMany});
	Waiter filler([&] {
		for (;;) {
			void *const filled = ::mmap(nullptr, pages(kMany), PROT_READ, MAP_SHARED, device.fd(), 0);
			if (filled != MAP_FAILED)
				::munmap(filled, pages(kMany));
		}
	});
	unsigned killed = 0;
	std::int64_t longest = 0;
	for (unsigned tried = 0; killed < kKilled && tried < kTries; tried++) {
		Waiter revoker([&] {
			ptelab_revoke argument{};
			for (;;) {
				::ioctl(device.fd(), PTELAB_IOC_REVOKE, &argument);
				::ioctl(device.fd(), PTELAB_IOC_RESTORE, &argument);
			}
		});
		unsigned looks = 0;
		while (looks < kLooks && sleeps_in(revoker.pid()) != "port_space_gate_wait")
			looks++;
		killed += looks < kLooks;
		longest = std::max(longest, revoker.killed_in());
		// It may have been let in just before, and then it had revoked.
		device.restore();
	}
	filler.killed_in();
	rule.varies("*, ms");
	rule.observe("longest until killed, ms", longest);
	rule.expect("seen to wait at the gate, and killed", killed, kKilled);
	rule.expect("killed at once", longest < kAtOnceMs, true);
	rule.expect("revoked", device.query().revoked, 0U);
	const Mapping map(device, page_size());
	map.touch(0);
	device.revoke();
	rule.expect("revoked again", device.query().revoked, 1U);
	device.restore();
}

RULE("waits.long_calls_are_killed", .says = "A call on as many pages as can be asked for ends soon after its task is killed",
     .source = "kmod/glue/port/gate.c:port_pause", .needs = {root(), booted()})
{
	constexpr std::size_t kMany = PTELAB_LOOKUP_MAX;
	Device device(node_of(PTELAB_BARE));
	device.setup({.backing = PTELAB_BACKING_SINGLE, .pages = kMany / 2});
	const Mapping map(device, pages(kMany / 2));
	std::vector<ptelab_pte> entries(kMany / 2);
	ptelab_lookup lookup{};
	lookup.address = reinterpret_cast<__u64>(map.data());
	lookup.bytes = map.size();
	lookup.buffer = reinterpret_cast<__u64>(entries.data());
	const struct {
		const char *name;
		std::function<void()> loop;
	} calls[] = {
		{"LOOKUP", [&] { ::ioctl(device.fd(), PTELAB_IOC_LOOKUP, &lookup); }},
		{"REGION_SETUP", [&] {
			 Device own(node_of(PTELAB_FAULT_PAGE));
			 own.setup({.pages = kMany / 2});
		 }},
		{"mmap", [&] { const Mapping eager(Device(node_of(PTELAB_INSERT_PAGE)), pages(1024)); }},
		{"REVOKE and RESTORE", [&] {
			 ptelab_revoke argument{};
			 ::ioctl(device.fd(), PTELAB_IOC_REVOKE, &argument);
			 ::ioctl(device.fd(), PTELAB_IOC_RESTORE, &argument);
		 }},
	};
	std::int64_t longest = 0;
	for (const auto &one : calls) {
		Waiter waiter([&] {
			for (;;)
				one.loop();
		});
		::usleep(150'000);
		const std::int64_t took = waiter.killed_in();
		rule.varies(std::string(one.name) + ", ms");
		rule.observe(std::string(one.name) + ", ms", took);
		longest = std::max(longest, took);
	}
	rule.expect("killed at once", longest < kAtOnceMs, true);
}

} // namespace
} // namespace ptelab
