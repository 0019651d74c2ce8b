#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/run-cell says of a cell that does not come so far that a guest boots."""

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from testing import script, stand_in
import guest
import host
import progress
from cells import Cells
from common import NOTHING_RAN, PASSED, USAGE

# Knows its sources, and gets from none of them.
APT_GET = """#!/bin/sh
case " $* " in
*" update "*) echo "{said}" >&2; exit 100 ;;
esac
exec {apt_get} "$@"
"""


def run_cell(place, cell, *arguments, **environment):
    """The script's outcome and what it left as the result, None if nothing."""
    output = Path(place, "result.json")
    done = script("run-cell", cell, *arguments, "-o", str(output), **environment)
    return done, json.loads(output.read_text()) if output.exists() else None


class HowFar(unittest.TestCase):
    def test_a_check_is_told_in_which_rule_the_guest_is(self):
        with tempfile.TemporaryDirectory() as place, mock.patch.dict("os.environ", {progress.FILE: f"{place}/told"}):
            reading, writing = os.pipe()
            self.addCleanup(os.close, reading)
            self.addCleanup(os.close, writing)
            told = []
            for sent, expected in (
                ('{"ready": true}', "starting"), ('{"up": true}', "running"), ('{"planned": 3}', "rule 0 of 3"),
                ('{"id": "a", "status": "fail"}', "rule 1 of 3"), ('{"id": "a", "status": "pass"}', "rule 1 of 3"),
                ('{"id": "b"}', "rule 2 of 3"),
            ):
                # Each told at once: a progress waits half a second between two.
                results = results if told else guest._Results(reading, "token", None)
                results._progress = progress.Progress("guest x", elsewhere=None)
                os.write(writing, f"{sent}\n".encode())
                self.assertFalse(results.take())
                told.append(Path(place, "told").read_text())
                self.assertEqual(told[-1], f"guest x: 0:00 {expected}")


class RunCell(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name

    def without(self, cell, said):
        """The result's reason when apt-get update says that."""
        stand_in(self.place, "apt-get", APT_GET.format(apt_get=shutil.which("apt-get"), said=said))
        path = f"{self.place}:{os.environ['PATH']}"
        done, result = run_cell(self.place, cell, "--until", "kernel", PATH=path, PTELAB_CACHE=self.place)
        self.assertEqual(done.returncode, NOTHING_RAN, done.stderr)
        self.assertEqual((result["verdict"], result["build"]["verdict"], result["rules"]), ("broken", "skip", []))
        self.assertIn(result["reason"], done.stderr.splitlines()[-1])
        return result["reason"]

    def test_a_suite_out_of_reach_makes_a_broken_cell_with_the_reason(self):
        cells = Cells()
        foreign = next(name for name in cells.named(["built"]) if cells.get(name).archives[0] != host.suite())
        self.assertEqual(self.without(foreign, "E: no mirror answers"), "apt-get update: E: no mirror answers")

    def test_a_suite_that_has_left_the_mirror_does_so_with_what_that_means(self):
        if os.geteuid() != 0:
            self.skipTest("only root makes the root that this comes to")
        cell = next(name for name in Cells().checked() if "bullseye" in Cells().get(name).archives)
        reason = self.without(cell, "E: The repository 'm:/debian bullseye Release' does not have a Release file.")
        self.assertRegex(reason, "^bullseye has left the mirror m:/debian: .* skipped")

    def test_what_was_made_leaves_the_result_alone(self):
        for before in (None, ["of an earlier run"]):
            if before:
                Path(self.place, "result.json").write_text(json.dumps(before))
            done, result = run_cell(self.place, Cells().default, "--until", "module")
            self.assertEqual((done.returncode, result), (PASSED, before), done.stderr)

    def test_an_unknown_cell_is_a_usage_error(self):
        done, result = run_cell(self.place, "no-such-cell")
        self.assertEqual((done.returncode, result), (USAGE, None))


if __name__ == "__main__":
    unittest.main()
