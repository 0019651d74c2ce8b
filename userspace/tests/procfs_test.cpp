// SPDX-License-Identifier: GPL-2.0-or-later
#include <doctest/doctest.h>

#include <ptelab/mapping.hpp>
#include <ptelab/procfs.hpp>

using namespace ptelab;

TEST_CASE("procfs.finds_a_mapping_and_what_smaps_says_of_it")
{
	const Mapping map(-1, 4 * page_size(), {.prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED | MAP_ANONYMOUS});
	map.put(0, 1);

	const std::optional<Vma> vma = vma_at(map.page(2).data());
	REQUIRE(vma);
	CHECK(vma->perms == "rw-s");
	CHECK(vma->contains(map.data()));
	const std::optional<Smaps> smaps = smaps_at(map.data());
	REQUIRE(smaps);
	CHECK(smaps->vma.start == vma->start);
	CHECK(smaps->kb("Rss") >= page_size() / 1024);
	CHECK(smaps->has("sh"));
	CHECK_FALSE(smaps->has("pf"));
	CHECK_THROWS_AS(smaps->kb("NoSuchField"), std::out_of_range);
	CHECK((pagemap_entry(map.data()) >> 63) == 1);
	CHECK((pagemap_entry(map.page(1).data()) >> 63) == 0);
}

TEST_CASE("procfs.reads_fields_and_missing_files")
{
	CHECK(status_kb("VmRSS") > 0);
	CHECK(meminfo_kb("MemTotal") > 0);
	CHECK_THROWS_AS(status_kb("NoSuchField"), std::out_of_range);
	CHECK_FALSE(read_text("/proc/there/is/none"));
	CHECK(read_line("/proc/there/is/none").empty());
	CHECK_FALSE(vma_at(nullptr));
}
