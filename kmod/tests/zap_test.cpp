// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab_test.hpp"

TEST_SUITE_BEGIN("zap");

namespace {

struct Spoilt {
	int error;
	void (*spoil)(ptelab_zap &arg);
};

constexpr unsigned long long kWithZap = PTELAB_HAS_ZAP_SPECIAL | PTELAB_HAS_ZAP_VMA;

} // namespace

TEST_CASE("ZAP of a VMA removes what is present and says how much it was")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8);
		for (unsigned i = 0; i < 8; i++)
			CHECK(user.write(page_at(map, i), i).ok());
		ptelab_zap arg = zap_arg(page_at(map, 2), 3);
		REQUIRE(zap(file, arg) == 0);
		CHECK(arg.present_before == 3);
		CHECK(arg.present_after == 0);
		CHECK(user.present() == 5);
		CHECK(stats(file).zaps == 1);
		CHECK(user.read(page_at(map, 2)) == (is_eager(method) ? kSigbus : value(2)));
		CHECK(user.read(page_at(map, 1)) == value(1));
	}
}

TEST_CASE("the zap for driver mappings acts on bare pfns, on mixed mappings only where it was renamed, on pages never")
{
	for (const bool mixed_too : {false, true})
		for (const unsigned method : kAllMethods) {
			CAPTURE(method);
			CAPTURE(mixed_too);
			Module module{{.features = kWithZap | (mixed_too ? PTELAB_HAS_ZAP_SPECIAL_MIXED : 0)}};
			Process user;
			file *const file = user.open(module, method);
			const Mapped map = user.mmap(file, 1);
			CHECK(user.read(map.at()).ok());
			ptelab_zap arg = zap_arg(map.at(), 1, PTELAB_ZAP_SPECIAL);
			REQUIRE(zap(file, arg) == 0);
			CHECK(arg.present_before == 1);
			const bool acts = is_pfnmap(method) || (mixed_too && method != PTELAB_FAULT_PAGE && method != PTELAB_PREPARE_FAULT_PAGE);
			CHECK(arg.present_after == !acts);
		}
}

TEST_CASE("ZAP is EOPNOTSUPP where the kernel exports no such call, and does not count")
{
	Module module{{.features = 0}};
	Process user;
	file *const file = user.open(module, PTELAB_REMAP_PFN);
	const Mapped map = user.mmap(file, 1);
	for (const unsigned how : {PTELAB_ZAP_SPECIAL, PTELAB_ZAP_VMA}) {
		ptelab_zap arg = zap_arg(map.at(), 1, how);
		CHECK(zap(file, arg) == -EOPNOTSUPP);
	}
	CHECK(stats(file).zaps == 0);
	CHECK(user.present() == 1);
}

TEST_CASE("ZAP refuses each field that is out of range, before it touches anything")
{
	static constexpr Spoilt kSpoilt[] = {
		{-EINVAL, [](ptelab_zap &arg) { arg.flags = 1; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.reserved[0] = 1; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.reserved[1] = 1; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.how = 0; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.how = PTELAB_ZAP_VMA + 1; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.address++; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.bytes++; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.bytes = 0; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.bytes = ~0xfffULL; }},
		{-EINVAL, [](ptelab_zap &arg) { arg.address = ~0xfffULL; }},
		{-EFAULT, [](ptelab_zap &arg) { arg.address = 0x1000; }},
		{-ERANGE, [](ptelab_zap &arg) { arg.bytes += 0x1000; }},
		{-ERANGE, [](ptelab_zap &arg) { arg.address += 0x1000; }},
	};
	for (const unsigned method : kAllMethods)
		for (const Spoilt &one : kSpoilt) {
			CAPTURE(method);
			CAPTURE(&one - kSpoilt);
			Module module;
			Process user;
			file *const file = user.open(module, method);
			const Mapped map = user.mmap(file, 2);
			user.read(map.at());
			const unsigned long before = user.present();
			ptelab_zap arg = zap_arg(map.at(), 2);
			one.spoil(arg);
			CHECK(zap(file, arg) == one.error);
			CHECK(user.present() == before);
			CHECK(stats(file).zaps == 0);
		}
}

TEST_CASE("ZAP and LOOKUP see this file's mappings only, and those of the calling process only")
{
	Module module;
	Process user, stranger;
	user.run();
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	const Mapped other = user.mmap(user.open(module, PTELAB_FAULT_PAGE), 1);
	ptelab_zap arg = zap_arg(other.at(), 1);
	CHECK(zap(file, arg) == -EINVAL);
	stranger.run();
	CHECK(zap(file, arg) == -EFAULT);
	user.run();
}

TEST_CASE("a range that crosses a hole's edge leaves the VMA")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_REMAP_PFN);
	const Mapped map = user.mmap(file, 8);
	user.munmap(page_at(map, 4), 1);
	ptelab_zap arg = zap_arg(page_at(map, 2), 3);
	CHECK(zap(file, arg) == -ERANGE);
	arg = zap_arg(page_at(map, 4), 1);
	CHECK(zap(file, arg) == -EFAULT);
	arg = zap_arg(page_at(map, 5), 3);
	CHECK(zap(file, arg) == 0);
	CHECK(arg.present_before == 3);
}

TEST_CASE("UNMAP takes the region's bytes from every process, to the end if no length is given")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process one, other;
		one.run();
		file *const file = one.open(module, method);
		const Mapped mine = one.mmap(file, 8);
		for (unsigned i = 0; i < 8; i++)
			one.read(page_at(mine, i));
		other.run();
		const Mapped theirs = other.mmap(other.open(module, method), 4, 4);
		for (unsigned i = 0; i < 4; i++)
			other.read(page_at(theirs, i));
		REQUIRE(unmap(file, 4, 1) == 0);
		CHECK(one.present() == 7);
		CHECK(other.present() == 3);
		REQUIRE(unmap(file, 6, 0) == 0);
		CHECK(one.present() == 5);
		CHECK(other.present() == 1);
		REQUIRE(unmap(file, 0, 0) == 0);
		CHECK(one.present() + other.present() == 0);
		CHECK(stats(file).unmaps == 3);
	}
}

TEST_CASE("UNMAP leaves private copies unless it is told not to")
{
	for (const unsigned method : {PTELAB_INSERT_PAGE, PTELAB_FAULT_INSERT_PAGE, PTELAB_FAULT_PAGE}) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 8, 0, kPrivate);
		CHECK(user.write(map.at(), 5) == value(5));
		user.read(page_at(map, 1));
		REQUIRE(unmap(file, 0, 0) == 0);
		CHECK(user.present() == 1);
		CHECK(user.read(map.at()) == value(5));
		REQUIRE(unmap(file, 0, 0, PTELAB_UNMAP_EVEN_COWS) == 0);
		CHECK(user.present() == 0);
	}
}

TEST_CASE("UNMAP refuses unknown flags, reserved fields and ranges that overflow a file offset")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_INSERT_PAGE);
	REQUIRE(user.mmap(file, 8).ok());
	const auto with = [&](auto &&spoil) {
		ptelab_unmap arg{};
		spoil(arg);
		return ptelab_ioctl_unmap(file->session, &arg);
	};
	CHECK(with([](ptelab_unmap &arg) { arg.flags = 2; }) == -EINVAL);
	CHECK(with([](ptelab_unmap &arg) { arg.reserved0 = 1; }) == -EINVAL);
	CHECK(with([](ptelab_unmap &arg) { arg.reserved[0] = 1; }) == -EINVAL);
	CHECK(with([](ptelab_unmap &arg) { arg.reserved[1] = 1; }) == -EINVAL);
	CHECK(with([](ptelab_unmap &arg) { arg.offset = arg.bytes = 1ULL << 63; }) == -EINVAL);
	CHECK(with([](ptelab_unmap &arg) { arg.offset = 1ULL << 63; }) == -EINVAL);
	CHECK(with([](ptelab_unmap &arg) { arg.bytes = ~0ULL; }) == -EINVAL);
	CHECK(user.present() == 8);
	CHECK(stats(file).unmaps == 0);
	CHECK(with([](ptelab_unmap &arg) { arg.bytes = ~0ULL >> 1; }) == 0);
	CHECK(user.present() == 0);
}

TEST_CASE("LOOKUP tells what each page is")
{
	for (const unsigned method : kAllMethods) {
		CAPTURE(method);
		Module module;
		Process user;
		file *const file = user.open(module, method);
		const Mapped map = user.mmap(file, 4, 2);
		if (method == PTELAB_FAULT_PAGE)
			CHECK(lookup(file, map.at()).state == 0);
		CHECK(user.write(page_at(map, 1), 1).ok());
		const ptelab_pte pte = lookup(file, page_at(map, 1));
		const unsigned always = PTELAB_PTE_PRESENT | PTELAB_PTE_WRITE | PTELAB_PTE_DIRTY | PTELAB_PTE_YOUNG | PTELAB_PTE_OURS;
		const bool special = is_pfnmap(method) || method == PTELAB_FAULT_INSERT_MIXED;
		CHECK(pte.state == (always | (special ? PTELAB_PTE_SPECIAL : 0)));
		CHECK(pte.page == 4);
		CHECK(pte.cache == (method == PTELAB_IOMAP ? PTELAB_CACHE_UNCACHED : PTELAB_CACHE_WRITE_BACK));
		CHECK(pte.pfn != 0);
		REQUIRE(revoke(file) == 0);
		CHECK(lookup(file, page_at(map, 1)).state == PTELAB_PTE_REVOKED);
	}
}

TEST_CASE("LOOKUP knows a private copy from the region's own page, and a private remap's page by its pfn")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_FAULT_PAGE);
	const Mapped map = user.mmap(file, 2, 0, kPrivate);
	user.write(map.at(), 1);
	user.read(page_at(map, 1));
	CHECK((lookup(file, map.at()).state & PTELAB_PTE_OURS) == 0);
	CHECK(lookup(file, map.at()).page == 0);
	CHECK(lookup(file, page_at(map, 1)).page == 2);
	for (const unsigned method : {PTELAB_REMAP_PFN, PTELAB_IOMAP}) {
		::file *const remap = user.open(module, method);
		const Mapped private_remap = user.mmap(remap, 3, 5, kPrivate);
		CHECK(lookup(remap, page_at(private_remap, 1)).page == 7);
	}
}

TEST_CASE("LOOKUP hides pfns from those who may not see them")
{
	Module module;
	Process user;
	file *const file = user.open(module, PTELAB_INSERT_PAGE);
	const Mapped map = user.mmap(file, 2);
	ptelab_lookup arg{};
	arg.address = map.at();
	arg.bytes = 2 * Kernel::get().page_bytes();
	ptelab_pte ptes[2]{};
	REQUIRE(ptelab_ioctl_lookup(file->session, &arg, ptes, false) == 0);
	CHECK(ptes[1].page == 2);
	CHECK(ptes[1].pfn == 0);
}

TEST_CASE("LOOKUP takes 1 to PTELAB_LOOKUP_MAX whole pages")
{
	Module module;
	const auto entries = [](auto &&spoil) {
		ptelab_lookup arg{};
		arg.address = 0x10000;
		arg.bytes = 0x3000;
		spoil(arg);
		return ptelab_ioctl_lookup_entries(&arg);
	};
	CHECK(entries([](ptelab_lookup &) {}) == 3);
	CHECK(entries([](ptelab_lookup &arg) { arg.bytes = PTELAB_LOOKUP_MAX * 0x1000ULL; }) == PTELAB_LOOKUP_MAX);
	CHECK(entries([](ptelab_lookup &arg) { arg.bytes = (PTELAB_LOOKUP_MAX + 1) * 0x1000ULL; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.bytes = 0; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.bytes++; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.address++; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.address = ~0xfffULL; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.flags = 1; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.reserved0 = 1; }) == -EINVAL);
	CHECK(entries([](ptelab_lookup &arg) { arg.reserved[1] = 1; }) == -EINVAL);
}

TEST_SUITE_END();
