#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/vm --self-test: the paragraph, over tests and kernels that are made up here."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import testing  # noqa: F401  (it makes scripts/lib importable)
import selftest
from cells import Cells
from common import FAILED, PASSED

START = "import unittest\nclass Some(unittest.TestCase):\n"
PASS = START + "    def test_one(self): pass\n"
FAIL = START + "    def test_one(self): pass\n    def test_two(self): self.fail('no')\n"
SKIP = START + "    @unittest.skip('no such thing here')\n    def test_one(self): pass\n"
KERNEL = {"release": "6.99.1-x"}


class SelfTest(unittest.TestCase):
    def run_it(self, tests, kernel=KERNEL, reason=""):
        """The exit status and the paragraph."""
        with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
            for name, content in tests.items():
                Path(place, f"{name}_test.py").write_text(content)
            for name, value in (("TESTS", Path(place)), ("LOGS", Path(place, "logs"))):
                stack.enter_context(mock.patch.object(selftest, name, value))
            stack.enter_context(mock.patch("selftest._made", return_value=(kernel, reason)))
            stack.enter_context(mock.patch("guest.no_kvm_because", return_value="there is no /dev/kvm"))
            output = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            return selftest.self_test(), output.getvalue()

    def test_it_names_the_machine_and_counts(self):
        status, text = self.run_it({"good": PASS, "left": SKIP})
        self.assertEqual(status, PASSED)
        flat = " ".join(text.split())
        self.assertIn("1 passed, 0 failed, 1 skipped in ", flat)
        self.assertIn("left_test: 1 skipped (Some: no such thing here).", flat)
        for word in ("Linux ", "QEMU ", "KVM: no, there is no /dev/kvm", "gcc", f"guests ran 6.99.1-x ({Cells().default})"):
            self.assertIn(word, flat)
        self.assertNotIn("\n\n", text.rstrip("\n"))

    def test_what_failed_is_named_and_is_the_status(self):
        status, text = self.run_it({"bad": FAIL})
        self.assertEqual(status, FAILED)
        self.assertIn("bad_test: FAILED test_two", " ".join(text.split()))

    def test_without_a_kernel_what_starts_guests_is_not_run_and_says_why(self):
        guests = PASS.replace("pass\n", "run('vm')\n").replace("'", '"')
        status, text = self.run_it({"good": PASS, "guests": guests}, None, "no mirror answers")
        flat = " ".join(text.split())
        self.assertEqual(status, PASSED, text)
        self.assertIn("no mirror answers", flat)
        self.assertIn("guests_test: not run, as it starts guests", flat)
        self.assertIn("KVM: no, there is no /dev/kvm", flat)

    def test_nothing_ran_is_no_pass(self):
        self.assertEqual(self.run_it({})[0], FAILED)

    def test_a_canary_that_boots_is_a_yes_and_one_that_does_not_a_no(self):
        cell = Cells().get(Cells().default)
        for works, said in ((True, "KVM: yes, it booted 6.99.1-x"), (False, "KVM: no, it did not boot 6.99.1-x")):
            with mock.patch("guest.no_kvm_because", return_value=""), mock.patch("guest.kvm_works", return_value=works):
                self.assertEqual(selftest._kvm(cell, KERNEL), said)

    def test_the_project_s_tests_that_start_guests_are_known(self):
        known = {path.stem for path in selftest.TESTS.glob("*_test.py") if selftest._starts_guests(path)}
        self.assertLessEqual({"vm_test", "run_cell_test", "saved_test", "no_packages_test", "own_kernel_test"}, known)
        self.assertFalse({"setup_test", "tally_test", "cells_test"} & known)


if __name__ == "__main__":
    unittest.main()
