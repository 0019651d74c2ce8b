# SPDX-License-Identifier: GPL-2.0-or-later
"""What a mapping costs by each driver: from the lines of fault-cost to a table, and whether it holds the goals."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from common import Failure

OURS, BARE, EQUAL, MEMFD = "ptelab", "ptelab_bare", "ptelab_equal", "memfd"
AROUND = 16  # pages of one fault where a driver inserts several: TWIN_AROUND, and kMost in the core
MOST_RATIO = 1.005  # ours to equal: what C++ may cost


@dataclass(frozen=True)
class Way:
    name: str
    title: str
    most_above_bare: float  # instructions that revoking and counting may cost: of a fault, else of a page
    at_mmap: bool = False
    pages_a_fault: int = 1

    @property
    def unit(self):
        return "a page" if self.at_mmap or self.pages_a_fault == 1 else "a fault"


WAYS = (
    Way("fault_insert_pfn", "fault, vmf_insert_pfn", 37),
    Way("fault_insert_page", "fault, vm_insert_page", 34),
    Way("fault_page", "fault that returns a page", 56),
    Way("fault_insert_pages", f"fault, vm_insert_pages, {AROUND} at a time", 126, pages_a_fault=AROUND),
    Way("insert_page", "at mmap, vm_insert_page", 9, at_mmap=True),
    Way("insert_pages", "at mmap, vm_insert_pages", 6, at_mmap=True),
)


def costs(lines, pages):
    """Instructions a page by (way, driver): the median of the repetitions, and how far they lie apart.

    Of a fault, the time of the loop that met the faults less that of the same loop when all is mapped. Of an mmap, the call's.
    """
    seen = defaultdict(list)
    at_mmap = {way.name: way.at_mmap for way in WAYS}
    for line in lines:
        words = line.split()
        if len(words) != 5 or not all(word.isdigit() for word in words[2:]):
            raise Failure(f"fault-cost printed '{line}', which is no line of a measurement")
        way, driver = words[:2]
        mmap, touch, again = map(int, words[2:])
        seen[way, driver].append((mmap if at_mmap.get(way) else touch - again) / pages)
    return {key: (median(values), max(values) - min(values)) for key, values in seen.items()}


@dataclass(frozen=True)
class Row:
    way: Way
    ours: float
    bare: float
    equal: float

    @property
    def above_bare(self):
        return (self.ours - self.bare) * self.way.pages_a_fault

    @property
    def ratio(self):
        """What C++ costs."""
        return self.ours / self.equal

    @property
    def ratio_of_twins(self):
        """What revoking and counting cost."""
        return self.equal / self.bare

    def missed(self):
        """A sentence for each goal that does not hold."""
        # As exact as the table shows it.
        if round(self.ratio, 3) > MOST_RATIO:
            yield f"{self.way.title}: ours / equal is {self.ratio:.3f}, more than {MOST_RATIO}"
        if round(self.above_bare) > self.way.most_above_bare:
            yield (f"{self.way.title}: {self.above_bare:.0f} instructions {self.way.unit} above bare, "
                   f"more than {self.way.most_above_bare}")


def rows(measured):
    """One for each way; a Failure if one was not measured."""
    made = []
    for way in WAYS:
        each = [measured.get((way.name, driver)) for driver in (OURS, BARE, EQUAL)]
        if None in each:
            raise Failure(f"fault-cost measured no {way.name} of all three drivers")
        made.append(Row(way, *(cost for cost, _ in each)))
    return made


def table(measured):
    lines = ["| instructions a page | ours | bare | equal | ours / equal | equal / bare | above bare | goal |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows(measured):
        lines.append(f"| {row.way.title} | {row.ours:.1f} | {row.bare:.1f} | {row.equal:.1f} | {row.ratio:.4f} | "
                     f"{row.ratio_of_twins:.3f} | {row.above_bare:.0f} {row.way.unit} | {row.way.most_above_bare} |")
    memfd = measured.get((MEMFD, MEMFD))
    if memfd:
        lines.append(f"| memfd, write faults, for comparison | {memfd[0]:.1f} | | | | | | |")
    return "\n".join(lines)


def spread(measured):
    """How far apart the repetitions of one driver's way lie at most, in instructions a page."""
    return max(apart for _, apart in measured.values())
