#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/count-boots, with a kernel that comes up and one that dies on its way; and what a count proves."""

import json
import tempfile
import unittest
from pathlib import Path

from testing import script
import kernellog
from bootcount import Count, Kind, Records, at_most, summary, table
from cells import Cells
from common import FAILED, PASSED, USAGE

CELL = Cells().default
# Panics before user space: "Unable to mount root fs".
NO_INIT = ("--append", "rdinit=/nonexistent")
KIND = Kind("cell", "6.1", "7.2", "tcg", "multi", "boot", "boot")
INT3 = """[    1.429] Oops: int3: 0000 [#1] SMP NOPTI
[    1.430] CPU: 1 UID: 0 PID: 0 Comm: swapper/1 Not tainted 7.3.4
[    1.431] RIP: 0010:enqueue_timer+0x6e/0xd0
[    1.432] Kernel panic - not syncing: Fatal exception in interrupt
"""


class Proof(unittest.TestCase):
    """Against the tables of Clopper and Pearson's one-sided bound at 95 %."""

    def test_none_of_many(self):
        for tried, percent in ((1, 95.0), (60, 4.87), (200, 1.487), (1000, 0.2991)):
            self.assertAlmostEqual(100 * at_most(0, tried), percent, delta=0.006 * percent)

    def test_some_of_many(self):
        for failed, tried, percent in ((1, 60, 7.66), (3, 200, 3.83), (10, 1000, 1.690)):
            self.assertAlmostEqual(100 * at_most(failed, tried), percent, delta=0.01 * percent)

    def test_all_of_many(self):
        self.assertEqual(at_most(5, 5), 1.0)

    def test_is_said_and_never_less_than_it_is(self):
        self.assertEqual(str(Count(1000, 0)), "0 of 1,000 failed: < 0.30 % do at 95%")
        self.assertEqual(str(Count(0, 0)), "nothing was tried, and nothing is proved")


class Death(unittest.TestCase):
    def test_is_named_with_its_place(self):
        self.assertEqual(kernellog.death(INT3), "Oops: int3: 0000 [#1] SMP NOPTI in enqueue_timer")

    def test_of_a_kernel_that_said_nothing_has_no_name(self):
        self.assertEqual(kernellog.death("[    0.1] Linux version 7.3\n"), "")


class Counting(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.file = Path(place.name, "counts.jsonl")

    def test_goes_on_with_what_the_file_has_of_the_same_kind(self):
        for outcome in ("passed", "passed", "died"):
            Records(self.file).add(KIND, outcome=outcome, why="Oops" if outcome == "died" else "", seconds=2.0, log="x.log")
        other = Kind("cell", "6.1", "7.2", "tcg", "single", "boot", "boot")
        records = Records(self.file)
        self.assertEqual((records.count(KIND), records.count(other)), (Count(3, 1), Count(0, 0)))
        self.assertEqual(summary(records, KIND)["failures"], [{"outcome": "died", "why": "Oops", "log": "x.log"}])
        shown = "\n".join(table(records, [KIND, other]))
        self.assertRegex(shown, r"(?m)^cell +multi +3 +2 +1 +0 +0 ")
        self.assertIn("1 x died: Oops (x.log)", shown)
        self.assertIn("1 of 3 failed: < 86.5 % do at 95%", shown)


class Guests(unittest.TestCase):
    def counted(self, *more):
        done = script("count-boots", CELL, "-o", self.place.name, "--json", *more)
        self.assertNotEqual(done.returncode, USAGE, done.stderr)
        return done.returncode, json.loads(done.stdout)

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)

    def test_one_that_comes_up_is_counted_and_not_counted_again(self):
        for _ in range(2):
            status, counts = self.counted("-n", "1")
            self.assertEqual((status, counts["tried"], counts["passed"]), (PASSED, 1, 1), counts)
        self.assertEqual(len(Path(self.place.name, "counts.jsonl").read_text().splitlines()), 1)

    def test_one_that_dies_is_counted_once_with_its_reason_and_its_log(self):
        status, counts = self.counted("-n", "1", *NO_INIT)
        self.assertEqual((status, counts["tried"], counts["died"]), (FAILED, 1, 1), counts)
        self.assertIn("Unable to mount root fs", counts["failures"][0]["why"])
        self.assertIn("Linux version", Path(self.place.name, counts["failures"][0]["log"]).read_text())

    def test_one_that_takes_too_long_hangs(self):
        status, counts = self.counted("-n", "1", "--timeout", "0.2")
        self.assertEqual((status, counts["tried"], counts["hung"]), (FAILED, 1, 1), counts)

    def test_nothing_is_started_when_the_time_is_up(self):
        status, counts = self.counted("-n", "5", "--minutes", "0")
        self.assertEqual((status, counts["tried"], counts["at_most"]), (PASSED, 0, None))

    def test_no_runs_are_a_usage_error(self):
        self.assertEqual(script("count-boots", CELL, "-n", "0").returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
