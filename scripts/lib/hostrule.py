# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a rule that is judged on this side of the guest, in the form of those that are judged in it."""


def record(name, says, source, file, observed, expected, broken, not_run="", varies=()):
    """`broken` says what is wrong if the rule does not hold, `not_run` why it could not be judged."""
    holds = all(observed[what] == value for what, value in expected.items())
    status = "pass" if holds else "skip" if not_run else "fail"
    return {
        "id": name,
        "contract": "",
        "name": name,
        "status": status,
        "reason": {"pass": "", "skip": not_run, "fail": broken}[status],
        "observed": observed,
        "expected": expected,
        "expected_because": {},
        "varies": list(varies),
        "source": source,
        "statement": says,
        "file": file,
        "line": 1,
    }
