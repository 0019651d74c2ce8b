// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel answers with a BUG, or with silence, does not compile. Each assertion stands beside one that it does compile
// where it is right, so that none can be true for a reason of its own.
#include <doctest/doctest.h>

#include <type_traits>

#include "cxxrt/tests/bug.hpp"
#include "kmod/core/live.hpp"
#include "kmod/core/session.hpp"

namespace ptelab {
namespace {

template <typename Token, typename Proof = const Gate &>
concept InsertsPfn = requires(Token &token, Proof gate)
{
	token.insert_pfn(gate, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsPage = requires(Token &token, Proof gate, page *page)
{
	token.insert(gate, page);
};

template <typename Token>
concept GivesPage = requires(Token &token, const Region &region)
{
	token.give(region, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsAll = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_all(gate, region);
};

template <typename Token, typename Proof = const Gate &>
concept RemapsAll = requires(Token &token, Proof gate, const Region &region)
{
	token.remap_all(gate, region);
};

template <typename Token, typename Proof = const Gate &>
concept MapsDevice = requires(Token &token, Proof gate, const Region &region)
{
	token.iomap(gate, region);
};

// An action uses the desc up.
template <typename Token>
concept AsksForRemap = requires(Token &&token, const Region &region)
{
	static_cast<Token &&>(token).remap(region);
	static_cast<Token &&>(token).ioremap(region);
	static_cast<Token &&>(token).simple_ioremap(region);
};

template <typename Token>
concept AsksForPages = requires(Token &&token, const Region &region)
{
	static_cast<Token &&>(token).map_pages(region);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsAround = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_around(gate, region, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsMixed = requires(Token &token, Proof gate, page *page)
{
	token.insert_mixed(gate, page);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsPmd = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_pmd(gate, region, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsFolio = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_folio(gate, region, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsMany = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_many(gate, region);
	token.map_all(gate, region, false);
	token.remap_vmalloc(gate, region);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsPart = requires(Token &token, Proof gate, const Region &region, port_awaited *awaited)
{
	token.insert_part(gate, region, awaited, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsPuds = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_pud(gate, region, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsPagesBesidePmds = requires(Token &token, Proof gate, const Region &region)
{
	token.insert_pfn_beside_pmds(gate, region, 0UL);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsPfnOf = requires(Token &token, Proof gate, page *page)
{
	token.insert_pfn_of(gate, page);
};

template <typename Token, typename Proof = const Gate &>
concept InsertsListed = requires(Token &token, Proof gate, page **pages)
{
	token.insert_listed(gate, pages, 1UL);
};

template <typename Token, typename Proof = const Gate &>
concept GivesAtOnce = requires(Token &token, Proof gate, page *page)
{
	token.give_at_once(gate, page);
};

// Nothing is inserted without the gate: neither without a proof, nor with one of one's own, nor with one made on the spot.
struct NoGate {};
static_assert(InsertsPfn<Fault<PfnMap>> && !InsertsPfn<Fault<PfnMap>, NoGate>);
static_assert(InsertsPfn<Fault<Remapped>> && !InsertsPfn<Fault<Remapped>, NoGate>);
static_assert(InsertsPmd<Fault<PfnMap>> && !InsertsPmd<Fault<PfnMap>, NoGate>);
static_assert(InsertsPmd<Fault<Custom>> && !InsertsPmd<Fault<Custom>, NoGate>);
static_assert(InsertsPuds<Fault<PfnMap>> && !InsertsPuds<Fault<PfnMap>, NoGate>);
static_assert(InsertsPagesBesidePmds<Fault<PfnMap>> && !InsertsPagesBesidePmds<Fault<PfnMap>, NoGate>);
static_assert(InsertsPage<Fault<MixedMap>> && !InsertsPage<Fault<MixedMap>, NoGate>);
static_assert(InsertsAround<Fault<MixedMap>> && !InsertsAround<Fault<MixedMap>, NoGate>);
static_assert(InsertsMixed<Fault<MixedPfn>> && !InsertsMixed<Fault<MixedPfn>, NoGate>);
static_assert(InsertsFolio<Fault<Plain>> && !InsertsFolio<Fault<Plain>, NoGate>);
static_assert(InsertsPfnOf<Fault<PfnMap>> && !InsertsPfnOf<Fault<PfnMap>, NoGate>);
static_assert(InsertsListed<Fault<MixedMap>> && !InsertsListed<Fault<MixedMap>, NoGate>);
static_assert(GivesAtOnce<Fault<Plain>> && !GivesAtOnce<Fault<Plain>, NoGate>);
static_assert(!InsertsPfnOf<Fault<Remapped>> && !InsertsListed<Fault<MixedPfn>> && !GivesAtOnce<Fault<PfnMap>> &&
	      !GivesAtOnce<Fault<MixedMap>>);
static_assert(InsertsAll<Mapping<Inserted>> && !InsertsAll<Mapping<Inserted>, NoGate>);
static_assert(InsertsMany<Mapping<Inserted>> && !InsertsMany<Mapping<Inserted>, NoGate>);
static_assert(InsertsPart<Mapping<Inserted>> && !InsertsPart<Mapping<Inserted>, NoGate>);
static_assert(RemapsAll<Mapping<Remapped>> && !RemapsAll<Mapping<Remapped>, NoGate>);
static_assert(MapsDevice<Mapping<Remapped>> && !MapsDevice<Mapping<Remapped>, NoGate>);

template <typename Token>
concept InsertsWithoutProof = requires(Token &token)
{
	token.insert_pfn(0UL);
} || requires(Token &token)
{
	token.insert_pfn({}, 0UL);
} || requires(Token &token)
{
	token.insert_pfn({{}, 0ULL}, 0UL);
};
static_assert(!InsertsWithoutProof<Fault<PfnMap>>);

// The first pages of an mmap that fails: where vm_insert_page() is no BUG.
static_assert(InsertsPart<Mapping<MixedMap>>);
static_assert(!InsertsPart<Mapping<PfnMap>> && !InsertsPart<Mapping<Remapped>> && !InsertsPart<Mapping<Plain>> &&
	      !InsertsPart<Mapping<Custom>>);

// vmf_insert_pfn() needs VM_PFNMAP.
static_assert(InsertsPfn<Fault<PfnMap>>);
static_assert(InsertsPfn<Fault<Remapped>>);
static_assert(!InsertsPfn<Fault<MixedMap>>);
static_assert(!InsertsPfn<Fault<Inserted>>);
static_assert(!InsertsPfn<Fault<Plain>>);
static_assert(!InsertsPfn<Fault<MixedPfn>>);
static_assert(!InsertsPfn<Fault<Custom>>);

// So does a huge one, and never in a private mapping: not where remap_pfn_range() has set the flag.
static_assert(InsertsPmd<Fault<PfnMap>>);
static_assert(!InsertsPmd<Fault<Remapped>>);
static_assert(!InsertsPmd<Fault<MixedMap>>);
static_assert(!InsertsPmd<Fault<MixedPfn>>);
static_assert(!InsertsPmd<Fault<Inserted>>);
static_assert(!InsertsPmd<Fault<Plain>>);
static_assert(InsertsPmd<Fault<Custom>>); // which asks what the flags are

// vmf_insert_mixed() needs VM_MIXEDMAP, and where pages are counted its bare pfns would not be.
static_assert(InsertsMixed<Fault<MixedPfn>>);
static_assert(!InsertsMixed<Fault<MixedMap>>);
static_assert(!InsertsMixed<Fault<Inserted>>);
static_assert(!InsertsMixed<Fault<PfnMap>>);
static_assert(!InsertsMixed<Fault<Plain>>);
static_assert(!InsertsMixed<Fault<Custom>>);
static_assert(!InsertsPage<Fault<MixedPfn>>);
static_assert(!InsertsPage<Fault<Custom>>);

static_assert(InsertsAround<Fault<MixedMap>>);
static_assert(!InsertsAround<Fault<MixedPfn>>);
static_assert(!InsertsAround<Fault<PfnMap>>);
static_assert(!InsertsAround<Fault<Plain>>);

// A folio is inserted where pages are given.
static_assert(InsertsFolio<Fault<Plain>>);
static_assert(!InsertsFolio<Fault<PfnMap>>);
static_assert(!InsertsFolio<Fault<MixedMap>>);
static_assert(!InsertsFolio<Fault<Custom>>);

// remap_pfn_range() is not for ->fault, but on the node that is there to show it.

// vm_insert_page() at a fault needs VM_MIXEDMAP, and may not follow VM_PFNMAP.
static_assert(InsertsPage<Fault<MixedMap>>);
static_assert(InsertsPage<Fault<Inserted>>);
static_assert(!InsertsPage<Fault<PfnMap>>);
static_assert(!InsertsPage<Fault<Remapped>>);
static_assert(!InsertsPage<Fault<Plain>>);

// A page is returned from ->fault where no flag forbids it.
static_assert(GivesPage<Fault<Plain>>);
static_assert(!GivesPage<Fault<PfnMap>>);
static_assert(!GivesPage<Fault<Remapped>>);
static_assert(!GivesPage<Fault<MixedMap>>);
static_assert(!GivesPage<Fault<MixedPfn>>);
static_assert(!GivesPage<Fault<Custom>>);

// At mmap, each kind is filled with its own calls only.
static_assert(InsertsAll<Mapping<Inserted>>);
static_assert(!InsertsAll<Mapping<PfnMap>>);

// One action at most, of the kind that the desc is of, and nothing is inserted before there is a VMA.
static_assert(AsksForRemap<VmaDesc<Remapped>>);
static_assert(!AsksForRemap<VmaDesc<Remapped> &>);
static_assert(!AsksForRemap<VmaDesc<Inserted>>);
static_assert(!AsksForRemap<VmaDesc<Plain>>);
static_assert(AsksForPages<VmaDesc<Inserted>>);
static_assert(!AsksForPages<VmaDesc<Inserted> &>);
static_assert(!AsksForPages<VmaDesc<Remapped>>);
static_assert(!AsksForPages<VmaDesc<Plain>>);
static_assert(RemapsAll<Mapping<Remapped>>);
static_assert(!RemapsAll<VmaDesc<Remapped>>);
static_assert(InsertsAll<Mapping<Inserted>>);
static_assert(!InsertsAll<VmaDesc<Inserted>>);
static_assert(!std::is_copy_constructible_v<VmaDesc<Remapped>>);

static_assert(!InsertsAll<Mapping<Remapped>>);
static_assert(!InsertsAll<Mapping<Plain>>);
static_assert(!InsertsAll<Mapping<Custom>>);
static_assert(!InsertsAll<Mapping<MixedPfn>>);
static_assert(InsertsMany<Mapping<Inserted>>);
static_assert(!InsertsMany<Mapping<PfnMap>>);
static_assert(!InsertsMany<Mapping<Remapped>>);
static_assert(!InsertsMany<Mapping<MixedPfn>>);
static_assert(!InsertsMany<Mapping<Plain>>);
static_assert(!InsertsMany<Mapping<Custom>>);
static_assert(RemapsAll<Mapping<Remapped>>);
static_assert(!RemapsAll<Mapping<PfnMap>>);
static_assert(!RemapsAll<Mapping<MixedMap>>);
static_assert(!RemapsAll<Mapping<Inserted>>);
static_assert(!RemapsAll<Mapping<Plain>>);
static_assert(!RemapsAll<Mapping<Custom>>);
static_assert(MapsDevice<Mapping<Remapped>>);
static_assert(!MapsDevice<Mapping<PfnMap>>);
static_assert(!MapsDevice<Mapping<Inserted>>);

// A token is one call's: neither copied nor assigned.
template <typename Token>
concept Copied = std::is_copy_constructible_v<Token> || std::is_copy_assignable_v<Token> || std::is_move_constructible_v<Token> ||
		 std::is_move_assignable_v<Token>;

static_assert(Copied<port_span>);
static_assert(!Copied<NewVma>);
static_assert(!Copied<MappedVma>);
static_assert(!Copied<NewDesc>);
static_assert(!Copied<Mapping<PfnMap>>);
static_assert(!Copied<Mapping<Remapped>>);
static_assert(!Copied<Mapping<MixedMap>>);
static_assert(!Copied<Mapping<Inserted>>);
static_assert(!Copied<Mapping<Plain>>);
static_assert(!Copied<Fault<PfnMap>>);
static_assert(!Copied<Fault<Remapped>>);
static_assert(!Copied<Fault<MixedMap>>);
static_assert(!Copied<Fault<Inserted>>);
static_assert(!Copied<Fault<Plain>>);
static_assert(!Copied<Mapping<Custom>>);
static_assert(!Copied<Mapping<MixedPfn>>);
static_assert(!Copied<Fault<Custom>>);
static_assert(!Copied<Fault<MixedPfn>>);
static_assert(!Copied<Region>);
static_assert(std::is_move_constructible_v<Live> && !std::is_copy_constructible_v<Live> && !std::is_move_assignable_v<Live>);
static_assert(std::is_move_constructible_v<Pages> && !std::is_copy_constructible_v<Pages> && !std::is_move_assignable_v<Pages>);

// Only a region makes it, and it is handed on by reference alone.
static_assert(!std::is_default_constructible_v<Gate> && !Copied<Gate>);
static_assert(!std::is_default_constructible_v<cxxrt::Badge<Region>>);

// Only the entry points make tokens; only a NewVma makes a mapping; only find() makes a Live.
template <typename Token, typename Kernel>
concept Made = requires(Kernel *kernel)
{
	Token{{}, kernel};
};

// What anyone may make, to show that Made can be true.
struct Open {};
struct OpenToken {
	OpenToken(const Open &, vm_area_struct *) {}
};

static_assert(Made<OpenToken, vm_area_struct>);
static_assert(!Made<NewVma, vm_area_struct>);
static_assert(!Made<MappedVma, vm_area_struct>);
static_assert(!Made<Fault<PfnMap>, vm_fault>);
static_assert(!Made<Fault<Plain>, vm_fault>);
static_assert(!Made<Fault<Custom>, vm_fault>);
static_assert(!Made<Mapping<Custom>, vm_area_struct>);
static_assert(!Made<Mapping<Inserted>, vm_area_struct>);
static_assert(!std::is_constructible_v<Live, vm_area_struct *>);
static_assert(!std::is_default_constructible_v<cxxrt::Badge<EntryPoints>>);

// The same expressions compile for who has the badge.
class EntryPoints {
public:
	static bool makes_tokens(vm_area_struct *vma, vm_fault *vmf)
	{
		[[maybe_unused]] const NewVma new_vma{{}, vma};
		[[maybe_unused]] const Fault<PfnMap> pfn_fault{{}, vmf};
		[[maybe_unused]] const Fault<Plain> plain_fault{{}, vmf};
		return true;
	}

	// Nothing of Plain's asks anything of the kernel, so that a VMA is not needed.
	static void becomes(vm_area_struct *vma, int times)
	{
		NewVma new_vma{{}, vma};
		for (int i = 0; i < times; i++)
			(void)cxxrt::move(new_vma).as<Plain>([](Mapping<Plain> &) -> Result<void> { return {}; });
	}

	static void descs(int times)
	{
		port_vma_desc described{};
		NewDesc desc{{}, described};
		for (int i = 0; i < times; i++)
			(void)cxxrt::move(desc).as<Plain>([](VmaDesc<Plain> &&) -> Result<void> { return {}; });
	}

	static void is_asked_after(vm_area_struct *vma)
	{
		NewVma new_vma{{}, vma};
		(void)cxxrt::move(new_vma).as<Plain>([](Mapping<Plain> &) -> Result<void> { return {}; });
		new_vma.set_cache(PTELAB_CACHE_UNCACHED);
	}
};

TEST_CASE("the entry points can make tokens")
{
	CHECK(EntryPoints::makes_tokens(nullptr, nullptr));
}

// The compiler sees that as() consumes; that nothing is done with what is consumed is seen when it happens.
TEST_CASE("a token becomes a mapping once, and after that nothing can be asked of it")
{
	int memory = 0;
	auto *const vma = reinterpret_cast<vm_area_struct *>(&memory);
	CHECK_FALSE(is_bug([&] { EntryPoints::becomes(vma, 1); }));
	CHECK(is_bug([&] { EntryPoints::becomes(vma, 2); }));
	CHECK(is_bug([&] { EntryPoints::is_asked_after(vma); }));
	CHECK_FALSE(is_bug([] { EntryPoints::descs(1); }));
	CHECK(is_bug([] { EntryPoints::descs(2); }));
}

// A VMA is configured once: as() consumes what it is called on.
struct Fill {
	template <typename Kind>
	Result<void> operator()(Mapping<Kind> &) const
	{
		return {};
	}
};

template <typename Vma>
concept BecomesPlain = requires(Vma vma, Fill fill)
{
	static_cast<Vma>(vma).template as<Plain>(fill);
};

static_assert(BecomesPlain<NewVma &&>);
static_assert(!BecomesPlain<NewVma &>);
static_assert(!BecomesPlain<const NewVma &>);

// Once it is a mapping, its flags and its memory type are fixed.
template <typename Token>
concept Configures = requires(Token &token)
{
	token.set_cache(0U);
	token.forbid_exec();
};

static_assert(Configures<NewVma>);
static_assert(!Configures<Mapping<Remapped>>);
static_assert(!Configures<Mapping<Plain>>);

// The gate's state is the region's own; what passes it gets a proof that it is open, and says what holds if it is not.
template <typename R>
concept GateSeen = requires(R &region)
{
	region.gate_;
};
template <typename R>
concept GatePassed = requires(R &region)
{
	region.pass([](const Gate &) { return true; }, false);
};
template <typename R>
concept GatePassedBlindly = requires(R &region)
{
	region.pass([](const Gate &) { return true; });
};
static_assert(GatePassed<const Region> && !GatePassedBlindly<const Region>);
static_assert(!GateSeen<Region>);
static_assert(!std::is_copy_constructible_v<Gate> && !std::is_copy_constructible_v<GateState>);

// What is answered the short way is what needs no lock but the gate.
static_assert(Brief<FaultInsertPage> && Brief<FaultInsertPfn> && Brief<FaultPage> && Brief<FaultInsertPages> && Brief<FaultInsertMixed> &&
	      Brief<PrepareFaultPage>);
static_assert(!Brief<HugePfn> && !Brief<HugeFolio> && !Brief<InsertPage> && !Brief<MapPagesZero> && !Brief<RemapPfn> && !Brief<Bare> &&
	      !Brief<PrepareMapPages>);

// A session's state is read with its mutex only.
template <typename S>
concept StateSeen = requires(S &session)
{
	session.state_;
};

static_assert(!StateSeen<Session>);

// The bits of an answer to a fault are not an error number, nor the other way round.
static_assert(!std::is_convertible_v<FaultCode, Errno> && !std::is_convertible_v<Errno, FaultCode>);
static_assert(!std::is_convertible_v<FaultCode, unsigned>);

// Every method of the ABI is one, and a method has all of its parts.
struct NoFault : FaultPage {
	static void fault() {}
};
// It would set VM_PFNMAP and then insert pages.
struct WrongKind : FaultInsertPage {
	using Kind = PfnMap;
};

static_assert(Method<InsertPage> && Method<FaultInsertPage> && Method<FaultPage> && Method<FaultInsertPfn> && Method<RemapPfn> &&
	      Method<IoMap>);
static_assert(Method<InsertPages> && Method<MapPages> && Method<MapPagesZero> && Method<RemapVmalloc> && Method<FaultInsertPages> &&
	      Method<FaultInsertMixed> && Method<HugePfn> && Method<HugeFolio> && Method<Bare>);
static_assert(!Method<NoFault>);
static_assert(!Method<WrongKind>);

// It has another's ->fault, and says that it faults as that one.
struct WrongFault : FaultInsertPages {
	using FaultsAs = FaultInsertPage;
};
static_assert(!Method<WrongFault>);

// What is known of a method without calling it.
static_assert(kMethods.row[PTELAB_FAULT_PAGE].gives_pages && !kMethods.row[PTELAB_HUGE_FOLIO].gives_pages &&
	      !kMethods.row[PTELAB_FAULT_INSERT_PAGE].gives_pages);
static_assert(kMethods.row[PTELAB_BARE].custom && !kMethods.row[PTELAB_FAULT_PAGE].custom);
static_assert(kMethods.row[PTELAB_INSERT_PAGES].eager && !kMethods.row[PTELAB_FAULT_INSERT_PAGES].eager);
static_assert(kMethods.row[PTELAB_PREPARE_REMAP].prepares && !kMethods.row[PTELAB_REMAP_PFN].prepares);
static_assert(kMethods.row[0].name == nullptr);

TEST_CASE("the order of a block is the smallest that holds the pages")
{
	CHECK(order_of(1) == 0);
	CHECK(order_of(2) == 1);
	CHECK(order_of(3) == 2);
	CHECK(order_of(1024) == 10);
	CHECK(order_of(1025) == 11);
}

TEST_CASE("dispatch names every method of the ABI")
{
	for (unsigned method = 1; method < PTELAB_METHODS; method++)
		CHECK(dispatch(method, []<typename M>() { return M::kMethod; }) == method);
	CHECK(dispatch(PTELAB_IOMAP, []<typename M>() { return cxxrt::SameAs<M, IoMap>; }));
}

} // namespace
} // namespace ptelab
