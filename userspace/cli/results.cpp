// SPDX-License-Identifier: GPL-2.0-or-later
#include "results.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fmt/core.h>

#include <fnmatch.h>

#include <ptelab/node.hpp>
#include <ptelab/procfs.hpp>

#include "steps.hpp"

namespace ptelab::cli {
namespace {

bool matches_one(const std::string &glob, std::string_view name)
{
	return ::fnmatch(glob.c_str(), std::string(name).c_str(), 0) == 0;
}

const Value &member(const Value &object, std::string_view name)
{
	static const Value none;
	const Value *found = object.find(name);
	return found ? *found : none;
}

std::string text_of(const Value &object, std::string_view name)
{
	return std::string(member(object, name).text());
}

// Adds a value under its name, an object member by member, but for what varies.
void add_flat(Value &flat, const std::string &name, const Value &value, const std::vector<std::string> &varies)
{
	if (std::ranges::any_of(varies, [&](const std::string &glob) { return matches_one(glob, name); }))
		return;
	if (!value.is_object()) {
		flat.set(name, value);
		return;
	}
	for (const auto &[inner, each] : value.members())
		add_flat(flat, name.empty() ? inner : name + " / " + inner, each, varies);
}

RuleResult rule_result(const Value &record)
{
	RuleResult rule{.id = text_of(record, "id"),
			.contract = text_of(record, "contract"),
			.statement = text_of(record, "statement"),
			.source = text_of(record, "source"),
			.file = text_of(record, "file"),
			.line = member(record, "line").number(),
			.status = text_of(record, "status"),
			.reason = text_of(record, "reason")};

	if (rule.id.empty() || rule.status.empty())
		throw std::invalid_argument("a rule without id or status");
	for (const Value &glob : member(record, "varies").items())
		rule.varies.emplace_back(glob.text());
	if (const Value &because = member(record, "expected_because"); because.is_object())
		rule.because = because;
	if (const Value &observed = member(record, "observed"); !observed.is_null())
		add_flat(rule.observed, "", observed, rule.varies);
	if (const Value &expected = member(record, "expected"); !expected.is_null())
		add_flat(rule.expected, "", expected, rule.varies);
	return rule;
}

// By name where the file has them so, else the bits that a rule keeps.
std::vector<std::pair<std::string, bool>> features_of(const Value &document, const KernelResults &kernel)
{
	std::vector<std::pair<std::string, bool>> features;

	for (const auto &[name, there] : member(document, "features").members())
		features.emplace_back(name, there.is_true());
	const RuleResult *query = kernel.find("abi.query_answers");
	const Value *bits = query ? query->observed.find("features") : nullptr;
	if (features.empty() && bits)
		for (const Feature &feature : ptelab::features())
			features.emplace_back(feature.name, (bits->number() & feature.bit) != 0);
	return features;
}

std::vector<std::string> files_of(const std::string &path)
{
	std::vector<std::string> files;
	std::error_code error;

	if (!std::filesystem::is_directory(path, error))
		return {path};
	for (const auto &entry : std::filesystem::directory_iterator(path))
		if (entry.path().extension() == ".json")
			files.push_back(entry.path().string());
	return files;
}

KernelResults read_one(const std::string &file)
{
	const std::optional<std::string> text = read_text(file);
	if (!text)
		throw UsageError(fmt::format("{} cannot be read", file));
	try {
		return kernel_results(Value::parse(*text), std::filesystem::path(file).stem().string());
	} catch (const std::invalid_argument &error) {
		throw UsageError(fmt::format("{} is not a file of results as scripts/run-cell writes it: {}", file, error.what()));
	}
}

} // namespace

bool RuleResult::is_varying(std::string_view observation) const
{
	return std::ranges::any_of(varies, [&](const std::string &glob) { return matches_one(glob, observation); });
}

std::string_view RuleResult::why(std::string_view observation) const
{
	if (const Value *own = because.find(observation))
		return own->text();
	for (const auto &[glob, text] : because.members())
		if (matches_one(glob, observation))
			return text.text();
	return "";
}

const RuleResult *KernelResults::find(std::string_view id) const
{
	const auto found = by_id_.find(id);
	return found == by_id_.end() ? nullptr : &rules[found->second];
}

KernelResults kernel_results(const Value &document, const std::string &file)
{
	const Value &kernel = member(document, "kernel");
	KernelResults results;

	if (!kernel.is_object() || !document.find("rules"))
		throw std::invalid_argument("it lacks kernel or rules");
	results.release = text_of(kernel, "release");
	results.cell = text_of(kernel, "cell");
	if (results.cell.empty())
		results.cell = file;
	results.version = text_of(kernel, "version");
	results.arch = text_of(kernel, "arch");
	results.flavour = text_of(kernel, "flavour");
	results.compiler = text_of(kernel, "compiler");
	results.page_size = member(kernel, "page_size").number();
	results.verdict = text_of(document, "verdict");
	results.reason = text_of(document, "reason");
	if (const Value *partial = document.find("partial"))
		results.partial = text_of(*partial, "nodes") + " nodes";
	results.build = member(document, "build");
	if (results.compiler.empty())
		results.compiler = text_of(results.build, "compiler");
	results.load = member(document, "load");
	results.gup = member(document, "gup");
	results.kinds = member(document, "kinds");
	results.reached = member(document, "reached");
	for (const Value &record : document.find("rules")->items()) {
		RuleResult rule = rule_result(record);
		if (results.by_id_.emplace(rule.id, results.rules.size()).second)
			results.rules.push_back(std::move(rule));
	}
	results.features = features_of(document, results);
	return results;
}

std::vector<KernelResults> read_results(const std::vector<std::string> &paths)
{
	std::vector<KernelResults> all;
	std::map<std::string, unsigned> runs;

	for (const std::string &path : paths) {
		std::vector<KernelResults> some;
		for (const std::string &file : files_of(path))
			some.push_back(read_one(file));
		std::ranges::sort(some, [](const KernelResults &left, const KernelResults &right) {
			const int order = ::strverscmp(left.release.c_str(), right.release.c_str());
			return order != 0 ? order < 0 : left.cell < right.cell;
		});
		std::ranges::move(some, std::back_inserter(all));
	}
	for (KernelResults &kernel : all)
		if (const unsigned run = ++runs[kernel.cell]; run > 1)
			kernel.cell += fmt::format(" #{}", run);
	return all;
}

std::pair<std::string_view, std::string_view> parts_of(std::string_view rule)
{
	const std::size_t dot = rule.find('.');
	if (dot == rule.npos || !find_node(rule.substr(0, dot)))
		return {"", rule};
	return {rule.substr(0, dot), rule.substr(dot + 1)};
}

std::string area_of(const RuleResult &rule)
{
	return std::filesystem::path(rule.file).stem().string();
}

std::string shown(const Value &value)
{
	return value.is_text() ? std::string(value.text()) : value.json();
}

} // namespace ptelab::cli
