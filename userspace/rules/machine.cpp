// SPDX-License-Identifier: GPL-2.0-or-later
#include "machine.hpp"

#include <unistd.h>

#include <fmt/core.h>

#include <ptelab/device.hpp>
#include <ptelab/procfs.hpp>

#include "symbols.hpp"

namespace ptelab {

Need memory_for(const std::string &what, std::function<std::size_t()> bytes)
{
	return {fmt::format("memory for {}", what), [what, bytes] {
			const std::uint64_t all = meminfo_kb("MemTotal") >> 10, wanted = bytes() >> 20;
			const std::string asked = fmt::format("{}, {} MiB with pages of {} KiB, is more than", what, wanted, page_size() >> 10);
			// As kmod/glue/port/limits.c: port_pmd_fits.
			if (wanted > all / 4)
				return fmt::format("{} a quarter of this machine's {} MiB of memory", asked, all);
			const std::uint64_t block = Device(node_of(PTELAB_BARE)).query().max_block_pages * page_size() >> 20;
			return wanted > block ? fmt::format("{} the {} MiB of the kernel's largest block", asked, block) : std::string();
		}};
}

bool keeps_memory_types()
{
	return ::access(kMemtypes, F_OK) == 0;
}

Need ioremap_of_reserved_ram()
{
	return {"ioremap of reserved RAM", [] {
			return has_global_function("pfn_is_map_memory")
				       ? std::string("this architecture's ioremap takes no memory that memblock knows, reserved or not "
						     "(arch/arm64/mm/ioremap.c, pfn_is_map_memory): generic_access_phys reaches devices alone")
				       : std::string();
		}};
}

} // namespace ptelab
