// SPDX-License-Identifier: GPL-2.0-or-later
// What the terminal can show.
#ifndef PTELAB_CLI_TERMINAL_HPP
#define PTELAB_CLI_TERMINAL_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace ptelab::cli {

struct Terminal {
	std::size_t width = 80;
	bool unicode = false;
	bool colour = false;

	// stdout, the locale and $COLUMNS, $NO_COLOR, $TERM as they are.
	static Terminal here();

	std::string good(std::string_view text) const { return paint("32", text); }
	std::string bad(std::string_view text) const { return paint("31", text); }
	std::string bold(std::string_view text) const { return paint("1", text); }
	std::string paint(std::string_view sgr, std::string_view text) const;
};

} // namespace ptelab::cli

#endif
