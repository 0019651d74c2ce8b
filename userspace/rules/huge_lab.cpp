// SPDX-License-Identifier: GPL-2.0-or-later
#include "huge_lab.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/core.h>

#include <ptelab/procfs.hpp>

#include "machine.hpp"
#include "symbols.hpp"

namespace ptelab {
namespace {

constexpr const char *kPolicy = "/sys/kernel/mm/transparent_hugepage/enabled";
constexpr const char *kSizes = "/sys/kernel/mm/transparent_hugepage";
constexpr const char *kPmdSize = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";

// The word in brackets of "always [madvise] never".
std::string chosen(const std::string &choices)
{
	const std::size_t from = choices.find('['), to = choices.find(']');
	return to == std::string::npos ? "" : choices.substr(from + 1, to - from - 1);
}

} // namespace

std::size_t pmd_bytes()
{
	static const std::string size = read_line(kPmdSize);
	return size.empty() ? 0 : std::stoull(size);
}

std::size_t pmd_pages()
{
	return pmd_bytes() / page_size();
}

ThpPolicy::ThpPolicy(const std::string &word) : before_(chosen(read_line(kPolicy)))
{
	set(word);
}

ThpPolicy::~ThpPolicy()
{
	set(before_);
}

void ThpPolicy::set(const std::string &word) const
{
	std::ofstream(kPolicy) << word << std::flush;
}

HugePlace::HugePlace(std::size_t size)
	: size_(size), reserved_(-1, 2 * size, {.prot = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE})
{
}

std::byte *HugePlace::aligned() const
{
	const auto address = reinterpret_cast<std::uintptr_t>(reserved_.data());
	return reserved_.data() + (size_ - address % size_) % size_;
}

Mapping HugePlace::map(const Device &device, std::size_t bytes, std::size_t at, int prot) const
{
	return Mapping(device, bytes, {.prot = prot, .flags = MAP_SHARED | MAP_FIXED, .offset = at, .at = aligned() + at});
}

Device huge_region(const Node &node, __u64 hooks, std::size_t pmds)
{
	return traced_region(node, pmds * pmd_pages(), {.hooks = hooks});
}

bool is_huge(const Device &device, const Mapping &map)
{
	return state_of(device, map, 0) & PTELAB_PTE_HUGE;
}

bool bars_device_files()
{
	return has_global_function("hugepage_vma_check");
}

Need thp(std::size_t pmds)
{
	const Need option = kconfig("CONFIG_TRANSPARENT_HUGEPAGE", kPolicy);
	const Need memory = memory_for(pmds == 1 ? "what a PMD maps" : fmt::format("what {} PMDs map", pmds), [pmds] { return pmds * pmd_bytes(); });
	return {option.what, [option, memory] {
			const std::string why_not = option.why_not();
			return why_not.empty() ? memory.why_not() : why_not;
		}};
}

bool page_cache_is_smaller_than_pmds()
{
	std::set<std::string> sizes;

	for (const auto &each : std::filesystem::directory_iterator(kSizes))
		if (std::filesystem::exists(each.path() / "shmem_enabled"))
			sizes.insert(each.path().filename());
	return !sizes.empty() && !sizes.contains(fmt::format("hugepages-{}kB", pmd_bytes() >> 10));
}

Need huge_folios(std::size_t pmds)
{
	const Need huge = thp(pmds);
	return {huge.what, [huge] {
			const std::string why_not = huge.why_not();
			if (!why_not.empty() || !page_cache_is_smaller_than_pmds())
				return why_not;
			return fmt::format("this kernel asks ->huge_fault of a mapping with struct pages only for the orders of the page cache, and the {} MiB "
					   "of a PMD are more (MAX_PAGECACHE_ORDER)", pmd_bytes() >> 20);
		}};
}

Need huge_faults_of_devices()
{
	return {"->huge_fault for device files", [] {
			return bars_device_files() ? std::string("this kernel's hugepage_vma_check never calls ->huge_fault of a device file")
						   : std::string();
		}};
}

} // namespace ptelab
