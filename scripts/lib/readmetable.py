# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of kernels in README, and the results that it is made from.

A row is of one cell. It tells what does not change from one update of a kernel to the next: the line, not the release.
"""

import json
import re
from dataclasses import astuple, dataclass, replace

from common import USAGE, Failure

BEGIN = "<!-- The kernels, from build/results: scripts/readme-table -->"
END = "<!-- The end of the kernels -->"
HEAD = ("kernel", "cell", "architecture", "flavour", "compiler", "rules that hold", "known not to", "cannot run", "verdict")
_LINE = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class Row:
    kernel: str
    cell: str
    arch: str
    flavour: str
    compiler: str
    hold: str
    known: str
    skipped: str
    verdict: str

    def __str__(self):
        return f"| {' | '.join(astuple(self))} |"


def _compiler(result, cells):
    """What built the module: as the result tells, else as the cell asks for."""
    return (result.get("build") or {}).get("compiler") or cells.get(result["kernel"]["cell"]).compilers


def row_of(result, cells):
    """None where the result is of no run, or of a part of the rules: a kernel that could not be had says nothing of them."""
    kernel = result["kernel"]
    if result["verdict"] == "broken" or not kernel["release"] or result.get("partial"):
        return None
    statuses = [rule["status"] for rule in result["rules"]]
    counts = (str(statuses.count(status)) for status in ("pass", "expected_fail", "skip"))
    line = _LINE.match(kernel["release"]).group()
    return Row(line, kernel["cell"], kernel["arch"], kernel["flavour"], _compiler(result, cells), *counts, result["verdict"])


def rows_of(folder, cells):
    """The rows of the cells that ran, by name."""
    rows = {}
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_text())
            if result["kernel"]["cell"] not in cells.names():
                continue  # of a cell that is gone
            row = row_of(result, cells)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Failure(f"{path} is not a file of results: {error!r}", USAGE) from error
        if row:
            rows[row.cell] = row
    return rows


def _place(readme):
    begin, end = readme.find(BEGIN), readme.find(END)
    if begin < 0 or end < begin:
        raise Failure(f"README lacks the lines '{BEGIN}' and '{END}', in this order", USAGE)
    return begin + len(BEGIN), end


def rows_in(readme):
    """The rows that README has, by the cell's name."""
    begin, end = _place(readme)
    rows = {}
    for line in readme[begin:end].splitlines():
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        if len(fields) == len(HEAD) and fields[0] != HEAD[0] and not set(fields[0]) <= {"-"}:
            row = Row(*fields)
            rows[row.cell] = row
    return rows


def updated(readme, ran, cells):
    """README with the rows of the cells that ran; those of the others stay as they are, unless the cell is gone."""
    rows = rows_in(readme) | ran
    lines = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    lines += [str(rows[name]) for name in cells.names() if name in rows]
    begin, end = _place(readme)
    return readme[:begin] + "\n\n" + "\n".join(lines) + "\n\n" + readme[end:]


def _kept(told, row):
    """What README says of a cell is still so: of the rules at least as many hold."""
    counts = {"hold": "", "known": "", "skipped": ""}
    return replace(told, **counts) == replace(row, **counts) and int(told.hold) <= int(row.hold)


def differences(readme, ran, cells):
    """What README says otherwise than the results, a sentence each."""
    told = rows_in(readme)
    wrong = [f"README has the cell {name}, and ci/kernels.toml has not" for name in told if name not in cells.names()]
    for name, row in ran.items():
        if name not in told:
            wrong.append(f"README lacks the cell {name}: {row}")
        elif not _kept(told[name], row):
            wrong.append(f"README says {told[name]} and the results {row}")
    return wrong
