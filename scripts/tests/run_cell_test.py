#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/run-cell says of a cell that does not come so far that a guest boots."""

import json
import tempfile
import unittest
from pathlib import Path

from testing import script
from cells import Cells
from common import NOTHING_RAN, PASSED, USAGE

NO_NETWORK = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def result_of(cell, *arguments, **environment):
    """The script's outcome and what it wrote, None if nothing."""
    with tempfile.TemporaryDirectory() as place:
        output = Path(place, "result.json")
        if environment:
            environment["PTELAB_CACHE"] = place
        done = script("run-cell", cell, *arguments, "-o", str(output), **environment)
        return done, json.loads(output.read_text()) if output.exists() else None


class RunCell(unittest.TestCase):
    def test_a_suite_out_of_reach_makes_a_broken_cell_with_the_reason(self):
        cells = Cells()
        foreign = next(name for name in cells.named(["packaged"]) if cells.get(name).archives)
        done, result = result_of(foreign, "--until", "kernel", **NO_NETWORK)
        self.assertEqual(done.returncode, NOTHING_RAN, done.stderr)
        self.assertEqual((result["verdict"], result["build"]["verdict"], result["rules"]), ("broken", "skip", []))
        self.assertIn("apt-get update", result["reason"])
        self.assertIn(result["reason"], done.stderr)

    def test_what_was_made_leaves_no_result(self):
        done, result = result_of(Cells().default, "--until", "module")
        self.assertEqual((done.returncode, result), (PASSED, None), done.stderr)

    def test_an_unknown_cell_is_a_usage_error(self):
        done, result = result_of("no-such-cell")
        self.assertEqual((done.returncode, result), (USAGE, None))


if __name__ == "__main__":
    unittest.main()
