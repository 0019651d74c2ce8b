// SPDX-License-Identifier: GPL-2.0-or-later
// What the rules about huge mappings need: the policy, a place for one, and whether this kernel has them.
#ifndef PTELAB_RULES_HUGE_LAB_HPP
#define PTELAB_RULES_HUGE_LAB_HPP

#include <string>

#include "calls.hpp"
#include "trace.hpp"

namespace ptelab {

std::size_t pmd_bytes(); // what one PMD maps; 0 without THP
std::size_t pmd_pages();
inline constexpr std::size_t kGiB = std::size_t{1} << 30; // what one PUD maps

// The word of sysfs, and as it was afterwards.
class ThpPolicy {
public:
	explicit ThpPolicy(const std::string &word);
	~ThpPolicy();
	ThpPolicy(const ThpPolicy &) = delete;
	ThpPolicy &operator=(const ThpPolicy &) = delete;

	void set(const std::string &word) const;

private:
	std::string before_;
};

// Address space in which one range of this size begins at a multiple of it.
class HugePlace {
public:
	explicit HugePlace(std::size_t size = pmd_bytes());

	std::byte *aligned() const;
	// Over the reserved range, which is unmapped whole at the end.
	Mapping map(const Device &device, std::size_t bytes, std::size_t at = 0, int prot = PROT_READ | PROT_WRITE) const;

private:
	std::size_t size_;
	Mapping reserved_;
};

// A file with a region of so many PMDs, whose hooks are recorded.
Device huge_region(const Node &node, __u64 hooks = 0, std::size_t pmds = 1);
bool is_huge(const Device &device, const Mapping &map);

// 6.1 and its like: they let nobody but DAX have ->huge_fault. Known by the function that says so: it came, as khugepaged's
// own, before page faults asked it too, which made it global, and went.
bool bars_device_files();

// THP, and memory for what so many PMDs map.
Need thp(std::size_t pmds = 1);
Need huge_faults_of_devices();

// ->huge_fault of a mapping with struct pages is asked for the orders of the page cache alone (include/linux/huge_mm.h:
// THP_ORDERS_ALL_FILE_DEFAULT), and a PMD's may be larger. Told by the sizes for which sysfs has shmem_enabled.
bool page_cache_is_smaller_than_pmds();
// thp(), and that.
Need huge_folios(std::size_t pmds = 1);

} // namespace ptelab

#endif
