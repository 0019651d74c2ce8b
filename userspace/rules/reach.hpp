// SPDX-License-Identifier: GPL-2.0-or-later
// Proof that the rules reached the calls of the family: a kprobe on each, its hits counted over one whole run.
#ifndef PTELAB_RULES_REACH_HPP
#define PTELAB_RULES_REACH_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ptelab/value.hpp>

#include "need.hpp"
#include "ptelab.h"

namespace ptelab {

// One function whose calls prove that a call was reached.
struct Witness {
	std::string_view symbol; // "ptelab:NAME" for a function of the module
	std::string_view what;	 // "": it is the call itself; else how it stands for it
	// A bit of PTELAB_HAS_*, without which the function may be there but no module can call it.
	__u64 exported = 0;
};

struct FamilyCall {
	std::string_view name;	// as it was first documented
	std::string_view route; // how user space gets there
	std::vector<Witness> witnesses; // the first one that was hit is told, or the first that this kernel has
	// A function of the kernel, not a static one, that keeps every driver of a character device from this call, and why; none: "".
	std::string_view barred_by = "";
	std::string_view barred_because = "";
	// A bit of PTELAB_HAS_*, without which the function may be there but is not exported, so that no module can call it.
	__u64 exported = 0;
	std::string_view not_exported_because = "";
	Need (*machine)() = nullptr; // what the machine must have so that it is ever called
};

// The table of the calls; reach_table.cpp.
std::span<const FamilyCall> family();

// Counts hits with kprobe events of its own group. What it changed in tracefs is as before when it is gone.
class KprobeCounter {
public:
	KprobeCounter();
	~KprobeCounter();
	KprobeCounter(const KprobeCounter &) = delete;
	KprobeCounter &operator=(const KprobeCounter &) = delete;

	// "" if it can count on this kernel, else why not.
	const std::string &why_not() const { return why_not_; }
	// The name under which this kernel has the function, with the suffix of a compiler's clone; "" if it has not.
	std::string find(std::string_view symbol) const;
	void watch(const std::string &symbol);
	void start();
	std::map<std::string, std::uint64_t> hits() const; // by symbol

private:
	std::string why_not_;
	std::string tracing_on_;
	std::set<std::string, std::less<>> functions_;
	std::map<std::string, std::string> symbol_of_; // by the event's name
	bool started_ = false;
};

// The table, counted: {call: {symbol, route, hits, ...}}. hits is null for a call that this kernel does not have.
class Reach {
public:
	Reach();
	std::string why_not() const { return counter_.why_not(); }
	Value report() const;
	// The calls that this kernel has and that nobody reached.
	std::vector<std::string> missed() const;

private:
	struct Counted {
		const FamilyCall *call;
		std::vector<std::pair<const Witness *, std::string>> witnesses; // those that this kernel has, with their symbols
		std::string barred; // "": it can be reached; else why not
	};
	// What there is to tell of a call: its witness, the witness' symbol and hits. null: this kernel has none.
	struct Told {
		const Witness *witness = nullptr;
		std::string symbol;
		std::uint64_t hits = 0;
	};
	static Told told(const Counted &entry, const std::map<std::string, std::uint64_t> &hits);

	KprobeCounter counter_;
	std::vector<Counted> counted_;
};

// Sets all probes, uses every node and takes the probes away, so many times, while another thread uses the nodes. Says on
// stdout what it did; returns the exit status of a test program.
int drill_reach(int rounds);

} // namespace ptelab

#endif
