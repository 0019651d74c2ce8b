// SPDX-License-Identifier: GPL-2.0-or-later
// `ptelab report`. The parts of the page are files in web/, which make turns into string literals.
#include "report_page.hpp"

#include <cerrno>
#include <fstream>
#include <string_view>

#include <fmt/core.h>

#include "commands.hpp"

namespace ptelab::cli {
namespace {

constexpr std::string_view kPageHtml =
#include "web/page.html.inc"
	;
constexpr std::string_view kStyle =
#include "web/page.css.inc"
	;
constexpr std::string_view kScripts[] = {
#include "web/data.js.inc"
	,
#include "web/rules.js.inc"
	,
#include "web/tables.js.inc"
	,
#include "web/porting.js.inc"
	,
#include "web/main.js.inc"
};

void replace(std::string &text, std::string_view mark, std::string_view with)
{
	text.replace(text.find(mark), mark.size(), with);
}

// JSON in which no end of a script and no comment can begin.
std::string embedded(const Value &data)
{
	std::string safe;
	for (const char c : data.json())
		safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
	return safe;
}

} // namespace

std::string page_with(const Value &data)
{
	std::string script = "'use strict';\n";
	for (const std::string_view part : kScripts)
		script += part;
	std::string page(kPageHtml);
	// The data last: what it says must not be taken for a mark.
	replace(page, "@STYLE@", kStyle);
	replace(page, "@SCRIPT@", script);
	replace(page, "@DATA@", embedded(data));
	return page;
}

Report report(const std::vector<std::string> &paths, const std::string &output)
{
	const std::vector<KernelResults> kernels = read_results(paths);
	if (kernels.empty())
		throw UsageError("there are no results: run scripts/run-cell, or make check, first");
	const std::string page = page_with(page_data(kernels));

	std::ofstream file(output, std::ios::binary | std::ios::trunc);
	file << page << std::flush;
	if (!file)
		throw_errno(errno ? errno : EIO, "write " + output);
	return {.text = fmt::format("{}: {} kernels, {} KiB\n", output, kernels.size(), page.size() / 1024),
		.json = Value::Object{{"file", output}, {"kernels", kernels.size()}, {"bytes", page.size()}}};
}

} // namespace ptelab::cli
