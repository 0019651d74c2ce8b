// SPDX-License-Identifier: GPL-2.0-or-later
// The Probe on ordinary memory: an unmapped page, a forbidden one, and a file that was cut off below its mapping.
#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include <doctest/doctest.h>

#include <ptelab/child.hpp>
#include <ptelab/mapping.hpp>

using namespace ptelab;

namespace {

Mapping anonymous(std::size_t count, int prot = PROT_READ | PROT_WRITE)
{
	return {-1, count * page_size(), {.prot = prot, .flags = MAP_PRIVATE | MAP_ANONYMOUS}};
}

bool same_handlers(const std::array<struct sigaction, 2> &left, const std::array<struct sigaction, 2> &right)
{
	return left[0].sa_handler == right[0].sa_handler && left[1].sa_handler == right[1].sa_handler;
}

std::array<struct sigaction, 2> handlers()
{
	std::array<struct sigaction, 2> found{};
	sigaction(SIGBUS, nullptr, &found[0]);
	sigaction(SIGSEGV, nullptr, &found[1]);
	return found;
}

} // namespace

TEST_CASE("probe.reads_and_writes_what_is_there")
{
	const Mapping map = anonymous(1);
	const Touch write = map.write(3, 0x42);
	CHECK(write.done());
	CHECK(map.read(3).value == 0x42);
	CHECK(map.read(3).outcome() == "ok");
}

TEST_CASE("probe.tells_a_forbidden_page_from_an_unmapped_one")
{
	Mapping map = anonymous(1, PROT_READ);
	const std::byte *const address = map.data();

	const Touch forbidden = map.write(9, 1);
	CHECK(forbidden.outcome() == "SIGSEGV SEGV_ACCERR");
	CHECK(forbidden.where == reinterpret_cast<std::uintptr_t>(address) + 9);
	map.unmap();
	CHECK(Probe().read(address).outcome() == "SIGSEGV SEGV_MAPERR");
}

TEST_CASE("probe.learns_of_sigbus")
{
	const int fd = ::memfd_create("ptelab-probe", MFD_CLOEXEC);
	REQUIRE(fd >= 0);
	REQUIRE(::ftruncate(fd, static_cast<off_t>(page_size())) == 0);
	const Mapping map(fd, page_size(), {});
	map.put(0, 1);
	REQUIRE(::ftruncate(fd, 0) == 0);

	CHECK(map.read(0).outcome() == "SIGBUS BUS_ADRERR");
	CHECK_THROWS_AS(map.get<int>(0), AccessFault);
	::close(fd);
}

TEST_CASE("probe.puts_the_earlier_handlers_back")
{
	const auto before = handlers();
	{
		const Probe outer;
		const auto inside = handlers();
		CHECK_FALSE(same_handlers(before, inside));
		(void)anonymous(1).read(0);
		CHECK(same_handlers(inside, handlers()));
	}
	CHECK(same_handlers(before, handlers()));
}

TEST_CASE("probe.works_in_threads_at_the_same_time")
{
	const Mapping none = anonymous(1, PROT_NONE);
	const Mapping some = anonymous(1);
	std::array<int, 4> wrong{};
	std::array<std::thread, 4> threads;

	for (std::size_t i = 0; i < threads.size(); ++i)
		threads[i] = std::thread([&, i] {
			for (int round = 0; round < 1000; ++round)
				wrong[i] += none.read(0).done() + !some.read(0).done();
		});
	for (std::thread &thread : threads)
		thread.join();
	for (const int count : wrong)
		CHECK(count == 0);
}

TEST_CASE("probe.leaves_a_fault_of_somebody_else_alone")
{
	const Mapping none = anonymous(1, PROT_NONE);
	Child child([&](Channel &) {
		const Probe probe;
		*reinterpret_cast<volatile char *>(none.data()) = 1;
	});
	CHECK(child.wait() == SIGSEGV);
}

TEST_CASE("mapping.split_shares_out_the_range")
{
	Mapping low = anonymous(3);
	Mapping middle = low.split(page_size());
	const Mapping high = middle.split(page_size());
	const std::byte *const hole = middle.data();

	CHECK(low.pages() + middle.pages() + high.pages() == 3);
	middle.unmap();
	CHECK(low.read(0).done());
	CHECK(high.read(0).done());
	CHECK_FALSE(Probe().read(hole).done());
	CHECK_THROWS_AS(low.split(1), std::out_of_range);
}

TEST_CASE("child.answers_throws_and_dies")
{
	CHECK(in_child([] { return 42; }) == 42);
	CHECK_THROWS_WITH(in_child([]() -> int { throw std::runtime_error("no luck"); }), "in a child process: no luck");
	Child child([](Channel &channel) { channel.receive<int>(); });
	child.kill(SIGKILL);
	CHECK(child.wait() == SIGKILL);
}

TEST_CASE("child.can_drop_its_rights" * doctest::skip(::geteuid() != 0))
{
	CHECK(in_child([] {
		      become_nobody();
		      return ::geteuid();
	      }) == 65534);
	CHECK(::geteuid() == 0);
}
