#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Outcomes count as what they are, and what ran nothing counts as failed."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from tally import Tally, of_cell, of_doctest, of_ktap, of_status, skipped_whole  # noqa: E402


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

    def test_a_bad_status_is_never_good(self):
        text = "[doctest] test cases: 1 | 1 passed | 0 failed |\n"
        self.assertEqual(of_doctest(1, text), Tally(1, 1, 0))

    def test_nothing_is_a_failure(self):
        for count in (of_doctest, of_ktap):
            self.assertEqual(count(0, ""), Tally(failed=1))


class SkippedWhole(unittest.TestCase):
    """What ran nothing is told of, also where it is a part of a step that ran something."""

    def test_a_step_says_why_in_its_last_line(self):
        self.assertEqual(skipped_whole(Tally(skipped=1), "first\nrun-cell: only root can\n"), ["run-cell: only root can"])
        self.assertEqual(skipped_whole(Tally(skipped=1), ""), ["no reason given"])

    def test_a_class_of_tests_is_named(self):
        text = "ran\n# Skipped whole: Page: there is no chromium\n# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:2 error:0\n"
        self.assertEqual(skipped_whole(of_ktap(0, text), text), ["Page: there is no chromium"])

    def test_a_program_among_others_is_found(self):
        text = ("[doctest] test cases:  9 |  9 passed | 0 failed | 0 skipped\n"
                "[doctest] test cases:  0 |  0 passed | 0 failed | 7 skipped\n")
        self.assertEqual(skipped_whole(of_doctest(0, text), text), ["program 2 of 2 ran no test"])

    def test_what_ran_something_is_not(self):
        text = "# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:30 error:0\n"
        self.assertEqual(skipped_whole(of_ktap(0, text), text), [])
        self.assertEqual(skipped_whole(Tally(passed=1), "fine"), [])


class Unittests(unittest.TestCase):
    """A file of tests as scripts/check runs it."""

    SAMPLE = """
import unittest

class Half(unittest.TestCase):
    def test_good(self):
        pass
    def test_bad(self):
        self.fail("on purpose")
    @unittest.skip("for once")
    def test_left_out(self):
        pass
    def test_parts(self):
        for part in range(2):
            with self.subTest(part=part):
                pass

class Late(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no browser")
    def test_a(self):
        pass
    def test_b(self):
        pass

@unittest.skipUnless(False, "no compiler")
class Decorated(unittest.TestCase):
    def test_a(self):
        pass
"""

    def run_sample(self, source):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "sample_test.py")
            path.write_text(source)
            runner = Path(__file__).resolve().parents[1] / "lib" / "unittests.py"
            done = subprocess.run([sys.executable, runner, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return of_ktap(done.returncode, done.stdout), done.stdout

    def test_each_outcome_is_counted_once(self):
        tally, text = self.run_sample(self.SAMPLE)
        self.assertEqual((tally.passed, tally.failed), (2, 1), text)
        self.assertGreaterEqual(tally.skipped, 3)
        self.assertIn("on purpose", text)

    def test_classes_of_which_nothing_ran_are_named_with_the_reason(self):
        tally, text = self.run_sample(self.SAMPLE.replace("self.fail", "print"))
        self.assertEqual(tally.failed, 0, text)
        self.assertEqual(sorted(skipped_whole(tally, text)), ["Decorated: no compiler", "Late: no browser"])

    def test_a_file_that_cannot_be_read_fails(self):
        self.assertEqual(self.run_sample("import no_such_module\n")[0], Tally(failed=1))

    def test_a_file_without_tests_fails(self):
        self.assertEqual(self.run_sample("")[0], Tally(failed=1))


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
