// SPDX-License-Identifier: GPL-2.0-or-later
#include "results.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <ptelab/procfs.hpp>

#include "steps.hpp"

namespace ptelab::cli {
namespace {

using Json = nlohmann::ordered_json;

Value value_of(const Json &json)
{
	Value::Array items;
	Value::Object members;

	switch (json.type()) {
	case Json::value_t::boolean: return Value(json.get<bool>());
	case Json::value_t::number_integer: return Value(json.get<std::int64_t>());
	case Json::value_t::number_unsigned: return Value(json.get<std::uint64_t>());
	case Json::value_t::number_float: return Value(json.get<double>());
	case Json::value_t::string: return Value(json.get<std::string>());
	case Json::value_t::array:
		for (const Json &item : json)
			items.push_back(value_of(item));
		return Value(std::move(items));
	case Json::value_t::object:
		for (const auto &[name, member] : json.items())
			members.emplace_back(name, value_of(member));
		return Value(std::move(members));
	default: return Value();
	}
}

void add(const Json &document, const std::vector<std::string> &rules, std::vector<Result> &found)
{
	const std::string kernel = document.at("kernel").at("release").get<std::string>();
	for (const Json &rule : document.at("rules")) {
		const std::string id = rule.at("id").get<std::string>();
		if (std::ranges::find(rules, id) == rules.end())
			continue;
		found.push_back({.kernel = kernel,
				 .rule = id,
				 .status = rule.at("status").get<std::string>(),
				 .reason = rule.value("reason", ""),
				 .observed = value_of(rule.value("observed", Json::object()))});
	}
}

} // namespace

std::vector<Result> read_results(const std::vector<std::string> &files, const std::vector<std::string> &rules)
{
	std::vector<Result> found;

	for (const std::string &file : files) {
		const std::optional<std::string> text = read_text(file);
		if (!text)
			throw UsageError(fmt::format("{} cannot be read", file));
		try {
			add(Json::parse(*text), rules, found);
		} catch (const Json::exception &error) {
			throw UsageError(fmt::format("{} is not a file of results as scripts/run-cell writes it: {}", file, error.what()));
		}
	}
	return found;
}

} // namespace ptelab::cli
