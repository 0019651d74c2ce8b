// SPDX-License-Identifier: GPL-2.0-or-later
// Threads that race for real, under the thread sanitizer: once REVOKE has returned, no access succeeds.
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("race");

TEST_CASE("an access that begins after REVOKE has returned gets SIGBUS, however many race with it")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		std::atomic<bool> stop{false};
		std::atomic<unsigned> revoked{0};	// odd: REVOKE has returned and RESTORE not begun
		std::atomic<unsigned> wrong{0}, served{0}, refused{0};
		const auto touch_all = [&](unsigned first) {
			user.run();
			for (unsigned i = first; !stop; i++) {
				const unsigned before = revoked;
				const bool ok = user.write(page_at(map, i % 8), i).ok();
				(ok ? served : refused)++;
				if (ok && before % 2 && revoked == before)
					wrong++;
			}
		};
		std::thread one{touch_all, 0}, other{touch_all, 4};
		for (unsigned round = 0; round < 100; round++) {
			REQUIRE(revoke(file) == 0);
			revoked++;
			CHECK(user.present() == 0);
			std::this_thread::yield();
			CHECK(user.present() == 0);
			revoked++;
			REQUIRE(restore(file) == 0);
			std::this_thread::yield();
		}
		stop = true;
		one.join();
		other.join();
		CHECK(wrong == 0);
		CHECK(served + refused > 0);
	}
}

TEST_CASE("mappings that are made while REVOKE runs are empty or refused when it has returned")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user, mapper;
		user.run();
		file *const revoker = user.open(module, method);
		mapper.run();
		file *const mapped = mapper.open(module, method);
		std::atomic<bool> stop{false};
		std::thread maps{[&] {
			mapper.run();
			while (!stop) {
				const Mapped map = mapper.mmap(mapped, 8);
				if (map.ok())
					mapper.munmap(map.at(), 8);
			}
		}};
		for (unsigned round = 0; round < 100; round++) {
			REQUIRE(revoke(revoker) == 0);
			CHECK(mapper.present() == 0);
			REQUIRE(restore(revoker) == 0);
			std::this_thread::yield();
		}
		stop = true;
		maps.join();
	}
}

TEST_CASE("REVOKEs of tasks that are killed while they wait change nothing, however many race with others")
{
	for (const unsigned method : {PTELAB_FAULT_INSERT_PFN, PTELAB_FAULT_PAGE, PTELAB_FAULT_INSERT_PAGES}) {
		CAPTURE(method);
		Module module;
		Process user;
		user.run();
		file *const file = user.open(module, method), *const other = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		std::atomic<bool> stop{false};
		std::atomic<unsigned> killed{0};
		std::thread toucher{[&] {
			user.run();
			for (unsigned i = 0; !stop; i++)
				user.write(page_at(map, i % 8), i);
		}};
		// The signal comes while it waits for the mutex, for the gate or for a page's lock, or when it need not wait.
		std::atomic<bool> signal{false};
		std::thread killer{[&] {
			while (!stop) {
				signal = !signal;
				std::this_thread::yield();
			}
		}};
		std::thread victim{[&] {
			Kernel::killed_by = &signal;
			while (!stop)
				killed += revoke(other) == -EINTR;
			Kernel::killed_by = nullptr;
		}};
		for (unsigned round = 0; round < 200; round++) {
			REQUIRE(revoke(file) == 0);
			CHECK(query(file).revoked == 1);
			CHECK(user.present() == 0);
			std::this_thread::yield();
			CHECK(user.present() == 0);
			REQUIRE(restore(file) == 0);
		}
		stop = true;
		toucher.join();
		victim.join();
		killer.join();
		REQUIRE(restore(file) == 0);
		CHECK(query(file).revoked == 0);
		CHECK(user.write(page_at(map, 0), 1).ok());
		CHECK(killed > 0);
	}
}

TEST_SUITE_END();
