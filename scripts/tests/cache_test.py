#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/clean-cache: what it calls needed, and that nothing else goes."""

import fcntl
import json
import os
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from testing import script
import cache
import kernels
from cells import Cells
from common import NOTHING_RAN, PASSED, Failure


class Cache(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        self.cells = Cells()
        for patch in (
            mock.patch.dict("os.environ", PTELAB_CACHE=place.name),
            mock.patch.object(kernels, "_plan", self.plan),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        self.known = {}

    def plan(self, cell):
        if cell.name not in self.known:
            raise Failure("no mirror answers", NOTHING_RAN)
        return self.known[cell.name], None, {}

    def kernel(self, target, identity, complete=True):
        folder = self.place / "kernels" / f"{target}-{identity}"
        folder.mkdir(parents=True)
        (folder / "vmlinuz").write_bytes(b"x" * 10_000)
        if complete:
            (folder / "cell.json").write_text(json.dumps({"cell": target, "release": "6.1.0"}))
        return folder

    def machine(self, name, target, kernel, age):
        folder = self.place / "machines" / name
        folder.mkdir(parents=True)
        (folder / "memory").write_bytes(b"x" * 10_000)
        (folder / "machine.json").write_text(json.dumps({"cell": target, "vmlinuz": str(kernel / "vmlinuz")}))
        os.utime(folder / "machine.json", (time.time() - age, time.time() - age))
        return folder

    def verdicts(self):
        """{path: whether it is needed}, and the sentences on what is not known."""
        parts, unknown = cache.parts(self.cells)
        return {part.path: part.needed for part in parts}, unknown

    def test_a_kernel_of_an_older_identity_goes_with_its_machines(self):
        target = self.cells.default
        self.known[target] = "new"
        new, old = self.kernel(target, "new"), self.kernel(target, "old")
        machines = [self.machine("1", target, new, 10), self.machine("2", target, new, 20), self.machine("3", target, old, 5)]
        found, unknown = self.verdicts()
        self.assertEqual([found[each] for each in (new, old, *machines)], [True, False, True, False, False])
        self.assertEqual(unknown, [])

    def test_what_a_target_needs_that_nobody_knows_stays(self):
        target = self.cells.default
        kernel = self.kernel(target, "some")
        found, unknown = self.verdicts()
        self.assertTrue(found[kernel])
        self.assertEqual(len(unknown), 1)
        self.assertIn(f"what {target} needs is not known here", unknown[0])
        self.assertIn("no mirror answers", unknown[0])

    def test_a_target_that_is_no_more(self):
        self.assertFalse(self.verdicts()[0].get(self.kernel("no-such-target", "x"), False))
        found, _ = self.verdicts()
        self.assertFalse(found[self.place / "kernels" / "no-such-target-x"])

    def test_what_was_cut_short_goes_and_what_is_being_made_stays(self):
        target = self.cells.default
        self.known[target] = "new"
        kernel = self.kernel(target, "new", complete=False)
        self.assertFalse(self.verdicts()[0][kernel])
        with open(self.place / "kernels" / f"{target}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertTrue(self.verdicts()[0][kernel])

    def test_small_things_go_after_a_week(self):
        folder = self.place / "initramfs"
        folder.mkdir()
        for name, age in (("young", 1), ("old", 8)):
            (folder / name).write_bytes(b"x")
            os.utime(folder / name, (time.time() - age * 86400,) * 2)
        goes = [part for part in cache.parts(self.cells)[0] if not part.needed]
        for part in goes:
            cache.remove(part)
        self.assertEqual([path.name for path in folder.iterdir()], ["young"])

    def test_a_dry_run_removes_nothing_and_a_run_what_it_named(self):
        self.kernel("no-such-target", "x")
        for options, left in ((("-n",), 1), ((), 0)):
            done = script("clean-cache", *options)
            self.assertEqual(done.returncode, PASSED, done.stderr)
            self.assertIn("goes   kernels/no-such-target-x: no target is called no-such-target", done.stdout)
            self.assertEqual(len(list((self.place / "kernels").glob("*-x"))), left)


if __name__ == "__main__":
    unittest.main()
