#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lib/switches: where a condition of a guard can be left out, and what the guard says then."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import switches  # noqa: E402

GUARD = """\
constexpr unsigned kOdd = kOne |
	kThree;	// a || comment

constexpr bool is_odd(const Facts &f)
{
	return f.bits & kOdd;
}

constexpr int verdict(const Facts &f)
{
	if (f.locked && (f.read || !f.write))
		return -1;
	if (!is_odd(f))
		return -2;
	return f.found ? 0 : -3;
}
"""
CONDITIONS = ("kOne", "kThree", "f.bits & kOdd", "f.locked", "(f.read || !f.write)", "f.read", "!f.write",
              "if (f.locked && (f.read || !f.write)) return -1", "if (!is_odd(f)) return -2", "f.found ? :")
PROGRAM = """\
#include <cstdio>
#include <cstdlib>
static int taken_out;
static bool gone(int number) {{ return number == taken_out; }}
enum {{ kOne = 1, kThree = 4 }};
struct Facts {{ unsigned bits; bool locked, read, write, found; }};
{guard}
int main(int, char **argv)
{{
	taken_out = std::atoi(argv[1]);
	// Refused for the lock, for the bits, and for what is not found; and permitted, by either bit.
	const Facts all[] = {{{{1, true, true, true, true}}, {{1, true, false, false, true}}, {{1, true, false, true, true}}, {{1, false, true, true, true}},
			     {{0, false, false, false, true}}, {{1, false, false, false, false}}, {{4, false, false, false, true}}}};
	for (const Facts &f : all)
		std::printf("%d ", verdict(f));
}}
"""


class SwitchesTest(unittest.TestCase):
    def test_each_condition_is_found_once(self):
        self.assertEqual(tuple(what for _, what in switches.insert(GUARD)[1]), CONDITIONS)

    def test_lines_are_those_of_the_guard(self):
        self.assertEqual([line for line, _ in switches.insert(GUARD)[1]], [1, 1, 6, 11, 11, 11, 11, 11, 13, 15])

    def test_each_changes_what_the_guard_says(self):
        told = self.told(switches.insert(GUARD)[0], range(len(CONDITIONS) + 1))
        self.assertEqual(told[0], "-1 -1 0 0 -2 -3 0 ")
        for number, condition in enumerate(CONDITIONS, 1):
            with self.subTest(condition=condition):
                self.assertNotEqual(told[number], told[0])

    def told(self, guard, numbers):
        with tempfile.TemporaryDirectory() as folder:
            source, program = Path(folder, "guard.cpp"), Path(folder, "guard")
            source.write_text(PROGRAM.format(guard=guard))
            subprocess.run(["g++", "-std=gnu++20", "-w", "-o", program, source], check=True)
            return [subprocess.run([program, str(number)], check=True, capture_output=True, text=True).stdout for number in numbers]


if __name__ == "__main__":
    unittest.main()
