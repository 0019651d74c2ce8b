// SPDX-License-Identifier: GPL-2.0-or-later
// What a mapping costs, way by way: maps a node of ptelab's, of each twin's, and a memfd, writes to each page, and tells how long that
// took by the guest's clock. Under `scripts/vm --icount` a nanosecond is an instruction. scripts/measure-faults reads what it prints.
//
// usage: fault-cost PAGES REPETITIONS
// A line for each repetition, way and driver:  WAY DRIVER MMAP TOUCH AGAIN
// in nanoseconds: of the mmap call, of a write to each page, and of the same loop again, when all is mapped.
// The first repetition is not told: after it everything is as it will be in all others.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr const char *kWays[] = {"fault_insert_pfn", "fault_insert_page", "fault_page", "fault_insert_pages", "insert_page", "insert_pages"};
constexpr const char *kDrivers[] = {"ptelab", "ptelab_bare", "ptelab_equal"};

struct Measured {
	long long mmap, touch, again;
};

[[noreturn]] void fail(const std::string &what)
{
	std::fprintf(stderr, "fault-cost: %s: %s\n", what.c_str(), std::strerror(errno));
	std::exit(1);
}

long long now()
{
	timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

// The timer interrupts a few times in a repetition, which would be counted with what it meets. So each begins just after it has, and is
// over before it comes again.
void wait_for_tick()
{
	timespec before, after;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &before);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &after);
	while (after.tv_nsec == before.tv_nsec && after.tv_sec == before.tv_sec);
}

// Out of line, so that every driver's pages are written to by the very same instructions.
[[gnu::noinline]] long long touch(volatile char *memory, std::size_t pages, std::size_t page_bytes)
{
	const long long start = now();
	for (std::size_t page = 0; page < pages; page++)
		memory[page * page_bytes] = 1;
	return now() - start;
}

[[gnu::noinline]] Measured measure(const std::string &name, int file, std::size_t pages)
{
	const auto page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
	wait_for_tick();
	const long long start = now();
	void *const memory = mmap(nullptr, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	const long long mapped = now() - start;
	if (memory == MAP_FAILED)
		fail("mmap of " + name);
	const long long touched = touch(static_cast<char *>(memory), pages, page_bytes);
	const long long again = touch(static_cast<char *>(memory), pages, page_bytes);
	munmap(memory, pages * page_bytes);
	return {mapped, touched, again};
}

void tell(bool told, const char *way, const char *driver, int file, std::size_t pages)
{
	const Measured measured = measure(std::string(driver) + "/" + way, file, pages);
	if (told)
		std::printf("%s %s %lld %lld %lld\n", way, driver, measured.mmap, measured.touch, measured.again);
}

int opened(const std::string &path)
{
	const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
	if (file < 0)
		fail(path);
	return file;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 3 || std::atol(argv[1]) <= 0 || std::atol(argv[2]) <= 0) {
		std::fprintf(stderr, "usage: fault-cost PAGES REPETITIONS\n");
		return 2;
	}
	const auto pages = static_cast<std::size_t>(std::atol(argv[1]));
	const int memfd = memfd_create("fault-cost", MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, static_cast<off_t>(pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)))))
		fail("memfd");
	for (long repetition = 0; repetition <= std::atol(argv[2]); repetition++) {
		for (const char *const way : kWays)
			for (const char *const driver : kDrivers) {
				const int file = opened(std::string("/dev/") + driver + "/" + way);
				tell(repetition > 0, way, driver, file, pages);
				close(file);
			}
		tell(repetition > 0, "memfd", "memfd", memfd, pages);
	}
	return 0;
}
