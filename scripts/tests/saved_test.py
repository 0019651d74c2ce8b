#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Saved machines: what a run from one has of its own, when there is none to be had, and how many are kept."""

import hashlib
import os
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from testing import script
import saved
from cells import Cells
from common import PASSED, cache_folder

CELL = Cells().default
PLAIN = ("--cell", CELL, "--no-kvm", "--no-module")
TELL = "cat /proc/sys/kernel/random/uuid; cat /proc/sys/kernel/random/boot_id; date +%s; ls /left 2>&1; touch /left"


def of_the_real(cache):
    """A cache with nothing in it but the kernels."""
    (cache / "kernels").symlink_to(cache_folder() / "kernels")
    return {"PTELAB_CACHE": str(cache)}


class Saved(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.addClassCleanup(place.cleanup)
        cls.place = Path(place.name)
        cls.environment = of_the_real(cls.place)
        cls.log = cls.place / "kernel.log"
        cls.first = script("vm", *PLAIN, "--log", cls.log, "--", TELL, **cls.environment)
        [cls.machine] = (cls.place / "machines").glob("*/")
        before = cls.hash_of_state()
        with ThreadPoolExecutor(max_workers=2) as pool:
            cls.later = list(pool.map(lambda _: script("vm", *PLAIN, "--", TELL, **cls.environment), range(2)))
        cls.unchanged = before == cls.hash_of_state()

    @classmethod
    def hash_of_state(cls):
        return hashlib.sha256((cls.machine / "state").read_bytes()).hexdigest()

    def test_the_first_run_makes_the_machine_and_says_that_it_starts_from_it(self):
        self.assertEqual(self.first.returncode, PASSED, self.first.stderr)
        self.assertIn(f"({CELL}, tcg, saved)", self.first.stderr)

    def test_its_kernel_log_begins_with_the_boot_and_ends_with_the_run(self):
        text = self.log.read_text()
        self.assertIn("Linux version", text)
        self.assertRegex(text, r"ptelab: results complete [0-9a-f]+\s*$")

    def test_runs_at_once_have_each_a_root_of_their_own_and_leave_the_machine_as_it_is(self):
        for done in (self.first, *self.later):
            self.assertIn("No such file", done.stdout, done.stderr)
        self.assertTrue(self.unchanged)

    def test_what_is_random_differs(self):
        told = [done.stdout.splitlines() for done in (self.first, *self.later)]
        for what in range(2):
            self.assertEqual(len({lines[what] for lines in told}), 3, told)

    def test_the_clock_is_the_hosts(self):
        told = int(script("vm", *PLAIN, "--", "date +%s", **self.environment).stdout)
        self.assertLess(abs(told - time.time()), 30)

    def test_another_machine_is_not_taken_for_it(self):
        for options in (("--no-ivshmem",), ("--memory", "400"), ("--cpus", "1"), ("--append", "x")):
            done = script("vm", *PLAIN, *options, "-v", "--dry-run", "--", "true", **self.environment)
            self.assertEqual(done.returncode, PASSED, done.stderr)
        self.assertEqual([each for each, _ in self.kept()], [self.machine])

    def kept(self):
        with mock.patch.dict("os.environ", self.environment):
            return saved.all_saved()

    def test_a_machine_takes_less_than_250_mb(self):
        [(_, size)] = self.kept()
        self.assertLess(size, 250e6)


class Boots(unittest.TestCase):
    def test_what_makes_another_machine_boots_and_says_so(self):
        done = script("vm", *PLAIN, "--memory", "400", "--append", "one", "--", "true")
        self.assertEqual(done.returncode, PASSED, done.stderr)
        self.assertIn("tcg, boot: --memory, --append)", done.stderr)


class Damaged(unittest.TestCase):
    def test_a_machine_that_does_not_start_is_forgotten_and_the_run_boots(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            environment = of_the_real(Path(place))
            self.assertEqual(script("vm", *PLAIN, "--", "true", **environment).returncode, PASSED)
            [machine] = Path(place, "machines").glob("*/")
            os.truncate(machine / "state", 1000)
            done = script("vm", *PLAIN, "--", "echo ran", **environment)
            self.assertEqual((done.returncode, done.stdout), (PASSED, "ran\n"), done.stderr)
            self.assertIn("booting, as the saved machine did not start: ", done.stderr)
            self.assertIn("tcg, boot)", done.stderr)
            self.assertFalse(machine.exists())
            again = script("vm", *PLAIN, "--", "true", **environment)
            self.assertIn("tcg, saved)", again.stderr)


class Never(unittest.TestCase):
    def test_a_kernel_that_cannot_receive_is_not_taken_for_its_neighbour(self):
        """Both names have a dot, and are the same up to it."""
        with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, PTELAB_CACHE=place):
            saved.folder().mkdir(parents=True)
            for cell in (Cells().get("debug-6.1"), Cells().get("debug-6.12")):
                told = f"the kernel of {cell.name} has no ioperm"
                with mock.patch("saved._identity", return_value="0"), mock.patch("saved._make", side_effect=saved.CannotReceive(told)) as make:
                    for _ in range(2):
                        with self.assertRaisesRegex(saved.CannotReceive, told):
                            saved.ready(cell, None, None, None)
                    self.assertEqual(make.call_count, 1)


class Kept(unittest.TestCase):
    def test_the_least_recently_used_go_first(self):
        with tempfile.TemporaryDirectory() as place, mock.patch.dict("os.environ", PTELAB_CACHE=place):
            machines = [saved.folder() / name for name in ("oldest", "old", "new")]
            for age, machine in zip((30, 20, 10), machines):
                machine.mkdir(parents=True)
                (machine / "state").write_bytes(b"x" * 100_000)
                (machine / "machine.json").write_text("{}")
                os.utime(machine / "machine.json", (time.time() - age, time.time() - age))
            self.assertEqual([each for each, _ in saved.all_saved()], machines)
            with mock.patch.object(saved, "BYTES_KEPT", 250_000):
                saved._forget_old(machines[2])
            self.assertEqual([each for each, _ in saved.all_saved()], machines[1:])
            # The one in use stays, however little may be kept.
            with mock.patch.object(saved, "BYTES_KEPT", 1):
                saved._forget_old(machines[2])
            self.assertEqual([each for each, _ in saved.all_saved()], machines[2:])

    def test_the_rest_of_one_that_failed_is_no_machine(self):
        with tempfile.TemporaryDirectory() as place, mock.patch.dict("os.environ", PTELAB_CACHE=place):
            (saved.folder() / "half").mkdir(parents=True)
            self.assertEqual(saved.all_saved(), [])


if __name__ == "__main__":
    unittest.main()
