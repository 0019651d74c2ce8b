#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The line that says how far long work has come, on a terminal and in a pipe."""

import io
import os
import pty
import subprocess
import unittest
from unittest import mock

import testing  # noqa: F401
from common import CHECKOUT
from progress import Progress


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


def shown(terminal, elsewhere, *seconds):
    """What a Progress that begins at 0 prints when it is told of something at each of these seconds."""
    with mock.patch("sys.stderr", Stream(terminal)) as stream, mock.patch("time.monotonic") as clock:
        clock.return_value = 0
        progress = Progress("work", elsewhere)
        for each in seconds:
            clock.return_value = each
            progress.show(f"at {each}")
        progress.end()
        return stream.getvalue()


class Shown(unittest.TestCase):
    def test_a_terminal_s_line_is_rewritten_and_cleared(self):
        self.assertEqual(shown(True, None, 0, 0.1, 61), "\r\033[Kwork: 0:00 at 0\r\033[Kwork: 1:01 at 61\r\033[K")

    def test_elsewhere_it_is_a_line_now_and_then(self):
        self.assertEqual(shown(False, 60, 0, 59, 60, 100, 121), "work: 1:00 at 60\nwork: 2:01 at 121\n")

    def test_a_pipe_stays_quiet_if_asked(self):
        self.assertEqual(shown(False, None, 0, 600), "")


class Rules(unittest.TestCase):
    """`ptelab verify` on a terminal; without the module no rule can run, but each is shown."""

    @staticmethod
    def shown(kind):
        master, slave = pty.openpty()
        command = [CHECKOUT / "build" / "userspace" / "bin" / "ptelab", "verify", "zap.*"]
        environment = os.environ | {"TERM": kind}
        text = b""
        with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment):
            os.close(slave)
            try:
                while part := os.read(master, 4096):
                    text += part
            except OSError:  # nobody has the other end any more, and all of it was read
                pass
        os.close(master)
        return text.decode()

    def test_the_rule_at_hand_is_shown_where_a_line_can_be_erased(self):
        self.assertRegex(self.shown("xterm"), r"\033\[K\[1/\d+\] zap\.")

    def test_a_dumb_terminal_gets_lines_alone(self):
        text = self.shown("dumb")
        self.assertIn("could not run here", text)
        self.assertNotIn("\033", text)


if __name__ == "__main__":
    unittest.main()
