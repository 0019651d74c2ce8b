# SPDX-License-Identifier: GPL-2.0-or-later
"""`scripts/vm --self-test`: the harness's own tests with what this machine has, and one paragraph to paste into a report."""

import os
import platform
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import guest
import host
import qemu
from arches import ARCHES
from cells import Cells
from common import CHECKOUT, FAILED, PASSED, Failure
from kernels import ready
from progress import Progress
from tally import Tally, of_ktap

TESTS = CHECKOUT / "scripts" / "tests"
LOGS = CHECKOUT / "build" / "logs" / "self-test"
_WIDTH = 120


def _said(*command):
    """The first line, "" if there is none."""
    try:
        done = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.split("\n")[0] if done.returncode == 0 else ""


def _system():
    try:
        name = re.search(r'^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release").read_text(), re.M)
    except OSError:
        name = None
    suite = f", suite {host.suite()}" if host.suite() else ", no Debian"
    return f"{name.group(1) if name else 'a system without a name'}{suite}"


def _compilers():
    versions = [_said(name, "--version") for name in ("gcc", "g++", host.newest("clang") or "clang")]
    return ", ".join(each for each in versions if each) or "no compiler"


def _qemu(arch):
    try:
        return f"QEMU {qemu.version(arch)}"
    except Failure as failure:
        return str(failure)


def _kvm(cell, kernel):
    arch = ARCHES[cell.arch]
    if because := guest.no_kvm_because(arch):
        return f"KVM: no, {because}"
    if not kernel:
        return "KVM: not known, as no kernel could be booted with it"
    return f"KVM: {'yes, it booted' if guest.kvm_works(cell, kernel) else 'no, it did not boot'} {kernel['release']}"


def _made(cell):
    """(kernel, reason): the default cell's kernel, module and programs; None and why not."""
    try:
        kernel = ready(cell)
    except Failure as failure:
        return None, str(failure)
    for target in (("cell", f"CELL={cell.name}"), ("userspace",)):
        done = subprocess.run(["make", "-s", *target], cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if "rror" in line] or done.stderr.splitlines() or ["no reason given"]
            return None, f"'make {' '.join(target)}' failed: {lines[0].strip()}"
    return kernel, ""


def _starts_guests(path):
    return re.search(r'"(?:scripts/)?(?:vm|run-cell)"|import (?:guest|saved)\b', path.read_text()) is not None


def _run(path):
    """Its tally, and what was skipped whole and failed, in words."""
    command = [sys.executable, CHECKOUT / "scripts" / "lib" / "unittests.py", path]
    done = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    (LOGS / f"{path.stem}.log").write_text(done.stdout + done.stderr)
    failed = re.findall(r"^(?:FAIL|ERROR): (\w+)", done.stderr, re.M)
    skipped = re.findall(r"^# Skipped whole: (.*)$", done.stdout, re.M)
    skipped = skipped or sorted({f"{each}" for each in re.findall(r" \.\.\. skipped ['\"](.*)['\"]$", done.stderr, re.M)})
    return of_ktap(done.returncode, done.stdout), failed, skipped


def self_test():
    start = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    cells = Cells()
    cell = cells.get(cells.default)
    progress = Progress("self-test", elsewhere=None)
    progress.show(f"making {cell.name}, its module and the programs")
    kernel, reason = _made(cell)
    total, told = Tally(), []
    for path in sorted(TESTS.glob("*_test.py")):
        progress.show(path.stem)
        if reason and _starts_guests(path):
            told.append(f"{path.stem}: not run, as it starts guests")
            total += Tally(skipped=1)
            continue
        tally, failed, skipped = _run(path)
        total += tally
        if tally.failed:
            told.append(f"{path.stem}: FAILED {', '.join(failed) or 'as a whole'} (build/logs/self-test/{path.stem}.log)")
        if tally.skipped:
            told.append(f"{path.stem}: {tally.skipped} skipped ({'; '.join(skipped)})")
    progress.end()
    print(_paragraph(cell, kernel, reason, total, told, time.monotonic() - start))
    return FAILED if total.failed or not total.passed else PASSED


def _paragraph(cell, kernel, reason, total, told, seconds):
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"
    guests = f"guests ran {kernel['release']} ({cell.name})" if kernel else f"no guests: {cell.name}: {reason}"
    version = _said("git", "describe", "--always", "--dirty") or "an unknown version"
    text = (f"ptelab self-test of {version} on {_system()}; {machine}; {'root' if os.geteuid() == 0 else 'not root'}; "
            f"{_qemu(ARCHES[cell.arch])}; {_kvm(cell, kernel)}; {_compilers()}; {guests}. {total} in {seconds:.0f} s")
    text += f": {'; '.join(told)}." if told else "."
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
