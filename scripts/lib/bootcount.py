# SPDX-License-Identifier: GPL-2.0-or-later
"""The count of what ended how, and what it proves."""

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass

PASSED = "passed"
DIED = "died"
HUNG = "hung"
COMPLAINED = "complained"
OUTCOMES = (PASSED, DIED, HUNG, COMPLAINED)
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Kind:
    """What must be the same for two runs to be counted together."""

    cell: str
    release: str
    qemu: str
    accel: str
    threads: str
    command: str
    since: str  # "boot", or "saved" for a machine that was up already

    def __str__(self):
        how = f"thread={self.threads}" if self.accel == "tcg" else self.accel
        return f"{self.cell} ({self.release}), QEMU {self.qemu}, {how}, {self.command} from {self.since}"


def _chance_of_no_more(failed, tried, rate):
    """That of so many tries no more than these fail, when each does so at this rate."""
    logs = (
        math.lgamma(tried + 1) - math.lgamma(k + 1) - math.lgamma(tried - k + 1)
        + k * math.log(rate) + (tried - k) * math.log1p(-rate)
        for k in range(failed + 1)
    )  # fmt: skip
    return sum(map(math.exp, logs))


def at_most(failed, tried):
    """The rate above which so few failures would have had a chance of less than 5 % (Clopper and Pearson, one side)."""
    if failed >= tried:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        if _chance_of_no_more(failed, tried, rate) > 1 - CONFIDENCE:
            low = rate
        else:
            high = rate
    return high


@dataclass(frozen=True)
class Count:
    tried: int
    failed: int

    def __add__(self, other):
        return Count(self.tried + other.tried, self.failed + other.failed)

    def __str__(self):
        if not self.tried:
            return "nothing was tried, and nothing is proved"
        return f"{self.failed:,} of {self.tried:,} failed: < {_rounded_up(at_most(self.failed, self.tried))} do at {CONFIDENCE:.0%}"


def _rounded_up(rate):
    """Never less than it is: 0.2991 % is 0.30 %."""
    percent = 100 * rate
    digits = 2 if percent < 1 else 1
    return f"{math.ceil(percent * 10**digits) / 10**digits:.{digits}f} %"


class Records:
    """A file of runs, a line of JSON each, that is only ever added to: a count that was cut short goes on from it."""

    def __init__(self, path):
        self._path = path
        self.runs = []
        if path.exists():
            self.runs = [json.loads(line) for line in path.read_text().splitlines()]

    def add(self, kind, **run):
        entry = asdict(kind) | run
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.runs.append(entry)

    def of(self, kind):
        return [run for run in self.runs if asdict(kind).items() <= run.items()]

    def count(self, kind):
        runs = self.of(kind)
        return Count(len(runs), sum(run["outcome"] != PASSED for run in runs))


def summary(records, kind):
    """The counts of a kind, for programs."""
    runs = records.of(kind)
    outcomes = Counter(run["outcome"] for run in runs)
    count = records.count(kind)
    seconds = sorted(run["seconds"] for run in runs)
    return asdict(kind) | {outcome: outcomes[outcome] for outcome in OUTCOMES} | {
        "tried": count.tried,
        "at_most": at_most(count.failed, count.tried) if runs else None,
        "median_seconds": seconds[len(seconds) // 2] if runs else None,
        "failures": [{key: run[key] for key in ("outcome", "why", "log")} for run in runs if run["outcome"] != PASSED],
    }


def _why(failures):
    """One line for each way to fail."""
    reasons = Counter((each["outcome"], each["why"]) for each in failures)
    for (outcome, why), times in reasons.most_common():
        log = next(each["log"] for each in failures if each["why"] == why)
        yield f"    {times} x {outcome}: {why} ({log})"


def table(records, kinds):
    """A line for each kind, its failures below it, and what all prove together."""
    yield f"{'cell':<20} {'threads':<8} {'tried':>6} {'passed':>7} {'died':>5} {'hung':>5} {'complained':>11} {'median':>8} {'at most':>8}"
    for kind in kinds:
        each = summary(records, kind)
        if not each["tried"]:
            yield f"{kind.cell:<20} {kind.threads:<8} {0:>6}"
            continue
        yield (f"{kind.cell:<20} {kind.threads:<8} {each['tried']:>6} {each['passed']:>7} {each['died']:>5} {each['hung']:>5} "
               f"{each['complained']:>11} {each['median_seconds']:>6.1f} s {_rounded_up(each['at_most']):>8}")
        yield from _why(each["failures"])
    yield str(sum((records.count(kind) for kind in kinds), Count(0, 0)))
