#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is counted of faults becomes the right table, and a goal that does not hold is named; and in a guest all of it runs."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from testing import script
import faultcost
from cells import Cells
from common import CHECKOUT, PASSED, USAGE, Failure
from faultcost import AROUND, BARE, EQUAL, OURS, WAYS

PAGES = 100


def lines(**above):
    """One repetition: bare costs 1000 a page, equal 1010, ours 1012; and what `above` says more of ours, by way."""
    for way in WAYS:
        for driver, cost in ((BARE, 1000), (EQUAL, 1010), (OURS, 1012 + above.get(way.name, 0))):
            total = round(cost * PAGES)
            yield f"{way.name} {driver} {total if way.at_mmap else 7} {3 if way.at_mmap else total + 50} {3 if way.at_mmap else 50}"


def missed(text):
    return [sentence for row in faultcost.rows(faultcost.costs(text, PAGES)) for sentence in row.missed()]


class Arithmetic(unittest.TestCase):
    def test_the_loop_is_taken_off_a_fault_and_an_mmap_is_the_call_alone(self):
        cost = faultcost.costs(["fault_page ptelab 9 5400 400", "insert_page ptelab 900 5400 400"], PAGES)
        self.assertEqual(cost["fault_page", OURS], (50, 0))
        self.assertEqual(cost["insert_page", OURS], (9, 0))

    def test_the_median_counts_and_not_what_is_far_off(self):
        cost = faultcost.costs([f"fault_page ptelab 0 {touch} 0" for touch in (1000, 1100, 90000)], PAGES)
        self.assertEqual(cost["fault_page", OURS], (11, 890))

    def test_a_row_has_both_ratios(self):
        row = faultcost.rows(faultcost.costs(lines(), PAGES))[0]
        self.assertAlmostEqual(row.ratio, 1012 / 1010)
        self.assertAlmostEqual(row.ratio_of_twins, 1010 / 1000)
        self.assertAlmostEqual(row.above_bare, 12)

    def test_what_is_inserted_several_at_a_time_is_held_to_its_goal_by_the_fault(self):
        around = next(row for row in faultcost.rows(faultcost.costs(lines(), PAGES)) if row.way.name == "fault_insert_pages")
        self.assertAlmostEqual(around.above_bare, 12 * AROUND)

    def test_every_goal_is_one_that_can_be_missed(self):
        """A cost just at the goal passes, and one instruction more does not."""
        for way in WAYS:
            goal = way.most_above_bare / way.pages_a_fault
            for more, expected in ((0, 0), (1 / way.pages_a_fault, 1)):
                bare = 1000 * PAGES
                ours = round((1000 + goal + more) * PAGES)
                text = [line for line in lines() if not line.startswith(f"{way.name} ")]
                for driver, total in ((BARE, bare), (EQUAL, ours), (OURS, ours)):
                    text.append(f"{way.name} {driver} {total} {total} 0")
                found = [each for each in missed(text) if each.startswith(f"{way.title}:")]
                self.assertEqual(len(found), expected, (way.name, more, found))

    def test_a_ratio_to_the_equal_twin_that_is_too_much_is_named(self):
        self.assertEqual([each for each in missed(lines()) if "ours / equal" in each], [])
        found = [each for each in missed(lines(fault_page=5)) if "ours / equal" in each]
        self.assertEqual(len(found), 1)
        self.assertIn("fault that returns a page: ours / equal is 1.007, more than 1.005", found[0])

    def test_the_table_has_a_line_for_each_way_and_the_memfd(self):
        text = faultcost.table(faultcost.costs([*lines(), "memfd memfd 5 225050 50"], PAGES))
        self.assertEqual(len(text.splitlines()), 2 + len(WAYS) + 1)
        self.assertIn("| memfd, write faults, for comparison | 2250.0 |", text)
        self.assertIn("| fault, vmf_insert_pfn | 1012.0 | 1000.0 | 1010.0 | 1.0020 | 1.010 | 12 a page | 37 |", text)

    def test_what_is_missing_or_is_no_measurement_is_said(self):
        with self.assertRaisesRegex(Failure, "measured no insert_pages of all three"):
            faultcost.rows(faultcost.costs([line for line in lines() if not line.startswith(f"insert_pages {BARE}")], PAGES))
        with self.assertRaisesRegex(Failure, "no line of a measurement"):
            faultcost.costs(["fault-cost: mmap of x: failed"], PAGES)


class Usage(unittest.TestCase):
    def test_what_cannot_be_counted_is_refused_with_one_sentence(self):
        for words in (("--pages", "0"), ("--pages", "1025"), ("--repetitions", "x")):
            done = script("measure-faults", *words)
            self.assertEqual(done.returncode, USAGE, words)
            self.assertIn("give a number from 1", done.stderr)
        cells = Cells()
        other = next(name for name in cells.names() if cells.get(name).arch != "x86_64")
        done = script("measure-faults", other)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (USAGE, 1), done.stderr)

    def test_the_numbers_that_the_twins_and_the_core_have_are_ours(self):
        twin = (CHECKOUT / "kmod/twin/twin.h").read_text()
        self.assertEqual(int(re.search(r"#define TWIN_AROUND (\d+)UL", twin)[1]), AROUND)
        core = (CHECKOUT / "kmod/core/fault.hpp").read_text()
        self.assertEqual(int(re.search(r"kMost = (\d+);", core)[1]), AROUND)
        pages = re.search(r"^MOST_PAGES = (\d+)", (CHECKOUT / "scripts/measure-faults").read_text(), re.M)[1]
        self.assertEqual(re.search(r"#define TWIN_PAGES (\d+)UL", twin)[1], pages)


class InAGuest(unittest.TestCase):
    def test_few_pages_are_counted_in_one_run(self):
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder, "raw")
            done = subprocess.run([CHECKOUT / "scripts/measure-faults", "--pages", "32", "-n", "3", "--no-goals", "--raw", raw],
                                  capture_output=True, text=True, timeout=580, check=False)
            self.assertEqual(done.returncode, PASSED, done.stderr)
            self.assertEqual(done.stdout.count("\n| "), 2 + len(WAYS) + 1, done.stdout)
            measured = faultcost.costs(raw.read_text().splitlines(), 32)
            # Counted, and not made up: a fault is hundreds of instructions, and the gate costs some.
            for row in faultcost.rows(measured):
                self.assertGreater(row.bare, 100, row)
                self.assertGreater(row.equal, row.bare, row)


if __name__ == "__main__":
    unittest.main()
