#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel was found to lack, against what its cell declares."""

import unittest

import testing  # noqa: F401
import probes
from cells import Cells
from records import replace

CELL = replace(Cells().get(Cells().default), missing=("old_call",))


class Probes(unittest.TestCase):
    def test_what_is_declared_holds(self):
        record = probes.rule(CELL, {"old_call": False, "new_call": True})
        self.assertEqual((record["status"], record["reason"]), ("pass", ""))

    def test_a_probe_that_finds_nothing_any_more_fails_and_is_named(self):
        record = probes.rule(CELL, {"old_call": False, "new_call": False})
        self.assertEqual(record["status"], "fail")
        self.assertIn("missing, not declared: new_call", record["reason"])
        self.assertIn(CELL.name, record["reason"])

    def test_what_is_there_though_declared_missing_fails(self):
        record = probes.rule(CELL, {"old_call": True})
        self.assertEqual(record["status"], "fail")
        self.assertIn("declared missing, there: old_call", record["reason"])

    def test_without_features_nothing_is_judged(self):
        record = probes.rule(CELL, {})
        self.assertEqual(record["status"], "skip")
        self.assertTrue(record["reason"])


if __name__ == "__main__":
    unittest.main()
