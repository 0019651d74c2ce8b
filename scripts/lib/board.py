# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make check` shows: a line for each target and each group, failures in full, and what the running steps wait for."""

from dataclasses import dataclass
from pathlib import Path

from budget import BUDGET, clock
from progress import Progress
from tally import Tally

# More of a log than that is only named.
_LINES = 600


@dataclass(frozen=True)
class Result:
    tally: Tally
    seconds: float = 0.0
    # Of a failure all that is to be shown, of a skip the reason.
    lines: tuple = ()
    kept: bool = False


def telling(text, log):
    """All that a log tells of failures: where it has verdicts, those that are bad with what was said before each, and the end."""
    lines = text.splitlines()
    verdicts = [number for number, line in enumerate(lines) if line.startswith(("ok ", "not ok "))]
    shown = lines
    if verdicts:
        shown, begin = [], 0
        for number in verdicts:
            if lines[number].startswith("not ok "):
                shown += [line for line in lines[begin : number + 1] if line.startswith(("#", "not ok"))]
            begin = number + 1
        shown += lines[begin:]
    if len(shown) > _LINES:
        shown = [*shown[:_LINES], f"... and {len(shown) - _LINES} lines more in {log}"]
    return tuple(shown)


class Board:
    def __init__(self, listed, each_step=False):
        self.total = Tally()
        self._progress = Progress("check", elsewhere=None)
        self._each_step = each_step
        self._listed = listed
        self._results = {}
        self._running = {}

    def begin(self, step, progress_file):
        self._running[step.name] = progress_file

    def show_progress(self):
        told = [_of_running(name, file) for name, file in self._running.items()]
        self._progress.show(f"{len(self._results)} of {len(self._listed)} steps; {'; '.join(told)}")

    def end_progress(self):
        self._progress.end()

    def count(self, tally):
        """What no step did."""
        self.total += tally

    def report(self, step, result):
        self._running.pop(step.name, None)
        self._results[step.name] = result
        self.total += result.tally
        self._progress.end()
        if result.tally.failed or self._each_step:
            print(f"{_word(result.tally)} {step.name:<34} {result.tally}  {clock(result.seconds)}{_remark(result)}", flush=True)
            print(*(f"     | {line}" for line in result.lines if result.tally.failed), sep="\n", end="\n" if result.lines and result.tally.failed else "")
        self._end_line(step.told_as)

    def _end_line(self, line):
        """Print it when the last of its steps is done."""
        steps = [step for step in self._listed if step.told_as == line]
        if any(step.name not in self._results for step in steps):
            return
        results = [self._results[step.name] for step in steps]
        tally = sum((result.tally for result in results), Tally())
        seconds = sum(result.seconds for result in results)
        reasons = [result.lines[-1] for result in results if result.tally.skipped and not result.tally.passed and result.lines]
        remarks = [f"{sum(result.kept for result in results)} of {len(steps)} steps as before"] if any(
            result.kept for result in results) else []
        remark = "".join(f"  {each}" for each in [*remarks, *reasons[:1]])
        name = f"{line}" if line in BUDGET else f"target {line}"
        print(f"{_word(tally)} {name:<34} {tally}  {clock(seconds)}{remark}", flush=True)


def _word(tally):
    return "FAIL" if tally.failed else "ok  " if tally.passed else "skip"


def _remark(result):
    if result.kept:
        return "  as before"
    return f"  {result.lines[-1]}" if result.lines and not result.tally.failed else ""


def _of_running(name, file):
    """The step, and what it waits for if it has told."""
    try:
        told = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        told = ""
    return f"{name} ({told})" if told else name
