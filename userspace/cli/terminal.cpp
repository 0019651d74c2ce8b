// SPDX-License-Identifier: GPL-2.0-or-later
#include "terminal.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include <sys/ioctl.h>
#include <unistd.h>

namespace ptelab::cli {
namespace {

std::string_view variable(const char *name)
{
	const char *value = std::getenv(name);
	return value ? value : "";
}

// As setlocale() would decide, without needing the locale to be installed.
bool locale_is_utf8()
{
	for (const char *name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
		const std::string_view value = variable(name);
		if (!value.empty())
			return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos;
	}
	return false;
}

} // namespace

Terminal Terminal::here()
{
	Terminal terminal;
	const bool tty = ::isatty(STDOUT_FILENO) == 1;
	winsize size{};

	const std::string_view columns = variable("COLUMNS");
	std::size_t wanted = 0;
	std::from_chars(columns.data(), columns.data() + columns.size(), wanted);
	if (wanted >= 20)
		terminal.width = wanted;
	else if (tty && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		terminal.width = size.ws_col;
	terminal.unicode = locale_is_utf8();
	terminal.colour = tty && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
	return terminal;
}

std::string Terminal::paint(std::string_view sgr, std::string_view text) const
{
	if (!colour)
		return std::string(text);
	return "\033[" + std::string(sgr) + "m" + std::string(text) + "\033[0m";
}

} // namespace ptelab::cli
