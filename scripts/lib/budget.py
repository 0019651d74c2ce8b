# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make check` may take, and what it took.

A step occupies one place of those that run at a time (--jobs), or as many as it says. What a group of steps took is the time that
its places were occupied, divided by their number; the places that stood empty are counted as waiting. So all of it together is the
time from the start to the end. A kernel that had to be made first is not part of it, nor is the waiting while one is made.

The budget is for two idle cores. What other programs took of this machine's cores in the meantime is known, and so is by how much
they can have held the check up at most: only what is over the budget without that fails.
"""

import os
import resource
from dataclasses import dataclass

RULES, HOSTED, HARNESS, LINT, LATER, KERNELS = (
    "rules", "hosted", "harness", "lint and docs", "audit, deaths, costs", "kernels")
# Seconds. LATER is for what is still to come.
BUDGET = {RULES: 240, HOSTED: 90, HARNESS: 30, LINT: 30, LATER: 90}
TOTAL = sum(BUDGET.values())
CORES = 2
WAITING = "waiting"


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


@dataclass(frozen=True)
class Occupied:
    group: str
    begin: float
    end: float
    places: int = 1


def shares(occupied, places):
    """{group: seconds}, with what was spent on waiting, of all but the making of kernels."""
    taken = {}
    for each in occupied:
        if each.group != KERNELS:
            taken[each.group] = taken.get(each.group, 0) + (each.end - each.begin) * each.places / places
    moments = sorted({moment for each in occupied for moment in (each.begin, each.end)})
    taken[WAITING] = sum(
        (end - begin) * _empty(occupied, begin, end, places) / places for begin, end in zip(moments, moments[1:])
    )
    return taken


def _empty(occupied, begin, end, places):
    busy = [each for each in occupied if each.begin <= begin and each.end >= end]
    if any(each.group == KERNELS for each in busy):
        return 0
    return max(0, places - sum(each.places for each in busy))


class Others:
    """How many seconds of processor time other programs have taken since this was made."""

    def __init__(self):
        self._start = self._taken()

    @staticmethod
    def _taken():
        try:
            with open("/proc/stat", encoding="ascii") as file:
                user, nice, system, _idle, _io, irq, softirq, stolen = map(int, file.readline().split()[1:9])
        except (OSError, ValueError):
            return 0
        all_of_it = (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")
        own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return all_of_it - sum(each.ru_utime + each.ru_stime for each in own)

    def seconds(self):
        return max(0, self._taken() - self._start)


@dataclass(frozen=True)
class Account:
    """The shares, and how much of the total others can have caused; cores are those of this machine."""

    shares: dict
    others: float
    cores: int

    @property
    def total(self):
        return sum(self.shares.values())

    @property
    def own(self):
        return self.total - self.others / self.cores

    def lines(self):
        for group, budget in BUDGET.items():
            used = self.shares.get(group, 0)
            over = "  over" if used > budget else ""
            yield f"     {group:<22} {clock(used):>6} of {clock(budget)}{over}"
        yield f"     {WAITING:<22} {clock(self.shares.get(WAITING, 0)):>6}"
        held = f"; other programs held it up by at most {clock(self.others / self.cores)}" if self.others >= self.cores else ""
        yield f"     {'all':<22} {clock(self.total):>6} of {clock(TOTAL)}, on {self.cores} core{'s'[:self.cores != 1]}{held}"

    def overrun(self):
        """A sentence if the budget is exceeded and nobody else is to blame, else None."""
        if self.cores < CORES or self.own <= TOTAL:
            return None
        worst = max(BUDGET, key=lambda group: self.shares.get(group, 0) - BUDGET[group])
        return (f"the check took {clock(self.own)} without what others held it up, and its budget is {clock(TOTAL)}: most over its "
                f"share is {worst}, {clock(self.shares.get(worst, 0))} of {clock(BUDGET[worst])} (--no-budget lifts this)")
