// SPDX-License-Identifier: GPL-2.0-or-later
// `ptelab gup` and `ptelab kinds`.
#include "commands.hpp"

#include "gup_table.hpp"
#include "kinds_table.hpp"
#include "table_view.hpp"

namespace ptelab::cli {
namespace {

Report report_of(const tables::Table &table, bool markdown, const Terminal &terminal)
{
	Report report;
	report.json = tables::to_value(table);
	report.json.set("kernel", headline());
	report.text = headline() + "\n" + (markdown ? "\n" + table_markdown(table) : table_text(table, terminal));
	return report;
}

} // namespace

Report gup(bool markdown, const Terminal &terminal)
{
	any_node(); // or say that there is nothing to ask
	return report_of(tables::gup(), markdown, terminal);
}

Report kinds(bool markdown, const Terminal &terminal)
{
	any_node();
	return report_of(tables::kinds(), markdown, terminal);
}

} // namespace ptelab::cli
