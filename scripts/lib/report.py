# SPDX-License-Identifier: GPL-2.0-or-later
"""Tell and keep how a run of the guest ended."""

import sys

from common import note

_LOG_LINES = 20


def keep(outcome, log, results=None):
    """Write the kernel log, and the guest's /results if a folder for it is given."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(outcome.log)
    if results:
        for name, content in outcome.files.items():
            target = results / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def explain(outcome, asked, log):
    """The last line is the verdict and what made it."""
    for splat in outcome.splats:
        print("", splat.line, *splat.context, sep="\n  ", file=sys.stderr)
    if outcome.verdict in ("panic", "timeout", "broken") and not outcome.splats:
        last = outcome.log.splitlines()[-_LOG_LINES:]
        print(f"The end of the kernel log, {log}:", *last, sep="\n  ", file=sys.stderr)
    reason = f": {outcome.reason}" if outcome.reason else ""
    if outcome.verdict == "pass" and outcome.boot_failures:
        reason = f", boot {outcome.boots}: the kernel had died on its way to user space: {'; '.join(outcome.boot_failures)}"
    start = f"boot: {asked.boots_because}" if asked.boots_because else outcome.start
    note(
        f"{outcome.verdict} in {outcome.seconds:.2f} s "
        f"({asked.cell.name}, {asked.machine.accel}, {start}){reason}"
    )
