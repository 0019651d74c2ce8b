// SPDX-License-Identifier: GPL-2.0-or-later
// A rule: one sentence about what the kernel does, the place in its source that decides it, and the code that provokes it.
//
//	RULE("insert_page.busy_pte_is_ebusy",
//	     .contract = "IP-02",
//	     .says = "Inserting over an occupied PTE fails and keeps the first page",
//	     .source = "mm/memory.c:insert_page_into_pte_locked")
//	{
//		Device device(node_of(PTELAB_INSERT_PAGE));
//		Mapping map(device, device.size());
//		rule.expect("errno", errno_of([&] { device.insert(map.page(0)); }), EBUSY);
//	}
//
// RULE_PER_NODE registers the rule once for each node of a mask, named "NODE.name"; rule.node() is the node at hand.
#ifndef PTELAB_RULES_RULE_HPP
#define PTELAB_RULES_RULE_HPP

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <ptelab/error.hpp>
#include <ptelab/node.hpp>
#include <ptelab/value.hpp>

#include "need.hpp"

namespace ptelab {

// Suites run in the order of their names.
inline constexpr const char *kContractSuite = "contract";
inline constexpr const char *kMisuseSuite = "misuse"; // rules that load ptelab_misuse.ko
inline constexpr const char *kReloadSuite = "reload"; // rules that unload the module and load it again
inline constexpr const char *kScarSuite = "scars"; // rules that leave the kernel with a loss until the next boot

struct Traits {
	const char *contract = ""; // the rule's id in the contract, if it has one
	const char *says = "";	   // the rule, in one sentence
	const char *source = "";   // the kernel's file:function that decides it
	std::vector<Need> needs = {};
	const char *suite = kContractSuite;
	bool needs_module = true;  // skipped where /dev/ptelab is not there
	bool answers_host = false; // writes what the host is to read from the device
};

struct RuleInfo {
	std::string name;
	const Node *node; // null: not about one node
	Traits traits;
	const char *file;
	unsigned line;
	void (*body)(class Rule &);
};

enum class Status { kPass, kFail, kExpectedFail, kSkip };

// What is kept of one run of a rule, or of an ordinary test case (info is null then).
struct Record {
	const RuleInfo *info = nullptr;
	std::string name;
	std::string file;
	unsigned line = 0;
	Status status = Status::kPass;
	std::string reason; // of a skip, an expected failure, or a failure
	Value observed = Value::Object{};
	Value expected = Value::Object{};
	Value reasons = Value::Object{}; // why an observation is what it is, where kernels differ; by its name or a glob
	std::vector<std::string> varies; // globs of the observations that differ from run to run
	std::vector<std::string> diagnostics;
	double milliseconds = 0;
};

// An expected value that depends on the kernel, with the reason why.
template <class T>
struct Expected {
	T value;
	std::string reason;
};

template <class T>
Expected<T> choose(bool condition, T yes, T no, std::string reason)
{
	return {condition ? std::move(yes) : std::move(no), std::move(reason)};
}

template <class T>
Expected<T> by_feature(__u64 feature_bit, T with, T without, std::string reason)
{
	return choose(kernel_features() & feature_bit, std::move(with), std::move(without), std::move(reason));
}

class Rule {
public:
	explicit Rule(const RuleInfo &info, Record &record) : info_(info), record_(record) {}
	Rule(const Rule &) = delete;
	Rule &operator=(const Rule &) = delete;

	const RuleInfo &info() const { return info_; }
	const Node &node() const { return *info_.node; } // of RULE_PER_NODE

	// Keeps a value for the comparison between kernels, without judging it.
	void observe(std::string_view name, const Value &value) { record_.observed.set(name, value); }

	// Why the observations of these names, a glob, are what they are on this kernel; for expectations, choose() says it.
	void because(std::string_view observations, std::string_view reason) { record_.reasons.set(observations, reason); }
	// Those of these names, a glob, differ from run to run, as addresses do: kernels are not compared by them.
	void varies(std::string_view observations) { record_.varies.emplace_back(observations); }

	// Keeps both values, and fails the rule at the caller's line if they differ. Answers whether they are equal.
	template <class Observed, class Wanted>
	bool expect(std::string_view name, const Observed &observed, const Wanted &wanted,
		    const char *file = __builtin_FILE(), int line = __builtin_LINE())
	{
		// An int is an errno where an errno was observed, a string literal a string, and so on.
		if constexpr (std::is_class_v<Observed> && std::is_constructible_v<Observed, const Wanted &>)
			return check(name, Value(observed), Value(Observed(wanted)), file, line);
		else
			return check(name, Value(observed), Value(wanted), file, line);
	}
	template <class Observed, class T>
	bool expect(std::string_view name, const Observed &observed, const Expected<T> &wanted,
		    const char *file = __builtin_FILE(), int line = __builtin_LINE())
	{
		record_.reasons.set(name, wanted.reason);
		return expect(name, observed, wanted.value, file, line);
	}

	// Ends the rule. The reason names the kernel or what is missing.
	[[noreturn]] void skip(const std::string &reason);
	// From here on a failed expectation is known, e.g. "CVE-2025-0001: ...". If none fails, the rule does.
	void expected_fail(const std::string &reason);
	// The rule makes the kernel print a line that matches this (extended) regular expression, before the rule ends.
	void declare_kernel_line(std::string_view regex);

private:
	friend void run_rule(const RuleInfo &info, Record &record);

	bool check(std::string_view name, Value observed, Value wanted, const char *file, int line);

	const RuleInfo &info_;
	Record &record_;
	std::string declares_as_; // whose lines are declared: the rule's, or, "", anybody's
	bool expects_fail_ = false;
	bool failed_as_expected_ = false;
};

// All rules of this program, in the order in which they were written down.
std::span<const RuleInfo *const> all_rules();
const RuleInfo *find_rule(std::string_view name);
// Makes doctest cases of those that are none yet, before a doctest context runs; answers how many are by now.
std::size_t register_rules(std::span<const RuleInfo *const> rules);

// Runs the rule and checks that it left nothing behind.
void run_rule(const RuleInfo &info, Record &record);

inline constexpr __u32 bit_of(ptelab_method method)
{
	return 1U << method;
}

// Those that have ->mmap_prepare in place of ->mmap, on kernels that know it; each does what one with ->mmap does.
inline constexpr __u32 kPrepareNodes = ((1U << (PTELAB_PREPARE_FAULT_PAGE + 1)) - 1) & ~((1U << PTELAB_PREPARE_REMAP) - 1);
// Those that map something by themselves, with ->mmap.
inline constexpr __u32 kAllNodes = ((1U << PTELAB_METHODS) - 2) & ~(1U << PTELAB_BARE) & ~kPrepareNodes;
// One for each kind of mapping; the others are variations of these. For rules that take long, or that look at what the variations
// have in common with the first.
inline constexpr __u32 kFirstNodes = (1U << (PTELAB_IOMAP + 1)) - 2;

// What the macros below write down before main() runs: nothing of a rule is made before somebody asks for the rules, as most
// commands have no need of them and an emulated processor takes a tenth of a second.
struct WrittenRule {
	void (*body)(Rule &);
	const char *file;
	unsigned line;
	std::string_view name;
	__u32 nodes; // a mask; 0: about no node in particular
	Traits (*traits)();
	WrittenRule *next = nullptr;
};
bool write_down(WrittenRule &rule);

} // namespace ptelab

#define PTELAB_ADD_RULE(body, traits, rule_, written, name, nodes, ...)                                               \
	static void body(::ptelab::Rule &rule);                                                                       \
	static ::ptelab::Traits traits() { return {__VA_ARGS__}; }                                                    \
	static ::ptelab::WrittenRule rule_{body, __FILE__, __LINE__, name, nodes, traits};                            \
	[[maybe_unused]] static const bool written = ::ptelab::write_down(rule_);                                     \
	static void body([[maybe_unused]] ::ptelab::Rule &rule)

#define RULE(name, ...) RULE_PER_NODE(name, 0, __VA_ARGS__)
#define RULE_PER_NODE(name, nodes, ...)                                                                               \
	PTELAB_ADD_RULE(DOCTEST_ANONYMOUS(rule_body_), DOCTEST_ANONYMOUS(rule_traits_), DOCTEST_ANONYMOUS(rule_),     \
			DOCTEST_ANONYMOUS(rule_written_), name, nodes, __VA_ARGS__)

#endif
