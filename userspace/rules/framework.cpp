// SPDX-License-Identifier: GPL-2.0-or-later
// doctest's runner, compiled once.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
