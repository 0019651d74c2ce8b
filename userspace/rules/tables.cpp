// SPDX-License-Identifier: GPL-2.0-or-later
// The tables that `ptelab gup` and `ptelab kinds` print: every cell has its verdict, on every kernel.
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "gup_table.hpp"
#include "kinds_table.hpp"
#include "lab.hpp"

namespace ptelab {
namespace {

// Beside the rules' own results, for whoever collects them.
void keep(const tables::Table &table)
{
	const char *folder = std::getenv("PTELAB_RESULTS");
	if (!folder)
		return;
	const std::string path = std::string(folder) + "/" + table.name + ".json";
	const std::string text = tables::to_value(table).json(1) + "\n";
	const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		throw_errno("open " + path);
	const ssize_t written = ::write(fd, text.data(), text.size());
	::close(fd);
	if (written != static_cast<ssize_t>(text.size()))
		throw_errno("write " + path);
}

// What can go wrong with a page at hand, and never may: bytes that are not the page's, or bytes that got lost.
std::string wrong_bytes(const tables::Table &table)
{
	for (const tables::Row &row : table.rows)
		for (std::size_t i = 0; i < row.cells.size(); ++i)
			for (const char *word : {"wrong", "lost", "short"})
				if (row.cells[i].verdict == tables::Verdict::kPartly && row.cells[i].text.starts_with(word))
					return row.name + " under " + table.columns[i].key + ": " + row.cells[i].remark;
	return "";
}

void judge(Rule &rule, const tables::Table &table)
{
	keep(table);
	rule.expect("nodes", table.rows.size(), nodes().size());
	rule.expect("what is missing", tables::what_is_missing(table), "");
	rule.expect("bytes that are not the page's", wrong_bytes(table), "");
}

RULE("tables.gup_fills", .says = "For each node and each way to its pages the kernel has an answer: the page, or an errno",
     .source = "mm/gup.c:check_vma_flags", .needs = {root()})
{
	judge(rule, tables::gup());
}

RULE("tables.kinds_fills", .says = "For each node the kernel has an answer to what a program may ask about its mapping, or do to it",
     .source = "fs/proc/task_mmu.c:show_smap", .needs = {root()})
{
	judge(rule, tables::kinds());
}

} // namespace
} // namespace ptelab
