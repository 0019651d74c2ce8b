// SPDX-License-Identifier: GPL-2.0-or-later
#include "scene.hpp"

#include <map>

#include <fmt/core.h>

namespace ptelab::cli {
namespace {

constexpr std::size_t kDefaultPages = 16;
constexpr std::uint8_t kWritten = 0x77;

const Node &checked(const SceneOptions &options)
{
	const std::size_t page = page_size();

	if (options.bytes % page != 0 || options.offset % page != 0)
		throw UsageError(fmt::format("--bytes and --offset must be multiples of the page size, {}", page));
	if (options.bytes / page > PTELAB_LOOKUP_MAX)
		throw UsageError(fmt::format("--bytes is too large for a picture: at most {}", PTELAB_LOOKUP_MAX * page));
	return *options.node;
}

Device open_for(const SceneOptions &options)
{
	Device device(checked(options), options.read_only ? O_RDONLY : O_RDWR);
	if (options.cache || options.backing)
		device.setup({.backing = options.backing, .cache = options.cache});
	return device;
}

Mapping map_for(const SceneOptions &options, const Device &device)
{
	const std::size_t size = device.size();
	const std::size_t bytes = options.bytes ? options.bytes : kDefaultPages * page_size();

	if (options.offset > size || bytes > size - options.offset)
		throw UsageError(fmt::format("the region of {} has {} bytes: choose --offset and --bytes inside it", options.node->name,
					     size));
	return Mapping(device, bytes,
		       {.prot = options.read_only ? PROT_READ : PROT_READ | PROT_WRITE,
			.flags = (options.private_copy ? MAP_PRIVATE : MAP_SHARED) | (options.populate ? MAP_POPULATE : 0),
			.offset = options.offset});
}

} // namespace

std::string counted(std::size_t count, const char *thing)
{
	return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

ptelab_zap_how zap_for(const Node &node)
{
	return node.pfn ? PTELAB_ZAP_SPECIAL : PTELAB_ZAP_VMA;
}

Scene::Scene(const SceneOptions &options)
	: node_(*options.node), device_(open_for(options)), map_(map_for(options, device_)), offset_(options.offset)
{
}

Scene::~Scene()
{
	ptelab_revoke restore{};
	if (revoked_)
		device_.call(PTELAB_IOC_RESTORE, &restore);
}

Outcome Scene::touch(std::size_t first, std::size_t last, bool write)
{
	Outcome outcome;
	std::map<std::string, std::size_t> signals;
	std::size_t done = 0;
	Touch only{};
	const __u64 faults_before = faults();

	{
		const Probe probe;
		for (std::size_t index = first; index <= last; ++index) {
			std::byte *address = map_.page(index).data();
			only = write ? probe.write(address, kWritten) : probe.read(address);
			if (only.done())
				++done;
			else
				++signals[only.outcome()];
		}
	}
	const __u64 taken = faults() - faults_before;

	if (done > 0) {
		outcome.text = fmt::format("{} {}", counted(done, "page"), write ? "written" : "read");
		if (first == last)
			outcome.text += fmt::format(" (0x{:02x})", only.value);
	}
	for (const auto &[signal, count] : signals)
		outcome.text += fmt::format("{}{}: {}", outcome.text.empty() ? "" : ", ", counted(count, "page"), signal);
	outcome.text += fmt::format(", {}", counted(taken, "fault"));
	outcome.worked = signals.empty();
	outcome.details.set("pages", done).set("faults", taken);
	Value by_signal = Value::Object{};
	for (const auto &[signal, count] : signals)
		by_signal.set(signal, count);
	outcome.details.set("signals", by_signal);
	return outcome;
}

Outcome Scene::zap(const Step &step, ptelab_zap_how how)
{
	const std::size_t page = page_size();
	const ptelab_zap zap = device_.zap(map_.bytes(step.first * page, step.count() * page), how);
	Outcome outcome;

	outcome.text = fmt::format("{} present before, {} after", zap.present_before, zap.present_after);
	if (zap.present_before > 0 && zap.present_after == zap.present_before)
		outcome.text += ": the kernel ignored it";
	outcome.details.set("present_before", zap.present_before).set("present_after", zap.present_after);
	return outcome;
}

Outcome Scene::run(const Step &step)
{
	Outcome outcome;

	try {
		switch (step.verb) {
		case Verb::kTouch:
			outcome = touch(step.first, step.last, false);
			break;
		case Verb::kWrite:
			outcome = touch(step.first, step.last, true);
			break;
		case Verb::kZap:
			outcome = zap(step, zap_for(node_));
			break;
		case Verb::kZapSpecial:
			outcome = zap(step, PTELAB_ZAP_SPECIAL);
			break;
		case Verb::kUnmap:
			device_.unmap(offset_ + step.first * page_size(), step.count() * page_size());
			outcome.text = "unmap_mapping_range done, in every process";
			break;
		case Verb::kRevoke:
			device_.revoke();
			revoked_ = true;
			outcome.text = "every access gets SIGBUS from now on, in every process";
			break;
		case Verb::kRestore:
			device_.restore();
			revoked_ = false;
			outcome.text = "accesses are served again";
			break;
		}
	} catch (const std::system_error &error) {
		outcome.worked = false;
		outcome.text = fmt::format("refused: {}", errno_name(error.code().value()));
		outcome.details.set("errno", Errno(error.code().value()));
	}
	outcome.entries = entries();
	return outcome;
}

} // namespace ptelab::cli
