// SPDX-License-Identifier: GPL-2.0-or-later
// The guards of CALL against the kernel's own conditions: every combination of facts, once. What the kernel would answer with a
// BUG, or with damage, is refused with the errno of that; everything else is let through, for the kernel to answer.
//
// The lines are those of Debian's sources: 5.10.223, 6.1.192, 6.12.118, 7.3.4.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "kmod/core.h"

namespace {

// One fact, which notes that it was looked at: only so is it known that what a verdict does not depend on need not be tried.
std::uint32_t looked_at;

template <typename T, unsigned number>
struct Fact {
	Fact &operator=(T new_value)
	{
		value = new_value;
		return *this;
	}
	constexpr operator T() const
	{
		if (!std::is_constant_evaluated())
			looked_at |= 1U << number;
		return value;
	}

	T value{};
};

// A set of PTELAB_PTE_*, which notes the members that were looked at.
std::uint32_t kinds_looked_at;

struct Kinds {
	constexpr unsigned operator&(unsigned mask) const
	{
		if (!std::is_constant_evaluated())
			kinds_looked_at |= mask;
		return value & mask;
	}

	unsigned value{};
};

enum Number : unsigned {
	kCall, kWriteLocked, kForWrite, kPfnmap, kMixedmap, kCow, kAnonymous, kWritable, kMayWrite, kCountsPages, kDivisible, kMapsLeaves,
	kInside, kWhole, kAligned, kEmpty, kWraps, kMeetsHugetlb, kSource, kFound, kInARow, kPartOfPage, kMixedIsBug,
	kFollowIsBug, kOtherProcess, kMayWarn, kOdd, kNumbers
};

// As struct ptelab_call_facts, member by member.
struct Facts {
	Fact<unsigned, kCall> call;
	Fact<bool, kWriteLocked> write_locked;
	Fact<bool, kForWrite> for_write;
	Fact<bool, kPfnmap> pfnmap;
	Fact<bool, kMixedmap> mixedmap;
	Fact<bool, kCow> cow;
	Fact<bool, kAnonymous> anonymous;
	Fact<bool, kWritable> writable;
	Fact<bool, kMayWrite> may_write;
	Fact<bool, kCountsPages> counts_pages;
	Fact<bool, kDivisible> divisible;
	Fact<bool, kMapsLeaves> maps_leaves;
	Fact<bool, kInside> inside;
	Fact<bool, kWhole> whole;
	Fact<bool, kAligned> aligned;
	Fact<bool, kEmpty> empty;
	Fact<bool, kWraps> wraps;
	Fact<bool, kMeetsHugetlb> meets_hugetlb;
	Kinds entries;
	Fact<unsigned, kSource> source;
	Fact<bool, kFound> found;
	Fact<bool, kInARow> in_a_row;
	Fact<bool, kPartOfPage> part_of_page;
	Fact<bool, kMixedIsBug> mixed_is_bug;
	Fact<bool, kFollowIsBug> follow_is_bug;
	Fact<bool, kOtherProcess> other_process;
	Fact<bool, kMayWarn> may_warn;
	Fact<bool, kOdd> odd;
};

} // namespace

// The guards themselves, of facts that note it.
#define ptelab_call_facts Facts
#include "kmod/core/call_guard.hpp"
#undef ptelab_call_facts

TEST_SUITE_BEGIN("call guards");

namespace {

constexpr std::uint64_t of(auto... calls)
{
	return ((1ULL << calls) | ...);
}

constexpr std::uint64_t kCounted = of(PTELAB_CALL_INSERT_PAGE, PTELAB_CALL_INSERT_PAGES, PTELAB_CALL_MAP_PAGES, PTELAB_CALL_MAP_PAGES_ZERO);
constexpr std::uint64_t kVmalloc = of(PTELAB_CALL_REMAP_VMALLOC);
constexpr std::uint64_t kPfn = of(PTELAB_CALL_INSERT_PFN, PTELAB_CALL_INSERT_PFN_PROT);
constexpr std::uint64_t kMixed = of(PTELAB_CALL_INSERT_MIXED, PTELAB_CALL_INSERT_MIXED_PROT, PTELAB_CALL_INSERT_MIXED_MKWRITE);
constexpr std::uint64_t kMkwrite = of(PTELAB_CALL_INSERT_PAGE_MKWRITE);
constexpr std::uint64_t kRemap = of(PTELAB_CALL_REMAP, PTELAB_CALL_IO_REMAP);
constexpr std::uint64_t kIomap = of(PTELAB_CALL_IOMAP);
constexpr std::uint64_t kZap = of(PTELAB_CALL_ZAP_SPECIAL, PTELAB_CALL_ZAP_VMA, PTELAB_CALL_ZAP_MANY);
constexpr std::uint64_t kUnmap = of(PTELAB_CALL_UNMAP_PAGES);
constexpr std::uint64_t kByTable = of(PTELAB_CALL_FOLLOW_PFN, PTELAB_CALL_FOLLOW_PTE, PTELAB_CALL_FOLLOW_PFN_ANY);
constexpr std::uint64_t kFollow = kByTable | of(PTELAB_CALL_FOLLOW_PFNMAP, PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP);
constexpr std::uint64_t kApply = of(PTELAB_CALL_APPLY);
constexpr std::uint64_t kFault = of(PTELAB_CALL_HANDLE_FAULT, PTELAB_CALL_FIXUP_FAULT);
constexpr std::uint64_t kAccess = of(PTELAB_CALL_ACCESS_PROCESS);
constexpr std::uint64_t kWarnsOfAnother = kMkwrite | of(PTELAB_CALL_INSERT_MIXED_MKWRITE);
constexpr std::uint64_t kAsleep = of(PTELAB_CALL_FOLLOW_PFNMAP_ASLEEP);
constexpr std::uint64_t kPutOne = kPfn | kMixed | kMkwrite;
constexpr std::uint64_t kPut = kCounted | kVmalloc | kPutOne;
constexpr std::uint64_t kBare = kPfn | kMixed;
constexpr std::uint64_t kPfns = kRemap | kIomap;

constexpr unsigned kNotNone = PTELAB_PTE_PRESENT | PTELAB_PTE_MARKER | PTELAB_PTE_SWAP | PTELAB_PTE_MIGRATION | PTELAB_PTE_OTHER;

bool leaf_now(const Facts &f)
{
	return f.entries & PTELAB_PTE_HUGE;
}
bool leaf_at_any_moment(const Facts &f)
{
	return f.maps_leaves && !f.write_locked;
}
bool is_none(const Facts &f)
{
	return !(f.entries & kNotNone);
}
// Shared, so that no copy is made, and with the right to write now or by mprotect().
bool gets_writable(const Facts &f)
{
	return f.may_write && !f.cow;
}
bool vmalloc_source(const Facts &f)
{
	return f.source == PTELAB_SOURCE_PLAIN_VMALLOC || f.source == PTELAB_SOURCE_USER_VMALLOC;
}

enum class Harm {
	kBug,		// BUG_ON, VM_BUG_ON, VM_WARN_ON: a line of the kernel's that says so
	kWarning,	// a WARN_ON that user space is not to make the kernel print
	kDamage,	// nothing of the kernel's says so, and memory is lost, or is somebody else's
	kAbi,		// uapi/ptelab_direct.h: there is nothing to make the call with
};

struct Condition {
	Harm harm;
	std::uint64_t calls;
	bool (*holds)(const Facts &);
	const char *where;	// file: line in 5.10, 6.1, 6.12, 7.3; "-": not there
	const char *line;	// the kernel's, or what goes wrong
};

#include "call_model.hpp"

std::array<bool, std::size(kModel)> decided_alone;	// there was a combination for which no other condition held

// Of one call: numbers in kModel.
std::vector<std::size_t> conditions_of(unsigned call)
{
	std::vector<std::size_t> found;
	for (std::size_t i = 0; i < std::size(kModel); i++)
		if (kModel[i].calls >> call & 1)
			found.push_back(i);
	return found;
}

int model(const Facts &f, std::span<const std::size_t> conditions)
{
	std::size_t harms = 0, abis = 0, last = 0;
	for (const std::size_t i : conditions) {
		if (!kModel[i].holds(f))
			continue;
		(kModel[i].harm == Harm::kAbi ? abis : harms)++;
		last = i;
	}
	if (harms + abis == 1)
		decided_alone[last] = true;
	return harms ? -EPERM : abis ? -EINVAL : 0;
}

std::uint32_t tried, kinds_tried;	// the facts that an enumeration gives all their values

// All values of one fact, one after the other.
template <unsigned number, typename F>
void both(Fact<bool, number> &fact, F &&then)
{
	tried |= 1U << number;
	fact = false;
	then();
	fact = true;
	then();
}

// Of these calls alone; the others do not look at it.
template <unsigned number, typename F>
void perhaps(std::uint64_t calls, Facts &f, Fact<bool, number> &fact, F &&then)
{
	if (calls >> f.call.value & 1)
		return both(fact, then);
	fact = false;
	then();
}

// What the range holds is a set of kinds: each set of those that the call looks at.
template <typename F>
void each_set(Facts &f, F &&then)
{
	const std::uint64_t call = 1ULL << f.call.value;
	kinds_tried = (call & (kPut | kApply | kByTable) ? PTELAB_PTE_HUGE : 0U) | (call & (kPfns | kWarnsOfAnother) ? kNotNone : 0U);
	for (unsigned set = kinds_tried;; set = (set - 1) & kinds_tried) {
		f.entries.value = set;
		then();
		if (!set)
			return;
	}
}

// Shared or private, and what may be written or is.
template <typename F>
void each_access(Facts &f, F &&then)
{
	const std::uint64_t call = 1ULL << f.call.value;
	f.cow = f.writable = f.may_write = false;
	if (call & kPfns)
		return both(f.cow, then);
	if (call & kFault)
		return both(f.writable, then);
	then();
	if (!(call & kPut))
		return;
	tried |= 1U << kCow | 1U << kMayWrite;
	f.may_write = true;
	then();
	f.cow = true;
	then();
}

// Facts that only some calls look at are tried with those calls alone.
struct Count {
	std::uint64_t met = 0, tried = 0, permitted = 0, wrong = 0;
	std::uint32_t looked_at = 0, kinds_looked_at = 0;
	std::string first;
};

std::string describe(const Facts &f)
{
	const auto one = [](const char *name, bool value) { return value ? std::string(" ") + name : std::string(); };
	return "call " + std::to_string(f.call) + " source " + std::to_string(f.source) + " entries " + std::to_string(f.entries.value) +
	       one("write_locked", f.write_locked) + one("for_write", f.for_write) + one("pfnmap", f.pfnmap) +
	       one("mixedmap", f.mixedmap) + one("cow", f.cow) + one("anonymous", f.anonymous) + one("writable", f.writable) +
	       one("may_write", f.may_write) + one("counts_pages", f.counts_pages) + one("divisible", f.divisible) +
	       one("maps_leaves", f.maps_leaves) + one("inside", f.inside) + one("whole", f.whole) + one("aligned", f.aligned) +
	       one("empty", f.empty) + one("wraps", f.wraps) + one("meets_hugetlb", f.meets_hugetlb) + one("found", f.found) +
	       one("in_a_row", f.in_a_row) + one("part_of_page", f.part_of_page) + one("mixed_is_bug", f.mixed_is_bug) +
	       one("follow_is_bug", f.follow_is_bug) + one("other_process", f.other_process) +
	       one("may_warn", f.may_warn) + one("odd", f.odd);
}

void try_one(const Facts &f, std::span<const std::size_t> conditions, Count &count)
{
	looked_at = kinds_looked_at = 0;
	const int verdict = ptelab::call_verdict(f);
	const int due = model(f, conditions);
	count.looked_at |= looked_at, count.kinds_looked_at |= kinds_looked_at;
	count.tried++;
	count.permitted += verdict == 0;
	if (verdict == due)
		return;
	if (!count.wrong++)
		count.first = describe(f) + ": " + std::to_string(verdict) + ", the kernel's conditions say " + std::to_string(due);
}

// Sources differ for what puts something; the others have none.
template <typename F>
void each_source(Facts &f, F &&then)
{
	if (!((kPut | kPfns) >> f.call & 1))
		return then();
	tried |= 1U << kSource;
	for (unsigned source = 0; source < PTELAB_SOURCES; source++) {
		f.source = source;
		both(f.found, then);
	}
	f.source = 0;
}

template <typename F>
void each_place(Facts &f, F &&then)
{
	if (kRemap >> f.call & 1)	// remap_pfn_range() says itself what it thinks of an odd address
		return both(f.inside, [&] { both(f.whole, [&] { both(f.empty, then); }); });
	if (kZap >> f.call & 1)
		return both(f.inside, [&] { both(f.empty, [&] { both(f.aligned, [&] { both(f.wraps, then); }); }); });
	if (kApply >> f.call & 1)
		return both(f.inside, [&] { both(f.aligned, then); });
	if ((kFollow | kFault) >> f.call & 1)
		return both(f.inside, then);
	then();
}

// The facts that one call alone has.
template <typename F>
void each_special(Facts &f, F &&then)
{
	const std::uint64_t call = 1ULL << f.call.value;
	if (call & kMkwrite)
		return both(f.may_warn, [&] { both(f.for_write, then); });
	if (call & kWarnsOfAnother)
		return both(f.may_warn, [&] { both(f.mixed_is_bug, then); });
	if (call & kMixed)
		return both(f.mixed_is_bug, then);
	if (call & kAsleep)
		return both(f.may_warn, then);
	if (call & kFollow)
		return both(f.follow_is_bug, then);
	if (call & kRemap)
		return both(f.in_a_row, [&] { both(f.odd, [&] { both(f.may_warn, then); }); });
	if (call & kIomap)
		return both(f.in_a_row, [&] { both(f.part_of_page, then); });
	if (call & kZap)
		return both(f.meets_hugetlb, then);
	if (call & kApply)
		return both(f.may_warn, [&] { both(f.empty, then); });
	if (call & kFault)
		return both(f.for_write, then);
	if (call & kAccess)
		return both(f.other_process, then);
	then();
}

// Every combination, or one of so many.
Count enumerate(unsigned call, unsigned one_of = 1)
{
	Facts f{};
	Count count;
	const std::vector<std::size_t> conditions = conditions_of(call);
	f.call = call;
	tried = 1U << kCall;
	const auto rest = [&] {
		each_source(f, [&] {
			each_special(f, [&] {
				each_set(f, [&] {
					if (count.met++ % one_of == 0 && !count.wrong)
						try_one(f, conditions, count);
				});
			});
		});
	};
	each_access(f, [&] {
		each_place(f, [&] {
			both(f.write_locked, [&] { both(f.mixedmap, [&] { both(f.anonymous, [&] { both(f.divisible, [&] {
				perhaps(kPut, f, f.pfnmap, [&] {
					perhaps(kBare | kPfns, f, f.counts_pages, [&] { perhaps(kPut | kApply | kByTable, f, f.maps_leaves, rest); });
				});
			}); }); }); });
		});
	});
	return count;
}

} // namespace

TEST_CASE("a combination here and there gets the kernel's verdict")	// soon done: scripts/check-guards breaks a guard each time
{
	for (unsigned call = 1; call < PTELAB_CALLS; call++) {
		const Count count = enumerate(call, 97);
		INFO("call ", call, ": ", count.first);
		CHECK(count.wrong == 0);
	}
}

TEST_CASE("every combination of facts gets the kernel's verdict")
{
	Count all;
	decided_alone = {};
	for (unsigned call = 1; call < PTELAB_CALLS; call++) {
		const Count count = enumerate(call);
		INFO("call ", call, ": ", count.first);
		CHECK(count.wrong == 0);
		CHECK(count.permitted > 0);
		// So no other fact changes the verdict, nor what is due.
		CHECK((count.looked_at & ~tried) == 0);
		CHECK((count.kinds_looked_at & ~kinds_tried) == 0);
		all.tried += count.tried, all.permitted += count.permitted;
	}
	MESSAGE(all.tried, " combinations, ", all.permitted, " permitted");
	for (std::size_t i = 0; i < std::size(kModel); i++) {
		INFO(kModel[i].where, ": ", kModel[i].line);
		CHECK(decided_alone[i]);
	}
}

TEST_CASE("a number that is no call is refused")
{
	for (const unsigned call : {0U, static_cast<unsigned>(PTELAB_CALLS), ~0U}) {
		Facts f{};
		f.call = call;
		CHECK(ptelab::call_verdict(f) == -EINVAL);
	}
}

TEST_SUITE_END();
