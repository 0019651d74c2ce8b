// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unpack what the host brings for this run, newc archives in QEMU's fw_cfg, into the guest's root.
 *
 * fw_cfg is read by its DMA interface from user space, so that the guest's kernel needs no driver for it, and the machine no device
 * that it has not anyway. There is nothing, as the machine is about to be saved: say so on the results line, and look again until there
 * is, which is when a copy of this machine has been started for a run.
 *
 * usage: receive RESULTS-LINE
 *
 * The words that this relies on: QEMU's docs/specs/fw_cfg, and the kernel's buffer-format.rst for the archive.
 */

#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <sys/io.h>
#endif

/* Two archives: the one of this run alone is there last, and empty as long as there is no run. */
#define BROUGHT "opt/ptelab/brought"
#define RUN "opt/ptelab/run"
enum { PAUSE_NS = 2000000, MOST_CLEARED = 512 << 20 };
/* What the host wants mixed into the random state, and its clock: seconds, a blank, nanoseconds. */
#define ENTROPY "vm/entropy"
#define CLOCK "vm/clock"

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list words;

	va_start(words, format);
	fputs("receive: ", stderr);
	vfprintf(stderr, format, words);
	fputc('\n', stderr);
	exit(1);
}

/* ---- fw_cfg ---- */

enum { FILE_DIRECTORY = 0x19 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SELECT = 8 };

/* All big-endian. */
struct dma {
	uint32_t control;
	uint32_t length;
	uint64_t address;
};

struct directory_entry {
	uint32_t size;
	uint16_t key;
	uint16_t reserved;
	char name[56];
};

/*
 * The pages that the device writes. Their physical addresses hold as long as a pipe refers to them: migration
 * refuses a page with a reference that it does not know.
 */
enum { DATA_PAGES = 15 };
static struct {
	size_t page;
	char *data;
	volatile struct dma *dma;
	uint64_t physical[DATA_PAGES + 1];
} window;

static uint64_t physical_address(int pagemap, const char *address)
{
	const uint64_t present = UINT64_C(1) << 63, frame = (UINT64_C(1) << 55) - 1;
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry), (uintptr_t)address / window.page * sizeof(entry)) != sizeof(entry))
		die("cannot read /proc/self/pagemap: %s", strerror(errno));
	if (!(entry & present) || !(entry & frame))
		die("/proc/self/pagemap does not tell where a page is");
	return (entry & frame) * window.page;
}

static void open_window(void)
{
	struct iovec pages;
	int pagemap, held[2];

	window.page = sysconf(_SC_PAGESIZE);
	pages.iov_len = (DATA_PAGES + 1) * window.page;
	pages.iov_base = mmap(NULL, pages.iov_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (pages.iov_base == MAP_FAILED)
		die("no memory");
	/* A huge page has one reference for all. */
	madvise(pages.iov_base, pages.iov_len, MADV_NOHUGEPAGE);
	memset(pages.iov_base, 1, pages.iov_len);
	if (pipe(held) || vmsplice(held[1], &pages, 1, SPLICE_F_NONBLOCK) != (ssize_t)pages.iov_len)
		die("cannot hold the pages: %s", strerror(errno));
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		die("cannot open /proc/self/pagemap: %s", strerror(errno));
	window.data = pages.iov_base;
	window.dma = (void *)(window.data + DATA_PAGES * window.page);
	for (int i = 0; i <= DATA_PAGES; i++)
		window.physical[i] = physical_address(pagemap, window.data + i * window.page);
	close(pagemap);
}

#if defined(__x86_64__)
static void open_device(void)
{
	if (ioperm(0x514, 8, 1))
		die("cannot reach the ports of fw_cfg: %s", strerror(errno));
}

static void ring(uint64_t address)
{
	/* The second half starts the transfer, which is over when the write is. */
	outl(htobe32(address >> 32), 0x514);
	outl(htobe32((uint32_t)address), 0x518);
}
#elif defined(__aarch64__)
static volatile uint64_t *doorbell;

/* The device tree of QEMU's virt machine tells where fw_cfg is: address and size, 64 bits each, big-endian. */
static void open_device(void)
{
	uint64_t place[2];
	char *registers;
	int file = open("/sys/firmware/devicetree/base/fw-cfg@9020000/reg", O_RDONLY | O_CLOEXEC);

	if (file < 0 || read(file, place, sizeof(place)) != sizeof(place))
		die("the device tree has no fw-cfg@9020000: is this QEMU's virt machine?");
	close(file);
	file = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (file < 0)
		die("cannot open /dev/mem: %s", strerror(errno));
	registers = mmap(NULL, window.page, PROT_READ | PROT_WRITE, MAP_SHARED, file, be64toh(place[0]) & ~(window.page - 1));
	if (registers == MAP_FAILED)
		die("cannot map fw_cfg through /dev/mem: %s", strerror(errno));
	close(file);
	doorbell = (void *)(registers + (be64toh(place[0]) & (window.page - 1)) + 16);
}

static void ring(uint64_t address)
{
	*doorbell = htobe64(address);
	__sync_synchronize();
}
#else
#error "fw_cfg of this architecture's machine is not known here"
#endif

/* Reads up to a page, where the last read of this file ended. The first read selects the file. */
static void read_page(int index, size_t bytes, unsigned int select, uint16_t key)
{
	window.dma->length = htobe32(bytes);
	window.dma->address = htobe64(window.physical[index]);
	window.dma->control = htobe32(DMA_READ | select | (uint32_t)key << 16);
	__sync_synchronize();
	ring(window.physical[DATA_PAGES]);
	while (be32toh(window.dma->control) & ~(uint32_t)DMA_ERROR)
		;
	if (be32toh(window.dma->control) & DMA_ERROR)
		die("QEMU could not write %zu bytes at %#llx", bytes, (unsigned long long)window.physical[index]);
}

/* ---- a file of fw_cfg, front to back ---- */

struct stream {
	uint16_t key;
	size_t left;		/* of the file, not yet read into the window */
	bool selected;
	const char *next;
	size_t buffered;
};

static void fill(struct stream *from)
{
	from->next = window.data;
	from->buffered = 0;
	for (int i = 0; i < DATA_PAGES && from->left; i++) {
		size_t bytes = from->left < window.page ? from->left : window.page;

		read_page(i, bytes, from->selected ? 0 : DMA_SELECT, from->key);
		from->selected = true;
		from->left -= bytes;
		from->buffered += bytes;
	}
	if (!from->buffered)
		die("the archive is cut short");
}

/* At least one byte and at most `most`; valid until the next call. */
static const char *take_some(struct stream *from, size_t most, size_t *got)
{
	const char *found;

	if (!from->buffered)
		fill(from);
	*got = from->buffered < most ? from->buffered : most;
	found = from->next;
	from->next += *got;
	from->buffered -= *got;
	return found;
}

static void take(struct stream *from, char *to, size_t bytes)
{
	while (bytes) {
		size_t got;
		const char *found = take_some(from, bytes, &got);

		memcpy(to, found, got);
		to += got;
		bytes -= got;
	}
}

/* The size is 0 if there is no such file. */
static struct stream open_archive(const char *name)
{
	struct stream directory = { .key = FILE_DIRECTORY, .left = sizeof(uint32_t) }, found = { 0 };
	struct directory_entry entry;
	uint32_t entries;

	take(&directory, (char *)&entries, sizeof(entries));
	for (directory.left = be32toh(entries) * sizeof(entry); directory.left + directory.buffered;) {
		take(&directory, (char *)&entry, sizeof(entry));
		if (!strncmp(entry.name, name, sizeof(entry.name))) {
			found.key = be16toh(entry.key);
			found.left = be32toh(entry.size);
		}
	}
	return found;
}

/* ---- the archive ---- */

struct header {
	char magic[6];
	char field[13][8];
};
enum { MODE = 1, SIZE = 6, NAME_SIZE = 11 };

static unsigned long number(const struct header *header, int field)
{
	char text[9] = "", *end;
	unsigned long value;

	memcpy(text, header->field[field], 8);
	value = strtoul(text, &end, 16);
	if (*end)
		die("not a newc archive: '%s' is no number", text);
	return value;
}

static void skip_padding(struct stream *from, size_t bytes)
{
	char padding[4];

	take(from, padding, -bytes & 3);
}

static void receive_file(struct stream *from, const char *name, mode_t mode, size_t bytes)
{
	/* What is there may be a link into the base, or run at this moment. */
	unlink(name);
	int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);

	if (file < 0 || fchmod(file, mode & 07777))
		die("cannot create /%s: %s", name, strerror(errno));
	while (bytes) {
		size_t got;
		const char *found = take_some(from, bytes, &got);

		for (size_t written = 0; written < got;) {
			ssize_t now = write(file, found + written, got - written);

			if (now <= 0)
				die("cannot write /%s: %s", name, strerror(errno));
			written += now;
		}
		bytes -= got;
	}
	close(file);
}

static void receive_link(struct stream *from, const char *name, size_t bytes)
{
	char target[4096];

	if (bytes >= sizeof(target))
		die("the target of the link /%s is too long", name);
	take(from, target, bytes);
	target[bytes] = 0;
	unlink(name);
	if (symlink(target, name))
		die("cannot link /%s: %s", name, strerror(errno));
}

static void receive_folder(const char *name, mode_t mode)
{
	struct stat found;

	/* A link to a folder, as /lib is, stays. */
	if (mkdir(name, mode & 07777) && (errno != EEXIST || stat(name, &found) || !S_ISDIR(found.st_mode)))
		die("cannot make the folder /%s: %s", name, strerror(errno));
}

/* False at the archive's end. */
static bool receive_entry(struct stream *from)
{
	struct header header;
	char name[4096];
	size_t name_bytes, bytes;
	mode_t mode;

	take(from, (char *)&header, sizeof(header));
	if (memcmp(header.magic, "070701", sizeof(header.magic)))
		die("not a newc archive");
	name_bytes = number(&header, NAME_SIZE);
	bytes = number(&header, SIZE);
	mode = number(&header, MODE);
	if (!name_bytes || name_bytes > sizeof(name))
		die("a name of %zu bytes is too long", name_bytes);
	take(from, name, name_bytes);
	skip_padding(from, sizeof(header) + name_bytes);
	if (!strcmp(name, "TRAILER!!!"))
		return false;
	if (S_ISREG(mode))
		receive_file(from, name, mode, bytes);
	else if (S_ISLNK(mode))
		receive_link(from, name, bytes);
	else if (S_ISDIR(mode))
		receive_folder(name, mode);
	else
		die("/%s is neither a file nor a link nor a folder", name);
	skip_padding(from, bytes);
	return true;
}

/* The archive may be several, one behind the other. */
static void receive(struct stream *from)
{
	while (from->left + from->buffered)
		while (receive_entry(from))
			;
}

/* ---- a machine that is saved ---- */

/* What the boot used and freed is not zero, and would have to be saved and taken up by each run. */
static void clear_free_memory(void)
{
	struct sysinfo machine;
	size_t bytes = sysinfo(&machine) ? 0 : (size_t)machine.freeram * machine.mem_unit / 10 * 9;
	void *taken;

	bytes = bytes < MOST_CLEARED ? bytes : MOST_CLEARED;
	taken = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (taken != MAP_FAILED)
		munmap(taken, bytes);
}

static void wait_for_the_run(const char *results)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int out = open(results, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (out < 0 || dprintf(out, "{\"ready\": true}\n") < 0 || tcdrain(out))
		die("cannot say on %s that the machine is ready: %s", results, strerror(errno));
	while (!open_archive(RUN).left)
		nanosleep(&pause, NULL);
}

static char *text_of(const char *name, size_t *bytes)
{
	static char text[4096];
	int file = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? -1 : read(file, text, sizeof(text) - 1);

	if (got < 0)
		die("the host brought no /%s: %s", name, strerror(errno));
	close(file);
	text[got] = 0;
	*bytes = got;
	return text;
}

/* The clock stood still while the machine was saved. */
static void set_clock(void)
{
	size_t bytes;
	char *end, *text = text_of(CLOCK, &bytes);
	struct timespec now = { .tv_sec = strtoll(text, &end, 10) };

	now.tv_nsec = strtol(end, NULL, 10);
	if (clock_settime(CLOCK_REALTIME, &now))
		die("cannot set the clock: %s", strerror(errno));
}

/* The random state is the same in each copy of a saved machine, until it has got something of this run's own. */
static void reseed(void)
{
	struct {
		struct rand_pool_info info;
		char bytes[4096];
	} pool;
	size_t bytes;
	char *entropy = text_of(ENTROPY, &bytes);
	int file = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	pool.info.entropy_count = bytes * 4;	/* bits: it is hexadecimal */
	pool.info.buf_size = bytes;
	memcpy(pool.info.buf, entropy, bytes);
	if (file < 0 || ioctl(file, RNDADDENTROPY, &pool) || ioctl(file, RNDRESEEDCRNG))
		die("cannot reseed the random state: %s", strerror(errno));
	close(file);
}

int main(int count, char **words)
{
	const char *const names[] = { BROUGHT, RUN };

	if (count != 2)
		die("usage: receive RESULTS-LINE");
	if (chdir("/"))
		die("cannot go to /: %s", strerror(errno));
	umask(0);
	open_window();
	open_device();
	clear_free_memory();
	wait_for_the_run(words[1]);
	for (int i = 0; i < 2; i++) {
		struct stream archive = open_archive(names[i]);

		receive(&archive);
	}
	set_clock();
	reseed();
	return 0;
}
