// SPDX-License-Identifier: GPL-2.0-or-later
// What nearly every file includes, compiled once (Makefile): half of the time that a file takes. Each file includes what it uses all the
// same.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <doctest/doctest.h>
