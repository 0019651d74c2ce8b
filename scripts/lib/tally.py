# SPDX-License-Identifier: GPL-2.0-or-later
"""How the outcome of a test run counts."""

import json
import re
from dataclasses import dataclass

from common import NOTHING_RAN


@dataclass(frozen=True)
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Tally(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def _judged(tally, status):
    """A run that says it failed, or that ran nothing, never counts as good."""
    if (status != 0 and not tally.failed) or tally == Tally():
        return tally + Tally(failed=1)
    return tally


def of_status(status, _text):
    """The whole command is one test; it is skipped if it says that nothing could run."""
    if status == NOTHING_RAN:
        return Tally(skipped=1)
    return Tally(passed=1) if status == 0 else Tally(failed=1)


_DOCTEST = re.compile(
    r"^\[doctest\] test cases:\s+\d+ \|\s+(\d+) passed \|\s+(\d+) failed(?: \|\s+(\d+) skipped)?", re.M
)


def of_doctest(status, text):
    """Every doctest program that ran, by its closing line."""
    tally = Tally()
    for passed, failed, skipped in _DOCTEST.findall(text):
        tally += Tally(int(passed), int(failed), int(skipped or 0))
    return _judged(tally, status)


_KTAP = re.compile(r"^# Totals: pass:(\d+) fail:(\d+) xfail:(\d+) xpass:(\d+) skip:(\d+) error:(\d+)$", re.M)


def of_ktap(status, text):
    """Every program that ends as KTAP does, by its line of totals; scripts/lib/unittests.py is one."""
    tally = Tally()
    for counts in _KTAP.findall(text):
        passed, failed, known, unexpected, skipped, errors = map(int, counts)
        tally += Tally(passed + known, failed + unexpected + errors, skipped)
    return _judged(tally, status)


def of_cell(path):
    """A cell's rules by their status; the cell's own verdict must be pass as well."""

    def count(status, _text):
        if not path.exists():
            return Tally(failed=1)
        result = json.loads(path.read_text())
        statuses = [rule["status"] for rule in result["rules"]]
        tally = Tally(
            statuses.count("pass") + statuses.count("expected_fail"), statuses.count("fail"), statuses.count("skip")
        )
        return _judged(tally, status if result["verdict"] == "pass" else status or 1)

    return count


_WHOLE = re.compile(r"^# Skipped whole: (.+?: .*)$", re.M)


def skipped_whole(tally, text):
    """Why, for each part of the step in which nothing ran at all: the step itself, a program of it, a class of tests."""
    reasons = _WHOLE.findall(text)
    programs = [tuple(map(int, counts)) for counts in ((p, f, s or 0) for p, f, s in _DOCTEST.findall(text))]
    programs += [(int(p) + int(known), int(f) + int(e) + int(x), int(s)) for p, f, known, x, s, e in _KTAP.findall(text)]
    empty = [number for number, (passed, failed, _) in enumerate(programs, 1) if not passed and not failed]
    if reasons or tally.failed:
        return reasons
    if not tally.passed and tally.skipped:
        return [(text.strip().splitlines() or ["no reason given"])[-1]]
    return [f"program {number} of {len(programs)} ran no test" for number in empty]
