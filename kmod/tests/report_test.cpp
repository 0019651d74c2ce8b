// SPDX-License-Identifier: GPL-2.0-or-later
#include <atomic>
#include <chrono>
#include <iterator>
#include <thread>

#include "lab_test.hpp"

TEST_SUITE_BEGIN("report");

TEST_CASE("QUERY tells what the node, its region and the kernel are")
{
	for (unsigned method = 1; method < PTELAB_METHODS; method++) {
		CAPTURE(method);
		Module module{{.max_order = 4, .features = PTELAB_HAS_ZAP_VMA | PTELAB_HAS_FOLLOW_PFN}};
		Process user;
		const ptelab_query seen = query(user.open(module, method));
		CHECK(seen.abi == PTELAB_ABI);
		CHECK(seen.method == method);
		CHECK(seen.pages == 8);
		CHECK(seen.max_pages == 65536);
		CHECK(seen.max_block_pages == 16);
		CHECK(seen.features == (PTELAB_HAS_ZAP_VMA | PTELAB_HAS_FOLLOW_PFN));
		CHECK(seen.page_shift == 12);
		CHECK(seen.has_access == (method == PTELAB_FAULT_INSERT_PFN));
		CHECK(seen.cache == (method == PTELAB_IOMAP ? PTELAB_CACHE_UNCACHED : PTELAB_CACHE_WRITE_BACK));
		CHECK(seen.backing == default_backing(method));
	}
}

TEST_CASE("QUERY and STATS refuse unknown flags, scopes and reserved fields")
{
	Module module;
	Process user;
	ptelab_session *const session = user.open(module, PTELAB_FAULT_PAGE)->session;
	ptelab_query wrong_query{};
	wrong_query.flags = 1;
	CHECK(ptelab_ioctl_query(session, &wrong_query) == -EINVAL);
	ptelab_stats wrong_stats{};
	wrong_stats.scope = PTELAB_SCOPE_FILE;
	wrong_stats.flags = 1;
	CHECK(ptelab_ioctl_stats(session, &wrong_stats) == -EINVAL);
	wrong_stats.flags = 0;
	for (const unsigned scope : {0U, PTELAB_SCOPE_MODULE + 1U}) {
		wrong_stats.scope = scope;
		CHECK(ptelab_ioctl_stats(session, &wrong_stats) == -EINVAL);
	}
	for (unsigned i = 0; i < std::size(ptelab_query{}.reserved); i++) {
		ptelab_query reserved_query{};
		reserved_query.reserved[i] = 1;
		CHECK(ptelab_ioctl_query(session, &reserved_query) == -EINVAL);
	}
	for (unsigned i = 0; i < std::size(ptelab_stats{}.reserved); i++) {
		ptelab_stats reserved_stats{};
		reserved_stats.scope = PTELAB_SCOPE_FILE;
		reserved_stats.reserved[i] = 1;
		CHECK(ptelab_ioctl_stats(session, &reserved_stats) == -EINVAL);
	}
}

TEST_CASE("REVOKE and RESTORE refuse unknown flags and reserved fields")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	const auto refused = [&](auto &&spoil) {
		ptelab_revoke arg{};
		spoil(arg);
		return ptelab_ioctl_revoke(file->session, &arg) == -EINVAL && ptelab_ioctl_restore(file->session, &arg) == -EINVAL;
	};
	CHECK(refused([](ptelab_revoke &arg) { arg.flags = 1; }));
	CHECK(refused([](ptelab_revoke &arg) { arg.reserved0 = 1; }));
	for (unsigned i = 0; i < 3; i++)
		CHECK(refused([i](ptelab_revoke &arg) { arg.reserved[i] = 1; }));
	CHECK(query(file).revoked == 0);
}

TEST_CASE("STATS counts a file apart from the module")
{
	Module module;
	Process user;
	file *const one = user.open(module, PTELAB_INSERT_PAGE);
	file *const other = user.open(module, PTELAB_FAULT_PAGE);
	const ptelab_stats before = stats(one, PTELAB_SCOPE_MODULE);
	CHECK(before.files == 2);
	CHECK(before.regions == 3);	// of the two nodes that are open, and the device's
	CHECK(before.node_regions == 3);
	CHECK(before.node_pages == before.pages_allocated);
	CHECK(stats(one).node_regions == 0);
	REQUIRE(setup(other, {.pages = 3}) == 0);
	user.read(user.mmap(other, 3).at());
	CHECK(stats(one).maps == 0);
	CHECK(stats(one).files == 1);
	CHECK(stats(one).regions == 0);
	CHECK(stats(other).maps == 1);
	CHECK(stats(other).faults == 1);
	CHECK(stats(other).regions == 1);
	CHECK(stats(other).pages_allocated == 3);
	const ptelab_stats after = stats(one, PTELAB_SCOPE_MODULE);
	CHECK(after.regions == 4);
	CHECK(after.node_regions == 3);
	CHECK(after.node_pages == before.node_pages);
	CHECK(after.pages_allocated == before.pages_allocated + 3);
	user.exit();
}

TEST_CASE("a copy is a page's part, up to what was asked, and nothing past the end")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		CHECK(ptelab_size(file->session) == 8 * 4096);
		CHECK(read_at(file, 0, 1) == 1);
		CHECK(read_at(file, 0, 1 << 20) == 4096);
		CHECK(read_at(file, 4095, 2) == 1);
		CHECK(read_at(file, 4097, ~0UL) == 4095);
		CHECK(read_at(file, 8 * 4096 - 1, 10) == 1);
		CHECK(read_at(file, 8 * 4096, 1) == 0);
		CHECK(read_at(file, ~0ULL, 1) == 0);
		CHECK(read_at(file, ~0ULL >> 1, ~0UL) == 0);
		CHECK(read_at(file, 0, 0) == 0);
	}
}

TEST_CASE("what is written to the file is read through a mapping")
{
	for (const unsigned method : kRamMethods) {
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		std::uint64_t word = 55;
		CHECK(ptelab_copy(file->session, 5 * 4096, sizeof(word), &word, true) == sizeof(word));
		CHECK(user.read(page_at(map, 5)) == value(55));
		CHECK(word_at(file, 5 * 4096) == 55);
	}
}

// Through the gate, so that REVOKE waits for what is under way.
TEST_CASE("a REVOKE during a copy ends after it")
{
	for (const unsigned method : {PTELAB_FAULT_PAGE, PTELAB_IOMAP}) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		std::thread revoker;
		std::atomic<bool> revoked{false}, revoked_during{false};
		Kernel::get().on_copy = [&] {
			revoker = std::thread([&] { revoked = revoke(file) == 0; });
			std::this_thread::sleep_for(std::chrono::milliseconds(50));
			revoked_during = revoked.load();
		};
		CHECK(read_at(file, 0, 8) == 8);
		Kernel::get().on_copy = nullptr;
		revoker.join();
		CHECK(!revoked_during);
		CHECK(revoked);
		CHECK(read_at(file, 0, 8) == -ENODEV);
		CHECK(restore(file) == 0);
	}
}

TEST_SUITE_END();
