#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking the pages that are zero out of a machine's state."""

import struct
import tempfile
import unittest
from pathlib import Path

import testing  # noqa: F401
import migration

ZERO, PAGE, END, SAME = 2, 8, 16, 32
FULL = bytes(range(256)) * 16
DEVICE = b"\x04a device that says \x03ram and is none"


def number(value):
    return struct.pack(">Q", value)


def named(block):
    return bytes([len(block)]) + block


def section(kind, body):
    ident = struct.pack(">I", 2)
    return bytes([kind]) + ident + body + number(END) + b"\x7e" + ident


def state(*parts):
    sizes = named(b"rom") + number(0x2000) + named(b"pc.ram") + number(0x8000)
    begin = b"\x01" + struct.pack(">I", 2) + b"\x03ram" + struct.pack(">II", 0, 4) + number(0xA000 | 4) + sizes
    return b"QEVM, version and machine" + begin + number(END) + b"\x7e" + struct.pack(">I", 2) + b"".join(parts) + DEVICE


def without(content, fills=False):
    with tempfile.TemporaryDirectory() as place:
        whole, kept = Path(place, "whole"), Path(place, "kept")
        whole.write_bytes(content)
        migration.without_zero_pages(whole, kept, fills)
        return kept.read_bytes()


class Running(unittest.TestCase):
    def state(self, word):
        return b"memory and paused" + b"\x0bglobalstate" + struct.pack(">III", 0, 1, len(word) + 1) + word.ljust(30, b"\0") + b"\x01 of a later QEMU" + DEVICE

    def let_run(self, content):
        with tempfile.TemporaryDirectory() as place:
            state = Path(place, "state")
            state.write_bytes(content)
            migration.let_run(state)
            return state.read_bytes()

    def test_a_stopped_machine_runs_when_it_is_taken(self):
        self.assertEqual(self.let_run(self.state(b"paused")), self.state(b"running"))

    def test_what_says_nothing_of_it_is_not_understood(self):
        for content in (self.state(b"running"), b"paused" + bytes(100)):
            with self.assertRaisesRegex(migration.NotUnderstood, "no word on whether it runs"):
                self.let_run(content)


class Zeros(unittest.TestCase):
    def test_zero_pages_of_the_memory_go_and_all_else_stays(self):
        first = number(0 | PAGE) + named(b"pc.ram") + FULL
        last = number(0x3000 | PAGE | SAME) + FULL
        told = state(section(2, first + number(0x1000 | ZERO | SAME) + b"\0"), section(3, number(0x2000 | ZERO | SAME) + b"\0" + last))
        self.assertEqual(without(told), state(section(2, first), section(3, last)))

    def test_a_page_of_another_byte_is_kept(self):
        told = state(section(2, number(ZERO) + named(b"pc.ram") + b"\xaa"), section(3, b""))
        self.assertEqual(without(told), told)

    def test_a_page_of_one_byte_is_told_by_it_to_who_takes_that(self):
        page = section(2, number(PAGE) + named(b"pc.ram") + b"\xaa" * 4096 + number(0x1000 | PAGE | SAME) + FULL)
        told = section(2, number(ZERO) + named(b"pc.ram") + b"\xaa" + number(0x1000 | PAGE | SAME) + FULL)
        self.assertEqual(without(state(page, section(3, b"")), fills=True), state(told, section(3, b"")))
        self.assertEqual(without(state(page, section(3, b""))), state(page, section(3, b"")))

    def test_other_memory_may_not_be_zero_where_it_is_taken_up(self):
        told = state(section(2, number(ZERO) + named(b"rom") + b"\0"), section(3, b""))
        self.assertEqual(without(told), told)

    def test_a_page_behind_one_that_went_names_its_block(self):
        zero = number(0 | ZERO) + named(b"pc.ram") + b"\0"
        told = state(section(2, zero + number(0x1000 | PAGE | SAME) + FULL), section(3, b""))
        self.assertEqual(without(told), state(section(2, number(0x1000 | PAGE) + named(b"pc.ram") + FULL), section(3, b"")))

    def test_what_is_not_understood_is_said(self):
        for content in (b"no state", state(section(2, number(0x100)), section(3, b"")), state(b"\x05")):
            with self.assertRaises(migration.NotUnderstood):
                without(content)


if __name__ == "__main__":
    unittest.main()
