# SPDX-License-Identifier: GPL-2.0-or-later
"""How far long work has come."""

import os
import sys
import time
from pathlib import Path

# The file in which a caller that keeps our output to itself wants to be told instead.
FILE = "PTELAB_PROGRESS"


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line every so many seconds, or none."""

    def __init__(self, title, elsewhere=60):
        self._title = title
        self._start = time.monotonic()
        self._file = os.environ.get(FILE)
        self._terminal = sys.stderr.isatty()
        self._pause = 0.5 if self._terminal or self._file else elsewhere
        self._next = self._start + (0 if self._terminal or self._file else elsewhere or 0)

    def show(self, what):
        now = time.monotonic()
        if not self._pause or now < self._next:
            return
        elapsed = int(now - self._start)
        line = f"{self._title}: {elapsed // 60}:{elapsed % 60:02} {what}"
        if self._file:
            _tell(self._file, line)
        elif self._terminal:
            print(f"\r\033[K{_cut(line)}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)
        self._next = now + self._pause

    def show_if_told(self, tell):
        """Only for a caller that keeps our output to itself: a guest's own output has the terminal."""
        if self._file and time.monotonic() >= self._next:
            self.show(tell())

    def end(self):
        """Clear the line, for what is to be printed now."""
        if self._file:
            _tell(self._file, "")
        elif self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _cut(line):
    """A line that wraps could not be erased."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        return line[: columns - 1] if columns else line
    except (OSError, ValueError):
        return line


def _tell(path, line):
    """It is only for the eye: a full disk is met by what matters."""
    try:
        Path(path).write_text(line, encoding="utf-8")
    except OSError:
        pass
