# SPDX-License-Identifier: GPL-2.0-or-later
"""How far long work has come."""

import sys
import time


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line every so many seconds, or none."""

    def __init__(self, title, elsewhere=60):
        self._title = title
        self._start = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._pause = 0.5 if self._terminal else elsewhere
        self._next = self._start + (0 if self._terminal else elsewhere or 0)

    def show(self, what):
        now = time.monotonic()
        if not self._pause or now < self._next:
            return
        elapsed = int(now - self._start)
        line = f"{self._title}: {elapsed // 60}:{elapsed % 60:02} {what}"
        print(f"\r\033[K{line}" if self._terminal else line, end="" if self._terminal else "\n", file=sys.stderr, flush=True)
        self._next = now + self._pause

    def end(self):
        """Clear the line, for what is to be printed now."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
