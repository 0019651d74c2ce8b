#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What counts of the time that `make check` took, and when it was too much."""

import os
import subprocess
import sys
import time
import unittest

import testing  # noqa: F401
from budget import HOSTED, KERNELS, RULES, TOTAL, WAITING, Account, Occupied, Others, shares


class Shares(unittest.TestCase):
    def test_two_at_a_time_take_half_of_the_time_each(self):
        taken = shares([Occupied(RULES, 0, 10), Occupied(HOSTED, 0, 10)], 2)
        self.assertEqual(taken, {RULES: 5, HOSTED: 5, WAITING: 0})

    def test_an_empty_place_is_waiting_so_that_all_is_the_time_from_start_to_end(self):
        taken = shares([Occupied(RULES, 0, 10), Occupied(HOSTED, 10, 14), Occupied(HOSTED, 10, 12)], 2)
        self.assertEqual(taken, {RULES: 5, HOSTED: 3, WAITING: 6})
        self.assertEqual(sum(taken.values()), 14)

    def test_a_step_in_two_places_takes_both(self):
        self.assertEqual(shares([Occupied(RULES, 0, 10, places=2)], 2), {RULES: 10, WAITING: 0})

    def test_making_a_kernel_and_waiting_for_it_are_not_counted(self):
        taken = shares([Occupied(KERNELS, 0, 1000), Occupied(HOSTED, 0, 10), Occupied(RULES, 1000, 1004)], 2)
        self.assertEqual(taken, {HOSTED: 5, RULES: 2, WAITING: 2})

    def test_nothing_ran(self):
        self.assertEqual(shares([], 2), {WAITING: 0})


class Overrun(unittest.TestCase):
    def test_within_the_budget_is_fine(self):
        self.assertIsNone(Account({RULES: TOTAL}, 0, 2).overrun())

    def test_over_it_is_told_with_the_group_and_what_lifts_it(self):
        said = Account({RULES: TOTAL - 60, HOSTED: 100}, 0, 2).overrun()
        self.assertIn("the check took 8:40", said)
        self.assertIn("its budget is 8:00", said)
        self.assertIn("rules, 7:00 of 4:00", said)
        self.assertIn("--no-budget", said)

    def test_what_other_programs_can_have_caused_is_no_overrun(self):
        self.assertIsNone(Account({RULES: TOTAL + 60}, 130, 2).overrun())
        self.assertIsNotNone(Account({RULES: TOTAL + 60}, 110, 2).overrun())

    def test_one_core_is_not_what_the_budget_is_for(self):
        self.assertIsNone(Account({RULES: 3 * TOTAL}, 0, 1).overrun())

    def test_a_share_over_its_part_is_marked_and_does_not_fail_alone(self):
        account = Account({HOSTED: 100}, 0, 2)
        self.assertIsNone(account.overrun())
        self.assertTrue(any("hosted" in line and line.endswith("1:40 of 1:30  over") for line in account.lines()))

    def test_what_others_took_is_printed(self):
        self.assertIn("other programs held it up by at most 0:10", "\n".join(Account({}, 20, 2).lines()))
        self.assertNotIn("other programs", "\n".join(Account({}, 1, 2).lines()))


class OtherPrograms(unittest.TestCase):
    def test_what_was_started_here_is_not_theirs(self):
        others = Others()
        start = time.monotonic()
        busy = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
        subprocess.run([sys.executable, "-c", busy], check=True)
        own = Others()._taken() - others._start
        elapsed = time.monotonic() - start
        # Whatever else runs here meanwhile: without our half second it fits into the machine.
        self.assertLessEqual(own, elapsed * os.cpu_count() - 0.4)


if __name__ == "__main__":
    unittest.main()
