#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/repeat-cell over a stand-in for run-cell that answers what each run is told to."""

import json
import tempfile
import unittest
from pathlib import Path

from testing import script
from cells import Cells
from common import FAILED, PASSED

STAND_IN = """#!/bin/sh
number=$(basename "$3" .json)
cp "$(dirname "$0")/$number" "$3"
"""


class Repeat(unittest.TestCase):
    def repeated(self, *runs):
        """The script's outcome over runs given as (verdict, {rule: status})."""
        with tempfile.TemporaryDirectory() as place:
            for number, (verdict, rules) in enumerate(runs, 1):
                listed = [{"id": name, "status": status} for name, status in rules.items()]
                Path(place, str(number)).write_text(json.dumps({"verdict": verdict, "reason": "", "rules": listed}))
            stand_in = Path(place, "run-cell")
            stand_in.write_text(STAND_IN)
            stand_in.chmod(0o755)
            return script("repeat-cell", Cells().default, "-n", str(len(runs)), "--run-cell", str(stand_in))

    def test_the_same_each_time(self):
        done = self.repeated(*[("pass", {"a": "pass", "b": "skip"})] * 3)
        self.assertEqual(done.returncode, PASSED, done.stderr)
        self.assertIn("3 runs, 3 of them pass; 0 rules differ", done.stdout)

    def test_a_rule_with_two_verdicts_is_named(self):
        done = self.repeated(("pass", {"a": "pass", "b": "pass"}), ("pass", {"a": "pass", "b": "skip"}))
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("b: pass in 1, skip in 1", done.stdout)

    def test_a_rule_that_is_missing_once_is_named(self):
        done = self.repeated(("pass", {"a": "pass", "b": "pass"}), ("pass", {"a": "pass"}))
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("b: pass in 1, absent in 1", done.stdout)

    def test_failing_each_time_is_no_success(self):
        done = self.repeated(*[("fail", {"a": "fail"})] * 2)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("0 of them pass", done.stdout)


if __name__ == "__main__":
    unittest.main()
