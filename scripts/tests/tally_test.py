#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Outcomes count as what they are, and what ran nothing counts as failed."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from tally import Tally, of_cell, of_doctest, of_ktap, of_status, of_unittest  # noqa: E402


class Programs(unittest.TestCase):
    def test_a_command_is_one_test(self):
        self.assertEqual(of_status(0, ""), Tally(passed=1))
        self.assertEqual(of_status(3, ""), Tally(failed=1))
        self.assertEqual(of_status(77, ""), Tally(skipped=1))

    def test_doctest_programs_add_up(self):
        text = "[doctest] test cases:  9 |  8 passed | 1 failed | 2 skipped\n[doctest] test cases: 1 | 1 passed | 0 failed |\n"
        self.assertEqual(of_doctest(1, text), Tally(9, 1, 2))

    def test_ktap_totals(self):
        text = "# Totals: pass:5 fail:1 xfail:2 xpass:0 skip:3 error:0\n"
        self.assertEqual(of_ktap(1, text), Tally(7, 1, 3))

    def test_unittest_counts_errors_as_failures(self):
        text = "Ran 7 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=2)\n"
        self.assertEqual(of_unittest(1, text), Tally(3, 2, 2))
        self.assertEqual(of_unittest(0, "Ran 2 tests in 0.1s\n\nOK\n"), Tally(passed=2))

    def test_a_bad_status_is_never_good(self):
        text = "[doctest] test cases: 1 | 1 passed | 0 failed |\n"
        self.assertEqual(of_doctest(1, text), Tally(1, 1, 0))

    def test_nothing_is_a_failure(self):
        for count in (of_doctest, of_ktap, of_unittest):
            self.assertEqual(count(0, ""), Tally(failed=1))


class Cells(unittest.TestCase):
    def count(self, verdict, statuses, status=0):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "cell.json")
            path.write_text(json.dumps({"verdict": verdict, "rules": [{"status": each} for each in statuses]}))
            return of_cell(path)(status, "")

    def test_rules_count_by_their_status(self):
        self.assertEqual(self.count("pass", ["pass", "expected_fail", "skip"]), Tally(2, 0, 1))

    def test_a_verdict_other_than_pass_is_a_failure(self):
        for verdict in ("fail", "panic", "timeout", "broken"):
            self.assertEqual(self.count(verdict, ["pass"]).failed, 1)

    def test_no_result_is_a_failure(self):
        self.assertEqual(of_cell(Path("no such file"))(0, ""), Tally(failed=1))


if __name__ == "__main__":
    unittest.main()
