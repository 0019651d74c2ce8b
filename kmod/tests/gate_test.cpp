// SPDX-License-Identifier: GPL-2.0-or-later
// Who waits at the gate, for whom, and what is left when one of them is killed meanwhile.
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("gate");

namespace {

// Somebody is inside, on a thread of his own, until he is let go.
class Inside {
public:
	Inside(Process &process, file *file)
	{
		thread_ = std::thread([&process, file, this] {
			process.run();
			entered_ = ptelab_gate_enter(file->session);
			told_ = true;
			while (!go_)
				std::this_thread::yield();
			if (entered_)
				ptelab_gate_leave(file->session);
		});
		while (!told_)
			std::this_thread::yield();
		REQUIRE(entered_.load());
	}
	~Inside() { leave(); }
	void leave()
	{
		go_ = true;
		if (thread_.joinable())
			thread_.join();
	}

private:
	std::atomic<bool> entered_{false}, told_{false}, go_{false};
	std::thread thread_;
};

// What a thread does that has to wait at the gate of this file: it is under way, and waits, when this is made.
class Waiting {
public:
	template <typename F>
	Waiting(file *file, F &&act)
	{
		const unsigned before = file->mapping->gate_waits;
		thread_ = std::thread([this, act] {
			told_ = act();
			done_ = true;
		});
		while (file->mapping->gate_waits == before && !done_)
			std::this_thread::yield();
	}
	~Waiting()
	{
		if (thread_.joinable())
			thread_.join();
	}
	bool done() const { return done_; }
	int told()
	{
		if (thread_.joinable())
			thread_.join();
		return told_;
	}

private:
	std::atomic<bool> done_{false};
	int told_ = 0;
	std::thread thread_;
};

// By a task that is being killed, or will be: what it waits for then, it waits for no longer.
template <typename F>
int while_killed(const std::atomic<bool> &signal, F &&act)
{
	Kernel::killed_by = &signal;
	const int told = act();
	Kernel::killed_by = nullptr;
	return told;
}

int read_first(Process &process, const Mapped &map)
{
	process.run();
	return process.read(page_at(map, 0)) == value(0) ? 0 : -EFAULT;
}

} // namespace

TEST_CASE("REVOKE waits for who is inside, and for nobody who comes")
{
	for (const unsigned method : kLazyMethods) {
		CAPTURE(method);
		Module module;
		Process process;
		process.run();
		file *const file = process.open(module, method);
		const Mapped map = process.mmap(file, 4);
		Inside inside{process, file};
		Waiting revoker{file, [file] { return revoke(file); }};
		CHECK_FALSE(revoker.done());
		CHECK(query(file).revoked == 0);
		// A fault does not know yet, and waits until it does.
		Waiting fault{file, [&] { return read_first(process, map); }};
		CHECK_FALSE(fault.done());
		inside.leave();
		CHECK(revoker.told() == 0);
		CHECK(fault.told() == -EFAULT);
		CHECK(query(file).revoked == 1);
		CHECK(process.present() == 0);
		CHECK(restore(file) == 0);
		CHECK(read_first(process, map) == 0);
		process.close(file);
	}
}

TEST_CASE("killed while it waits for the gate, REVOKE is EINTR, waits for nobody, and the fault behind it is served")
{
	for (const unsigned method : kLazyMethods) {
		CAPTURE(method);
		Module module;
		Process process;
		process.run();
		file *const file = process.open(module, method);
		const Mapped map = process.mmap(file, 4);
		// Inside all the time: who is killed does not wait for him, not even to put back what was.
		Inside inside{process, file};
		std::atomic<bool> kill{false};
		Waiting revoker{file, [&] { return while_killed(kill, [file] { return revoke(file); }); }};
		Waiting fault{file, [&] { return read_first(process, map); }};
		CHECK_FALSE(fault.done());
		kill = true;
		CHECK(revoker.told() == -EINTR);
		CHECK(fault.told() == 0);
		CHECK(query(file).revoked == 0);
		inside.leave();
		CHECK(revoke(file) == 0);
		CHECK(process.present() == 0);
		process.close(file);
	}
}

TEST_CASE("killed while it waits for the gate, a second REVOKE leaves it revoked")
{
	Module module;
	Process process;
	process.run();
	file *const file = process.open(module, PTELAB_FAULT_INSERT_PFN);
	const Mapped map = process.mmap(file, 4);
	CHECK(revoke(file) == 0);
	{
		// Inside and out again, as each who looks at a revoked gate.
		Process other;
		std::atomic<bool> stop{false}, kill{false};
		std::thread lookers{[&] {
			other.run();
			while (!stop)
				CHECK_FALSE(ptelab_gate_enter(file->session));
		}};
		for (unsigned round = 0; round < 200; round++, kill = round % 2) {
			const int told = while_killed(kill, [file] { return revoke(file); });
			CHECK((told == 0 || told == -EINTR));
			CHECK(query(file).revoked == 1);
		}
		stop = true;
		lookers.join();
	}
	process.run();
	CHECK(process.read(page_at(map, 0)) == kSigbus);
	CHECK(restore(file) == 0);
	CHECK(process.read(page_at(map, 0)) == value(0));
	process.close(file);
}

TEST_CASE("of two REVOKEs at once both wait, each for itself")
{
	Module module;
	Process process;
	process.run();
	file *const first = process.open(module, PTELAB_FAULT_PAGE), *const second = process.open(module, PTELAB_FAULT_PAGE);
	process.mmap(first, 4);
	Inside inside{process, first};
	std::atomic<bool> kill{false};
	Waiting one{first, [&] { return while_killed(kill, [first] { return revoke(first); }); }};
	// It has the mutex; the second waits for that, and then for the gate.
	std::atomic<int> told{1};
	std::thread two([&] { told = revoke(second); });
	CHECK_FALSE(one.done());
	kill = true;
	CHECK(one.told() == -EINTR);
	CHECK(query(first).revoked == 0);
	CHECK(told == 1);
	inside.leave();
	two.join();
	CHECK(told == 0);
	CHECK(query(first).revoked == 1);
	process.close(second);
	CHECK(query(first).revoked == 0);
	process.close(first);
}

TEST_CASE("killed while it waits at the gate, a fault is SIGBUS")
{
	Module module;
	Process process;
	process.run();
	file *const file = process.open(module, PTELAB_FAULT_INSERT_PAGE);
	const Mapped map = process.mmap(file, 4);
	Inside inside{process, file};
	Waiting revoker{file, [file] { return revoke(file); }};
	std::atomic<bool> kill{false};
	Waiting fault{file, [&] { return while_killed(kill, [&] { return read_first(process, map); }); }};
	CHECK_FALSE(fault.done());
	kill = true;
	CHECK(fault.told() == -EFAULT);
	CHECK_FALSE(revoker.done());
	inside.leave();
	CHECK(revoker.told() == 0);
	process.close(file);
}

TEST_CASE("a page that another has locked is given when he is done, and a REVOKE meanwhile takes it back")
{
	for (const bool revoked : {false, true}) {
		CAPTURE(revoked);
		Module module;
		Process process;
		process.run();
		file *const file = process.open(module, PTELAB_FAULT_PAGE);
		const Mapped map = process.mmap(file, 4);
		page *const first = ptelab_page_get(file->session, 0);
		std::atomic<bool> locked{false}, go{false};
		std::thread locker{[&] {
			first->head->lock.lock();
			locked = true;
			while (!go)
				std::this_thread::yield();
			first->head->lock.unlock();
		}};
		while (!locked)
			std::this_thread::yield();
		std::atomic<int> told{1};
		const unsigned before = Kernel::get().page_lock_waits;
		std::thread fault{[&] { told = read_first(process, map); }}, revoker;
		while (Kernel::get().page_lock_waits == before)
			std::this_thread::yield();
		if (revoked) {
			revoker = std::thread([&] { CHECK(revoke(file) == 0); });
			while (!query(file).revoked)
				std::this_thread::yield();
		}
		CHECK(told == 1);
		go = true;
		locker.join();
		fault.join();
		if (revoked)
			revoker.join();
		CHECK(told == (revoked ? -EFAULT : 0));
		CHECK(stats(file).faults == 1);
		CHECK(stats(file).fault_errors == revoked);
		Kernel::get().put(first);
		process.close(file);
	}
}

TEST_SUITE_END();
