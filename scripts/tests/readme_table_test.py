#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of kernels in README says what the results say, and a check finds every way in which it does not."""

import json
import tempfile
import unittest
from pathlib import Path

from testing import script
from common import FAILED, NOTHING_RAN, PASSED, USAGE, Failure
from cells import Cells
from readmetable import BEGIN, END, differences, rows_in, rows_of, updated

EMPTY = f"# Title\n\nBefore.\n\n{BEGIN}\n{END}\n\nAfter.\n"
KNOWN = Cells()
CELL = KNOWN.default


def result(statuses=("pass", "pass", "expected_fail", "skip"), **changed):
    kernel = {"cell": CELL, "release": "6.1.0-56-cloud-amd64", "arch": "x86_64", "flavour": "cloud"}
    kernel |= {key: changed.pop(key) for key in list(changed) if key in kernel}
    return {"kernel": kernel, "verdict": "pass", "build": {"verdict": "pass", "compiler": "gcc-12"},
            "rules": [{"status": status} for status in statuses]} | changed


class Table(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def ran(self, *results):
        for number, each in enumerate(results):
            (self.folder / f"{number}.json").write_text(json.dumps(each))
        return rows_of(self.folder, KNOWN)

    def test_a_row_tells_of_its_cell(self):
        text = updated(EMPTY, self.ran(result()), KNOWN)
        self.assertIn(f"\n| 6.1 | {CELL} | x86_64 | cloud | gcc-12 | 2 | 1 | 1 | pass |\n", text)
        self.assertTrue(text.startswith("# Title\n\nBefore.\n"))
        self.assertTrue(text.endswith("\n\nAfter.\n"))

    def test_an_update_is_found_right_and_changes_nothing_more(self):
        ran = self.ran(result())
        text = updated(EMPTY, ran, KNOWN)
        self.assertEqual(differences(text, ran, KNOWN), [])
        self.assertEqual(updated(text, ran, KNOWN), text)

    def test_what_a_kernel_is_and_does_is_compared_but_not_its_release(self):
        text = updated(EMPTY, self.ran(result()), KNOWN)
        self.assertEqual(differences(text, self.ran(result(release="6.1.0-99-cloud-amd64")), KNOWN), [])
        for changed in ({"release": "6.2.0"}, {"arch": "arm64"}, {"flavour": "rt"}, {"build": {"compiler": "gcc-14"}},
                        {"verdict": "fail"}):
            self.assertEqual(len(differences(text, self.ran(result(**changed)), KNOWN)), 1, changed)

    def test_readme_may_not_say_that_more_rules_hold_than_do(self):
        text = updated(EMPTY, self.ran(result()), KNOWN)
        for holding, wrong in ((1, 1), (2, 0), (3, 0)):
            self.assertEqual(len(differences(text, self.ran(result(["pass"] * holding)), KNOWN)), wrong, holding)

    def test_a_cell_that_readme_lacks_is_missed(self):
        self.assertEqual(len(differences(EMPTY, self.ran(result()), KNOWN)), 1)

    def test_rows_of_cells_that_did_not_run_stay_and_are_not_compared(self):
        other = next(name for name in KNOWN.names() if name != CELL)
        text = updated(EMPTY, self.ran(result(cell=other)), KNOWN)
        ran = {CELL: self.ran(result())[CELL]}
        both = updated(text, ran, KNOWN)
        self.assertEqual(set(rows_in(both)), {CELL, other})
        self.assertEqual(differences(both, ran, KNOWN), [])

    def test_a_cell_that_is_gone_is_dropped_and_until_then_wrong(self):
        text = updated(EMPTY, self.ran(result()), KNOWN).replace(CELL, "no-such-cell")
        self.assertEqual(len(differences(text, {}, KNOWN)), 1)
        self.assertEqual(rows_in(updated(text, {}, KNOWN)), {})
        self.assertEqual(self.ran(result(cell="no-such-cell")), {})

    def test_a_kernel_that_could_not_be_had_says_nothing(self):
        self.assertEqual(self.ran(result(verdict="broken", release=None, statuses=())), {})

    def test_the_compiler_of_older_results_is_the_cell_s(self):
        self.assertEqual(self.ran(result(build=None))[CELL].compiler, KNOWN.get(CELL).compiler)

    def test_what_is_no_result_and_no_readme_is_refused(self):
        for content in ("[", "[]", '{"kernel": {}}'):
            (self.folder / "0.json").write_text(content)
            with self.assertRaises(Failure):
                rows_of(self.folder, KNOWN)
        with self.assertRaises(Failure):
            rows_in("# Title\n")

    def test_the_command(self):
        readme = self.folder / "README.md"
        readme.write_text(EMPTY)
        results = self.folder / "results"
        results.mkdir()

        def run(*more):
            return script("readme-table", "--readme", str(readme), "--results", str(results), *more)

        self.assertEqual(run("--check").returncode, NOTHING_RAN)
        (results / "one.json").write_text(json.dumps(result()))
        missing = run("--check")
        self.assertEqual(missing.returncode, FAILED)
        self.assertIn(CELL, missing.stderr)
        self.assertEqual(readme.read_text(), EMPTY)
        self.assertEqual(run().returncode, PASSED)
        self.assertEqual(run("--check").returncode, PASSED)
        (results / "one.json").write_text("[")
        self.assertEqual(run("--check").returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
