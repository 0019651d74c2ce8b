#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/vm --kernel: an image that no cell names."""

import os
import struct
import tempfile
import unittest
from pathlib import Path

from testing import script
import ownkernel
from cells import Cells
from common import PASSED, USAGE, Failure
from kernels import ready

HEAD = bytearray(0x400)
HEAD[0x202:0x206] = b"HdrS"
struct.pack_into("<H", HEAD, 0x20E, 0x100)
HEAD[0x300:0x320] = b"6.99.1-mine (me@here) #1 SMP\0\0\0\0"


class OwnKernel(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.image = Path(place.name, "vmlinuz")

    def described(self, content):
        self.image.write_bytes(content)
        return ownkernel.described(self.image, Cells())

    def test_the_release_is_the_one_that_the_image_names(self):
        cell, kernel = self.described(HEAD)
        self.assertEqual(kernel["release"], "6.99.1-mine")
        self.assertEqual((cell.arch, cell.modules, kernel["modules"]), ("x86_64", (), []))
        self.assertTrue(os.path.isabs(kernel["vmlinuz"]))

    def test_what_is_no_image_is_a_usage_error(self):
        for content, word in ((b"\x7fELF" + bytes(1000), "no bzImage"), (b"", "no bzImage"), (HEAD[:0x300] + bytes(0x100), "which release")):
            with self.subTest(word), self.assertRaises(Failure) as caught:
                self.described(content)
            self.assertEqual(caught.exception.status, USAGE)
            self.assertIn(word, str(caught.exception))
        with self.assertRaises(Failure) as caught:
            ownkernel.described("/no/such/file", Cells())
        self.assertIn("No such file", str(caught.exception))

    def test_it_boots(self):
        cells = Cells()
        kernel = ready(cells.get(cells.default))
        done = script("vm", "--kernel", kernel["vmlinuz"], "--boot", "--no-kvm", "--no-module", "--", "uname", "-r")
        self.assertEqual((done.returncode, done.stdout.strip()), (PASSED, kernel["release"]), done.stderr)


if __name__ == "__main__":
    unittest.main()
