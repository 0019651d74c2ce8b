// SPDX-License-Identifier: GPL-2.0
// One list of scenarios, run on the fake kernel and on a real one: what they log must be the same, line by line. That keeps the
// fake honest, and tells when a kernel has changed its mind.
//
// A Lab is where a scenario runs. Files and mappings are small numbers from 0; what fails answers with a negative errno.
//	int open(method, writable); void close(file);
//	int setup(file, const ptelab_region_setup &); int stats(file, ptelab_stats &);
//	int mmap(file, pages, pgoff, bool exec, bool is_private); void munmap(map, page, pages);
//	Access read(map, page); Access write(map, page, word);
//	int zap(file, map, page, pages, how, ptelab_zap &); int unmap(file, page, pages, flags);
//	int revoke(file); int restore(file); int lookup(file, map, page, ptelab_pte &);
//	unsigned long long features(); bool has(method): the node is there
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../../uapi/ptelab.h"

namespace ptelab::scenarios {

struct Access {
	const char *outcome = "ok";	// "ok", "SIGBUS", "SIGSEGV"
	std::uint64_t word = 0;
};

// The part of REGION_SETUP that scenarios use.
struct Setup {
	unsigned backing = 0;
	unsigned long pages = 0;
	unsigned fault_action = 0;
	unsigned long fault_after = 0;
	unsigned long fault_times = 0;
};

// What every Lab must log: the sections of all kernels.
inline constexpr const char *kExpected =
#include "scenarios.expected"
	;

inline std::string error_name(int error)
{
	switch (-error) {
	case 0:
		return "ok";
	case ENOMEM:
		return "ENOMEM";
	case EACCES:
		return "EACCES";
	case EFAULT:
		return "EFAULT";
	case EBUSY:
		return "EBUSY";
	case ENODEV:
		return "ENODEV";
	case EINVAL:
		return "EINVAL";
	case ERANGE:
		return "ERANGE";
	case EOPNOTSUPP:
		return "EOPNOTSUPP";
	}
	return "errno " + std::to_string(-error);
}

// What a scenario asks of its Lab, with the answers as lines of text.
template <typename Lab>
class Play {
public:
	Play(Lab &lab, unsigned method) : lab_{lab}, method_{method} {}

	const std::string &log() const { return log_; }
	unsigned method() const { return method_; }

	int open(bool writable = true) { return lab_.open(method_, writable); }
	void close(int file)
	{
		lab_.close(file);
		line("close");
	}
	void setup(int file, const Setup &setup)
	{
		ptelab_region_setup arg{};
		arg.backing = setup.backing;
		arg.pages = setup.pages;
		arg.fault_action = setup.fault_action;
		arg.fault_after = setup.fault_after;
		arg.fault_times = setup.fault_times;
		line("setup: " + error_name(lab_.setup(file, arg)));
	}
	int mmap(int file, unsigned long pages, unsigned long pgoff = 0, bool exec = false, bool is_private = false)
	{
		const int map = lab_.mmap(file, pages, pgoff, exec, is_private);
		line("mmap " + std::to_string(pages) + "@" + std::to_string(pgoff) + (exec ? " exec" : "") +
		     (is_private ? " private: " : ": ") + error_name(map < 0 ? map : 0));
		return map;
	}
	void munmap(int map, unsigned long page, unsigned long pages)
	{
		lab_.munmap(map, page, pages);
		line("munmap " + std::to_string(page) + "+" + std::to_string(pages));
	}
	void read(int map, unsigned long page)
	{
		const Access seen = lab_.read(map, page);
		line("read " + std::to_string(page) + ": " + seen.outcome + " " + std::to_string(seen.word));
	}
	void write(int map, unsigned long page, std::uint64_t word)
	{
		line("write " + std::to_string(page) + ": " + lab_.write(map, page, word).outcome);
	}
	void zap(int file, int map, unsigned long page, unsigned long pages, unsigned how)
	{
		ptelab_zap arg{};
		const int error = lab_.zap(file, map, page, pages, how, arg);
		line(std::string(how == PTELAB_ZAP_SPECIAL ? "zap special: " : "zap vma: ") + error_name(error) +
		     (error ? "" : " " + std::to_string(arg.present_before) + "->" + std::to_string(arg.present_after)));
	}
	void unmap(int file, unsigned long page, unsigned long pages, unsigned flags = 0)
	{
		line("unmap: " + error_name(lab_.unmap(file, page, pages, flags)));
	}
	void revoke(int file) { line("revoke: " + error_name(lab_.revoke(file))); }
	void restore(int file) { line("restore: " + error_name(lab_.restore(file))); }
	// Neither young nor dirty: the hardware, or its lack of one, decides when they are set. Nor pfns.
	void lookup(int file, int map, unsigned long pages)
	{
		std::string cells;
		for (unsigned long page = 0; page < pages; page++) {
			ptelab_pte pte{};
			const int error = lab_.lookup(file, map, page, pte);
			if (error)
				return line("lookup: " + error_name(error));
			cells += ' ';
			cells += pte.state & PTELAB_PTE_PRESENT ? 'p' : '-';
			cells += pte.state & PTELAB_PTE_WRITE ? "w" : "";
			cells += pte.state & PTELAB_PTE_SPECIAL ? "s" : "";
			cells += pte.state & PTELAB_PTE_OURS ? std::to_string(pte.page) : "";
			cells += pte.state & PTELAB_PTE_REVOKED ? "!" : "";
		}
		line("lookup:" + cells);
	}
	void stats(int file)
	{
		ptelab_stats arg{};
		const int error = lab_.stats(file, arg);
		line("stats: " + error_name(error) + " maps " + std::to_string(arg.maps) + " refused " +
		     std::to_string(arg.map_errors) + " opens " + std::to_string(arg.opens) + " closes " +
		     std::to_string(arg.closes) + " fault errors " + std::to_string(arg.fault_errors) + " pages " +
		     std::to_string(arg.pages_allocated) + "/" + std::to_string(arg.pages_freed));
	}

private:
	void line(const std::string &text) { log_ += text + '\n'; }

	Lab &lab_;
	unsigned method_;
	std::string log_;
};

template <typename Lab>
struct Scenario {
	const char *name;
	unsigned long long depends;	// PTELAB_HAS_* that decide what is logged
	void (*run)(Play<Lab> &play);
};

constexpr unsigned long long kZaps =
	PTELAB_HAS_ZAP_SPECIAL | PTELAB_HAS_ZAP_SPECIAL_MIXED | PTELAB_HAS_ZAP_VMA | PTELAB_HAS_ZAP_MANY;

template <typename Lab>
std::vector<Scenario<Lab>> list()
{
	using P = Play<Lab>;
	return {
		{"map", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			const int map = p.mmap(file, 4);
			p.lookup(file, map, 4);
			p.read(map, 0);
			p.write(map, 2, 42);
			p.read(map, 2);
			p.lookup(file, map, 4);
			const int tail = p.mmap(file, 2, 2);
			p.read(tail, 0);
			p.stats(file);
			p.close(file);
			p.read(map, 2);
			p.munmap(map, 0, 4);
		}},
		{"range", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			p.mmap(file, 5);
			p.mmap(file, 1, 4);
			p.mmap(file, 2, 3);
			p.mmap(file, 1, 0, true);
			p.setup(file, {.pages = 4});
			p.stats(file);
		}},
		{"read_only", 0, [](P &p) {
			const int file = p.open(false);
			p.setup(file, {.pages = 2});
			const int map = p.mmap(file, 2);
			p.read(map, 0);
			p.write(map, 0, 1);
		}},
		{"private", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			const int shared = p.mmap(file, 4);
			p.write(shared, 0, 5);
			const int copy = p.mmap(file, 4, 0, false, true);
			if (copy < 0)
				return;
			p.read(copy, 0);
			p.write(copy, 0, 6);
			p.read(shared, 0);
			p.lookup(file, copy, 4);
			p.unmap(file, 0, 0);
			p.read(copy, 0);
			p.revoke(file);
			p.read(copy, 0);
			p.restore(file);
			p.read(copy, 0);
			p.read(shared, 0);
		}},
		{"split", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			const int map = p.mmap(file, 4);
			p.write(map, 3, 9);
			p.munmap(map, 1, 1);
			p.read(map, 0);
			p.read(map, 1);
			p.read(map, 3);
			p.stats(file);
		}},
		{"unmap", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			const int map = p.mmap(file, 4);
			for (unsigned i = 0; i < 4; i++)
				p.write(map, i, i + 1);
			p.unmap(file, 1, 2, PTELAB_UNMAP_EVEN_COWS);
			p.lookup(file, map, 4);
			for (unsigned i = 0; i < 4; i++)
				p.read(map, i);
			p.stats(file);
		}},
		{"revoke", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			const int map = p.mmap(file, 4);
			p.write(map, 1, 7);
			p.revoke(file);
			p.lookup(file, map, 4);
			p.read(map, 1);
			p.write(map, 2, 1);
			p.mmap(file, 1);
			p.restore(file);
			p.lookup(file, map, 4);
			p.read(map, 1);
			p.lookup(file, map, 4);
			p.stats(file);
		}},
		{"zap", kZaps, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4});
			const int map = p.mmap(file, 4);
			for (unsigned i = 0; i < 4; i++)
				p.write(map, i, i + 1);
			p.zap(file, map, 0, 2, PTELAB_ZAP_SPECIAL);
			p.lookup(file, map, 4);
			p.zap(file, map, 1, 2, PTELAB_ZAP_VMA);
			p.lookup(file, map, 4);
			p.read(map, 1);
			p.zap(file, map, 3, 2, PTELAB_ZAP_VMA);
		}},
		{"fault_plan", 0, [](P &p) {
			const int file = p.open();
			p.setup(file, {.pages = 4, .fault_action = PTELAB_FAULT_SIGBUS, .fault_after = 1, .fault_times = 2});
			const int map = p.mmap(file, 4);
			for (unsigned i = 0; i < 4; i++)
				p.read(map, i);
			p.read(map, 1);
			p.stats(file);
		}},
		{"backings", 0, [](P &p) {
			for (unsigned backing = 1; backing <= PTELAB_BACKING_DEVICE; backing++) {
				const int file = p.open();
				p.setup(file, {.backing = backing, .pages = 4});
				const int map = p.mmap(file, 4);
				p.write(map, 3, backing);
				p.lookup(file, map, 4);
				p.close(file);
			}
		}},
	};
}

// "== insert_page/zap [special vma]": what tells one section of the log from the others.
inline std::string title(unsigned method, const char *name, unsigned long long features)
{
	static constexpr const char *kNodes[] = {"",
						 "insert_page",
						 "fault_insert_page",
						 "fault_page",
						 "fault_insert_pfn",
						 "remap_pfn",
						 "iomap",
						 "insert_pages",
						 "map_pages",
						 "map_pages_zero",
						 "remap_vmalloc",
						 "fault_insert_pages",
						 "fault_insert_mixed",
						 "huge_pfn",
						 "huge_folio"};
	std::string text = std::string("== ") + kNodes[method] + "/" + name;
	if (features & PTELAB_HAS_ZAP_SPECIAL)
		text += " +special";
	if (features & PTELAB_HAS_ZAP_SPECIAL_MIXED)
		text += " +mixed";
	if (features & (PTELAB_HAS_ZAP_VMA | PTELAB_HAS_ZAP_MANY))
		text += " +vma";
	return text;
}

// All scenarios on all nodes of RAM but the bare one, as sections of title and log. make() gives a fresh Lab each time. The regions
// are smaller than any huge leaf.
template <typename Lab, typename F>
std::vector<std::pair<std::string, std::string>> run_all(F &&make)
{
	std::vector<std::pair<std::string, std::string>> sections;
	for (unsigned method = 1; method < PTELAB_BARE; method++)
		for (const Scenario<Lab> &scenario : list<Lab>()) {
			auto lab = make();
			if (method == PTELAB_IOMAP || !lab->has(method))
				continue;
			Play<Lab> play{*lab, method};
			scenario.run(play);
			sections.emplace_back(title(method, scenario.name, lab->features() & scenario.depends), play.log());
		}
	return sections;
}

} // namespace ptelab::scenarios
