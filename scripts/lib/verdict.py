# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run of the guest amounts to, from its results and its kernel log."""

import re

import kernellog
from common import FAILED, HARNESS, PANIC, PASSED, TIMEOUT
from records import Record, replace

# Bit n of /proc/sys/kernel/tainted has the n-th letter (kernel/panic.c, taint_flags).
_TAINT_LETTERS = "PFSRMBUDAWCIOELKXTN"
# A module of ours is out of the tree (O), unsigned (E), and may be a test (N).
_EXPECTED_TAINT = "OEN"
_WARNING_TAINT = "W"


class Judgement(Record):
    verdict: str
    exit: int
    reason: str = ""
    splats: list = []
    tainted: dict = {}


def _number(content):
    return int(content) if content.strip().isdigit() else None


def _declaration(line):
    rule, tab, pattern = line.partition("\t")
    return (rule, re.compile(pattern)) if tab else (None, re.compile(line))


def _declared(files):
    """A line is a pattern, which holds for the whole run, or a rule, a tab and a pattern, which holds while the rule runs."""
    text = files.get("declared", b"").decode(errors="replace")
    return [_declaration(line) for line in text.splitlines() if line]


def taint_letters(mask):
    return "".join(letter for bit, letter in enumerate(_TAINT_LETTERS) if mask >> bit & 1)


def _new_taint(before, after, warning_declared):
    allowed = _EXPECTED_TAINT + (_WARNING_TAINT if warning_declared else "")
    return "".join(flag for flag in taint_letters(after & ~before) if flag not in allowed)


def _without_results(log, timed_out, left, timeout):
    if kernellog.panicked(log):
        return Judgement("panic", PANIC, "the guest panicked")
    if timed_out:
        return Judgement("timeout", TIMEOUT, f"no verdict within {timeout:g} s")
    if left:
        return Judgement("pass", PASSED, "left with Ctrl-A X")
    return Judgement("broken", HARNESS, "the guest ended without sending its results")


def judge(files, log, timed_out, left, timeout):
    """files are the guest's results, None if they did not arrive whole."""
    splats = kernellog.scan(log)
    if files is None:
        return replace(_without_results(log, timed_out, left, timeout), splats=splats)

    try:
        declared = _declared(files)
    except re.error as error:
        return Judgement("broken", HARNESS, f"/results/declared: {error}", splats)
    splats += kernellog.scan(files.get("kmemleak", b"").decode(errors="replace"))
    undeclared = [splat for splat in splats if not splat.is_declared(declared)]
    tainted = {
        when: _number(files.get(f"tainted-{when}", b"")) for when in ("before", "after")
    }
    status = _number(files.get("exit-status", b""))

    def judgement(verdict, exit_status, reason=""):
        return Judgement(verdict, exit_status, reason, undeclared, tainted)

    if "broken" in files:
        return judgement("broken", HARNESS, files["broken"].decode(errors="replace").strip())
    if status is None or None in tainted.values():
        return judgement("broken", HARNESS, "the guest's results lack the exit status or the taint")
    if status != 0:
        return judgement("fail", status, f"the command exited with status {status}")
    if undeclared:
        return judgement("fail", FAILED, f"the kernel complained: {undeclared[0].line}")
    new = _new_taint(tainted["before"], tainted["after"], len(undeclared) < len(splats))
    if new:
        return judgement("fail", FAILED, f"the kernel is newly tainted: {new}")
    return judgement("pass", PASSED)
