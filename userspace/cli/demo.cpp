// SPDX-License-Identifier: GPL-2.0-or-later
// The tour: every node in turn, for somebody who has never seen a driver mapping.
#include "commands.hpp"

#include <algorithm>
#include <optional>
#include <cstring>

#include <fmt/core.h>

#include <ptelab/procfs.hpp>

#include "picture.hpp"

namespace ptelab::cli {
namespace {

constexpr std::size_t kPages = 16;
constexpr std::size_t kPage = 4; // the page that the demonstration writes to; a device's first pages belong to the host

// One node's part: each line says what was done and what came of it, and is checked.
class Act {
public:
	Act(const Node &node, const Terminal &terminal) : node_(node), terminal_(terminal), scene_({.node = &node}) {}

	void play()
	{
		mapped();
		faults();
		bytes();
		zap_special();
		zap_vma();
		revoke();
	}

	const std::string &text() const { return text_; }
	const Value &json() const { return json_; }
	bool ok() const { return ok_; }

private:
	void line(const char *what, const std::string &result, bool right, std::string key)
	{
		const std::string mark = right ? terminal_.good("ok  ") : terminal_.bad("FAIL");
		text_ += fmt::format("  {:<20} {} {}\n", what, mark, result);
		json_.set(key, Value::Object{{"ok", right}, {"result", result}});
		ok_ = ok_ && right;
	}

	std::size_t present() const
	{
		const std::vector<ptelab_pte> entries = scene_.entries();
		return static_cast<std::size_t>(
			std::ranges::count_if(entries, [](const ptelab_pte &entry) { return entry.state & PTELAB_PTE_PRESENT; }));
	}

	void mapped()
	{
		const std::optional<Smaps> smaps = smaps_at(scene_.map().data());
		std::string flags;
		for (const char *flag : {"io", "pf", "mm", "de", "dd"})
			if (smaps && smaps->has(flag))
				flags += std::string(flags.empty() ? "" : " ") + flag;
		line("mmap", fmt::format("{} of {} pages are there at once{}{}", present(), kPages, flags.empty() ? "" : "; VmFlags: ", flags),
		     present() == (node_.faults ? 0 : kPages), "mmap");
	}

	void faults()
	{
		const Outcome outcome = scene_.touch(0, kPages / 2 - 1, false);
		const Value *taken = outcome.details.find("faults");
		line("read 8 pages", outcome.text, outcome.worked && taken && *taken == Value(node_.faults ? kPages / 2 : 0), "faults");
	}

	// The same bytes from both sides.
	void bytes()
	{
		const std::size_t offset = kPage * page_size();
		const std::string_view from_map = "written through the mapping";
		const std::string_view from_driver = "written with write(2)";
		std::vector<std::byte> before(64);
		std::vector<std::byte> seen(64);
		const auto text_of = [&seen](std::size_t size) { return std::string(reinterpret_cast<const char *>(seen.data()), size); };

		scene_.device().read(offset, before);
		scene_.map().copy_in(offset, std::as_bytes(std::span(from_map)));
		scene_.device().read(offset, seen);
		std::string text = text_of(from_map.size());
		line("write, then read(2)", fmt::format("the driver has \"{}\"", text), text == from_map, "mapping_to_driver");

		scene_.device().write(offset, std::as_bytes(std::span(from_driver)));
		scene_.map().copy_out(offset, seen);
		text = text_of(from_driver.size());
		line("write(2), then read", fmt::format("the mapping has \"{}\"", text), text == from_driver, "driver_to_mapping");
		scene_.device().write(offset, before);
		text_ += picture(scene_.entries(), terminal_, 27);
	}

	// zap_vma_ptes, or what it became. On a MIXEDMAP mapping it did nothing before Linux 7.2, and nobody was told.
	void zap_special()
	{
		const ptelab_query query = scene_.device().query();
		const bool acts = node_.pfn || (query.features & PTELAB_HAS_ZAP_SPECIAL_MIXED && node_.method != PTELAB_FAULT_PAGE);
		const char *call = query.features & PTELAB_HAS_ZAP_SPECIAL_MIXED ? "zap_special_vma_range" : "zap_vma_ptes";

		scene_.touch(0, 3, false);
		const ptelab_zap zap = scene_.device().zap(scene_.map().bytes(0, 4 * page_size()), PTELAB_ZAP_SPECIAL);
		std::string result = fmt::format("{} present before, {} after", zap.present_before, zap.present_after);
		if (!acts)
			result += "; ignored: it is for PFN mappings only";
		line(call, result, zap.present_before == 4 && zap.present_after == (acts ? 0 : 4), "zap_special");
		if (acts)
			next_access();
	}

	void zap_vma()
	{
		if (node_.pfn)
			return; // the zap above has shown it
		const ptelab_zap zap = scene_.device().zap(scene_.map().bytes(0, 4 * page_size()), PTELAB_ZAP_VMA);
		line("zap of one mapping", fmt::format("{} present before, {} after", zap.present_before, zap.present_after),
		     zap.present_after == 0, "zap_vma");
		next_access();
	}

	void next_access()
	{
		const Touch touch = scene_.map().touch(0);
		line("the next access",
		     node_.faults ? fmt::format("{}: the fault handler gave the page again", touch.outcome())
				  : fmt::format("{}: it was mapped at mmap and nobody maps it again", touch.outcome()),
		     touch.outcome() == (node_.faults ? "ok" : "SIGBUS BUS_ADRERR"), "after_zap");
	}

	void revoke()
	{
		std::byte byte{};

		scene_.run({.verb = Verb::kRevoke});
		const Touch touch = scene_.map().touch(kPage);
		const Errno error = errno_of([&] { scene_.device().read(0, {&byte, 1}); });
		line("revoke", fmt::format("an access gets {}, read(2) gets {}", touch.outcome(), errno_name(error.value)),
		     touch.outcome() == "SIGBUS BUS_ADRERR" && error == ENODEV, "revoke");

		scene_.run({.verb = Verb::kRestore});
		const Outcome outcome = scene_.touch(0, kPages - 1, false);
		line("restore", outcome.text, outcome.worked, "restore");
	}

	const Node &node_;
	const Terminal &terminal_;
	Scene scene_;
	std::string text_;
	Value json_ = Value::Object{};
	bool ok_ = true;
};

} // namespace

Report demo(const Terminal &terminal)
{
	const ptelab_query any = any_node().query();
	Report report;
	Value played = Value::Object{};
	std::size_t right = 0;
	std::size_t shown = 0;

	report.text = terminal.bold(fmt::format("{}: the ways in which a driver hands memory to a program", headline())) + "\n";
	report.text += fmt::format("One cell is one page. {}\n", legend(terminal));
	for (const Node &node : first_nodes()) {
		report.text += fmt::format("\n{}  {}, {}\n", terminal.bold(node.name), node.call, node.moment);
		if (any.absence[node.method] != PTELAB_PRESENT) {
			const std::string why(explain(static_cast<ptelab_absence>(any.absence[node.method])));
			report.text += fmt::format("  not on this machine: {}\n", why);
			played.set(node.name, Value::Object{{"absent", why}});
			continue;
		}
		++shown;
		Act act(node, terminal);
		try {
			act.play();
		} catch (const std::exception &error) {
			report.text += act.text() + fmt::format("  {} {}\n", terminal.bad("FAIL"), error.what());
			played.set(node.name, Value::Object{{"error", error.what()}});
			continue;
		}
		report.text += act.text();
		played.set(node.name, act.json());
		right += act.ok();
	}
	report.status = right == shown ? kOk : kFailed;
	report.text += fmt::format("\n{} of {} nodes behave as they should\n", right, shown);
	report.json.set("nodes", played).set("shown", shown).set("right", right);
	return report;
}

} // namespace ptelab::cli
