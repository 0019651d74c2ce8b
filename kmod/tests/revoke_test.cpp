// SPDX-License-Identifier: GPL-2.0-or-later
#include <condition_variable>
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("revoke");

TEST_CASE("from REVOKE on, every access through any mapping in any process gets SIGBUS")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process one, other;
		one.run();
		file *const file = one.open(module, method);
		const Mapped mine = one.mmap(file, 8);
		for (unsigned i = 0; i < 4; i++)
			CHECK(one.write(page_at(mine, i), i).ok());
		other.run();
		const Mapped theirs = other.mmap(other.open(module, method), 8);
		CHECK(other.read(theirs.at()).ok());
		REQUIRE(revoke(file) == 0);
		CHECK(one.present() == 0);
		CHECK(other.present() == 0);
		for (unsigned i = 0; i < 8; i++) {
			CHECK(other.read(page_at(theirs, i)) == kSigbus);
			CHECK(one.write(page_at(mine, i), 1) == kSigbus);
		}
		CHECK(query(file).revoked == 1);
		CHECK(revoke(file) == 0);
		CHECK(stats(file).revokes == 2);
	}
}

TEST_CASE("RESTORE brings the bytes back, page by page even where mmap had filled the mapping")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		CHECK(user.write(page_at(map, 3), 33).ok());
		for (int round = 0; round < 2; round++) {
			REQUIRE(revoke(file) == 0);
			CHECK(user.read(page_at(map, 3)) == kSigbus);
			REQUIRE(restore(file) == 0);
			REQUIRE(restore(file) == 0);
			CHECK(user.present() == 0);
			CHECK(user.read(page_at(map, 3)) == value(33));
			CHECK(user.present() == (method == PTELAB_FAULT_INSERT_PAGES ? 5 : 1));
		}
		CHECK(query(file).revoked == 0);
	}
}

TEST_CASE("RESTORE without a REVOKE does not fill what UNMAP has emptied")
{
	for (const unsigned method : kEagerMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		REQUIRE(unmap(file, 0, 0) == 0);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(map.at()) == kSigbus);
	}
}

TEST_CASE("read and write of a revoked region are ENODEV")
{
	for (const unsigned method : kAllMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(revoke(file) == 0);
		CHECK(read_at(file, 0, 1) == -ENODEV);
		REQUIRE(restore(file) == 0);
		CHECK(read_at(file, 0, 1) == 1);
	}
}

TEST_CASE("private copies go with the REVOKE and are the region's bytes after it")
{
	for (const unsigned method : kAllMethods) {
		if (is_pfnmap(method))
			continue;
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8, 0, kPrivate);
		CHECK(user.write(map.at(), 5) == value(5));
		REQUIRE(revoke(file) == 0);
		CHECK(user.read(map.at()) == kSigbus);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(map.at()) == value(0));
	}
}

TEST_CASE("a private remap is found where its pfn is, and stays dead")
{
	for (const unsigned method : {PTELAB_REMAP_PFN, PTELAB_IOMAP}) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 3, 2, kPrivate);
		CHECK(user.read(map.at()) == value(0));
		CHECK(user.write(page_at(map, 1), 5) == value(5));
		REQUIRE(revoke(file) == 0);
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()) == kSigbus);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(map.at()) == kSigbus);
		CHECK(user.read(user.mmap(file, 3, 2, kPrivate).at()) == value(0));
	}
}

TEST_CASE("a private remap of pages that lie alone is revoked too")
{
	for (const bool adjacent : {false, true}) {
		CAPTURE(adjacent);
		Module module{{.adjacent_singles = adjacent}};
		Process user;
		file *const file = user.open(module, PTELAB_REMAP_PFN);
		REQUIRE(setup(file, {.backing = PTELAB_BACKING_SINGLE, .pages = 4}) == 0);
		const Mapped map = user.mmap(file, adjacent ? 3 : 1, 1, kPrivate);
		REQUIRE(map.ok());
		REQUIRE(revoke(file) == 0);
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()) == kSigbus);
	}
}

TEST_CASE("REVOKE reaches its own region only")
{
	for (const unsigned method : kRamMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const own = user.open(module, method);
		file *const shared = user.open(module, method);
		REQUIRE(setup(own, {}) == 0);
		const Mapped mine = user.mmap(own, 8);
		const Mapped theirs = user.mmap(shared, 8);
		REQUIRE(revoke(own) == 0);
		CHECK(user.read(mine.at()) == kSigbus);
		CHECK(user.read(theirs.at()) == value(0));
		REQUIRE(restore(own) == 0);
		REQUIRE(revoke(shared) == 0);
		CHECK(user.read(mine.at()) == value(0));
		CHECK(user.read(theirs.at()) == kSigbus);
	}
}

TEST_CASE("while revoked, eager nodes refuse mmap with ENODEV and the others map what cannot be touched")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		REQUIRE(revoke(file) == 0);
		const Mapped map = user.mmap(file, 2);
		if (is_eager(method))
			CHECK(map.error() == -ENODEV);
		else
			CHECK(user.read(map.at()) == kSigbus);
		REQUIRE(restore(file) == 0);
		CHECK(user.read(user.mmap(file, 2).at()).ok());
	}
}

TEST_CASE("the device that goes takes every mapping along, and nothing brings it back")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_IOMAP);
	const Mapped map = user.mmap(file, 8);
	CHECK(user.write(map.at(), 1).ok());
	module.unplug();
	CHECK(user.present() == 0);
	CHECK(user.read(map.at()) == kSigbus);
	CHECK(restore(file) == -ENODEV);
	CHECK(revoke(file) == 0);
	CHECK(restore(file) == -ENODEV);
	CHECK(user.read(map.at()) == kSigbus);
	CHECK(user.mmap(file, 1).error() == -ENODEV);
	CHECK(read_at(file, 0, 1) == -ENODEV);
}

TEST_CASE("REVOKE waits for the mmap that has filled its VMA, or has asked for that, and not linked it")
{
	for (const unsigned method : kEagerMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const mapped = user.open(module, method);
		file *const other = user.open(module, method);
		std::mutex mutex;
		std::condition_variable changed;
		bool settling = false;
		std::thread revoker;
		Kernel::get().on_wait_for_mmaps = [&] {
			const std::lock_guard guard{mutex};
			settling = true;
			changed.notify_all();
		};
		// The VMA is not in the rmap: unmap_mapping_range() has missed it when REVOKE comes to wait.
		Kernel::get().before_link = [&] {
			revoker = std::thread{[&] { revoke(other); }};
			std::unique_lock lock{mutex};
			CHECK(changed.wait_for(lock, std::chrono::seconds{5}, [&] { return settling; }));
			CHECK(user.present() == (is_one_of(kPreparedMethods, method) ? 0 : 4));
		};
		const Mapped map = user.mmap(mapped, 4);
		revoker.join();
		CHECK(user.present() == 0);
		CHECK(user.read(map.at()) == kSigbus);
	}
}

TEST_CASE("REVOKE waits for the kernel to take out what a failed mmap has inserted, each time anew")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_INSERT_PAGE);
	for (int round = 0; round < 2; round++) {
		std::thread revoker;
		std::atomic<bool> revoked{false};
		Kernel::get().before_zap = [&] {
			CHECK(user.present() == 3);
			revoker = std::thread{[&] {
				revoke(file);
				revoked = true;
			}};
			std::thread{[&] {
				while (query(file).revoked == 0)
					std::this_thread::yield();
			}}.join();
			CHECK_FALSE(revoked);
		};
		CHECK(user.mmap(file, 4, 0, {.fails_after = 3}).error() == -EIO);
		revoker.join();
		CHECK(user.present() == 0);
		CHECK(user.mmap(file, 4, 0, {.fails_after = 3}).error() == -EIO);
		REQUIRE(restore(file) == 0);
	}
	// No more than there are, and none of a device.
	CHECK(user.mmap(file, 20, 0, {.fails_after = 20}).error() == -EIO);
	CHECK(user.mmap(user.open(module, PTELAB_IOMAP), 4, 0, {.fails_after = 1}).error() == -EIO);
	::file *const other = user.open(module, PTELAB_INSERT_PAGE);
	Kernel::get().fail_call(1);
	CHECK(user.mmap(other, 4, 0, {.fails_after = 3}).error() == -ENOMEM);
	Kernel::get().fail_call(3);
	CHECK(user.mmap(file, 4, 0, {.fails_after = 3}).error() == -ENOMEM);
}

TEST_CASE("REVOKE waits for the fault that has given its page and not set the entry")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	const Mapped map = user.mmap(file, 4);
	std::thread revoker;
	std::atomic<bool> revoked{false};
	Kernel::get().before_pte = [&] {
		revoker = std::thread{[&] {
			revoke(file);
			revoked = true;
		}};
		// The gate is shut at once; the page's lock, which we hold, keeps REVOKE from returning.
		std::thread{[&] {
			while (query(file).revoked == 0)
				std::this_thread::yield();
		}}.join();
		CHECK_FALSE(revoked);
	};
	user.read(map.at());
	revoker.join();
	CHECK(user.present() == 0);
	CHECK(user.read(map.at()) == kSigbus);
}

TEST_SUITE_END();
