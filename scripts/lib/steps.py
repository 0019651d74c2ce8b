# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of `make check` and its kin: what each runs, how it counts, what it needs."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from budget import HARNESS, HOSTED, KERNELS, LINT, RULES
from common import CHECKOUT
from tally import of_cell, of_doctest, of_ktap, of_status

RESULTS = CHECKOUT / "build" / "results"
TESTS = sorted((CHECKOUT / "scripts" / "tests").glob("*_test.py"))
# Files of tests that need a browser, or the compiler of kcfi-7.3: some 700 MB of packages for two files.
IN_CHECK_ALL_ALONE = {"kcfi_test": "clang-19", "report_page_test": "chromium"}
# Files of tests that take a minute of both cores, and for what; behind `make check ALL_NODES=yes` they run, too.
SLOW_TESTS = {
    "add_method_test": "two builds of the module",
    "measure_faults_test": "a build of the twins, and a guest that counts its instructions",
    "no_packages_test": "a build of the module, and of programs, with what is in a short PATH",
    "saved_test": "machines that are saved anew",
}


@dataclass(frozen=True)
class Step:
    """One command, how its outcome counts, and which steps must have passed before it."""

    name: str
    command: str
    count: object
    after: tuple = ()
    group: str = RULES
    # Under which name it is told of: a target's, or its group's.
    line: str = ""
    # How many steps' places it takes.
    places: int = 1
    # Whose kernel it runs on; "" if on none.
    cell: str = ""
    # The file of results, gone if it is not made anew.
    makes: Path | None = None
    # It is quick when there is nothing to do, or makes what others need: never kept for a later run.
    always: bool = False
    # It runs if any of those before it passed, not only if all did.
    any_will_do: bool = False

    @property
    def told_as(self):
        return self.line or self.group


def _target(cell, name, command, makes, places=1):
    kernel, module = f"{cell} kernel", f"{cell} module"
    return [
        Step(kernel, f"scripts/run-cell {cell} --until kernel", of_status, group=KERNELS, line=cell, always=True),
        Step(module, f"scripts/run-cell {cell} --until module", of_status, (kernel,), line=cell, cell=cell, always=True),
        Step(name, command, of_cell(makes), (module, "userspace"), line=cell, cell=cell, makes=makes, places=places),
    ]


def whole(cell):
    """A target with the rules of all its nodes."""
    return _target(cell, f"{cell} rules", f"scripts/run-cell {cell}", RESULTS / f"{cell}.json")


def one_of_each(cell):
    """A target with the rules of one node of each kind, in two machines at once."""
    name = f"{cell} rules, one node of each kind"
    command = f"scripts/run-cell {cell} --machines 2 --nodes one-of-each"
    return _target(cell, name, command, RESULTS / "partial" / f"{cell}.json", places=2)


def in_cgroup(cell):
    """The rules of a target once more where memory is charged, which it is not in the root cgroup."""
    makes = RESULTS / "cgroup" / f"{cell}.json"
    return Step(f"{cell} rules in a cgroup", f"scripts/run-cell {cell} --in-cgroup", of_cell(makes), (f"{cell} module", "userspace"),
                line=cell, cell=cell, makes=makes)


USERSPACE = Step("userspace", "make -s userspace", of_status, group=HOSTED, always=True)


# Seven minutes of a processor: in check-all alone.
_APART = Step("userspace, file by file", "make -s -C userspace BUILD=../build/userspace-apart JOIN=1 CXXFLAGS=-O0", of_status, group=HOSTED)


def behind(names, default):
    """What a check leaves out, and a machine that has it all can do: the rules of all nodes of the kernels that are slow, and what is."""
    return [*_all_nodes(names), *_slow(default)]


def _all_nodes(names):
    rules = [
        Step(f"{name} rules", f"scripts/run-cell {name}", of_cell(RESULTS / f"{name}.json"), (f"{name} module", "userspace"),
             line=f"{name}, all nodes", cell=name, makes=RESULTS / f"{name}.json")
        for name in names
    ]
    return rules + [_readme_table(names, "readme table, all nodes", tuple(step.name for step in rules))] if rules else []


def _slow(default):
    """The hosted tests by the second compiler, and the slow files of the scripts' tests."""
    return [
        _core_hosted("core hosted, clang", "CXX_LIST=clang++ check-clang++"),
        _cxxrt_hosted("cxxrt hosted, clang", "clang++"),
        *_harness(default, set(SLOW_TESTS)),
        _costs(default),
    ]


def matrix(cells, names):
    # Built kernels first: they take longest.
    names = sorted(names, key=lambda name: bool(cells.get(name).headers))
    return [USERSPACE, *(step for name in names for step in whole(name))]


def is_slow(cell):
    """A kernel with detectors takes a multiple of the others' time."""
    return cell.flavour == "debug"


def check(cells, names, everything):
    """The steps on these cells: with everything the rules of all nodes, what is slow, and the files of tests that need more packages."""
    targets = []
    # What takes two places first: later it would wait for both.
    for name in sorted(names, key=lambda name: (bool(cells.get(name).headers), name)):
        targets += whole(name) if everything or not is_slow(cells.get(name)) else one_of_each(name)
    if everything:
        targets += [in_cgroup(name) for name in names if not is_slow(cells.get(name))]
    told = [name for name in names if everything or not is_slow(cells.get(name))]
    tests = {path.stem for path in TESTS}
    fast = tests - set(SLOW_TESTS) - set(IN_CHECK_ALL_ALONE)
    listed = [USERSPACE, *targets, *_hosted(cells.default), *_harness(cells.default, fast | set(IN_CHECK_ALL_ALONE) if everything else fast)]
    listed += [*_slow(cells.default), _APART] if everything else []
    return [*listed, _readme_table(told, "readme table", tuple(f"{name} rules" for name in told))] if told else listed


def _hosted(default):
    kdir = f'"$(scripts/kernels path {default} kdir)"'
    kernel = f"{default} kernel"
    return [
        Step("uapi", "scripts/check-uapi", of_status, group=LINT),
        Step("shellcheck", "shellcheck -x $(grep -rlE '^#!/bin/(ba)?sh|^#!/usr/bin/env bash' scripts kmod .ci)", of_status,
             group=LINT),
        Step("arrows", "scripts/check-arrows", of_status, group=LINT),
        _core_hosted("core hosted", "CXX_LIST=g++ check check-fuzz"),
        Step("guards", "scripts/check-guards", of_status, group=HOSTED),
        _cxxrt_hosted("cxxrt hosted", "g++"),
        Step("userspace hosted", "make -s -C userspace BUILD=../build/userspace check", of_ktap, ("userspace",), group=HOSTED),
        Step("module with clang", f"scripts/build-module {kdir} build/clang/module CXXRT_CC=clang"
             " && ! grep -i warning build/clang/module/build.log", of_status, (kernel,), group=HOSTED, cell=default),
        Step("cxxrt example", "scripts/check-example", of_status, (kernel, "userspace"), group=HARNESS, cell=default),
    ]


def _core_hosted(name, words):
    return Step(name, f"make -s -C kmod/tests BUILD=../../build/kmod-tests {words}", of_doctest, group=HOSTED)


def _cxxrt_hosted(name, compiler):
    return Step(name, f"make -s -C cxxrt BUILD=../build/cxxrt CXX_LIST={compiler} check", of_doctest, group=HOSTED)


def _harness(default, names):
    """The files of tests of these names."""
    return [
        Step(test.stem, f"python3 scripts/lib/unittests.py {shlex.quote(str(test.relative_to(CHECKOUT)))}", of_ktap,
             (f"{default} module", "userspace"), group=HARNESS, cell=default)
        for test in TESTS
        if test.stem in names
    ]


def _costs(default):
    """What faults cost, against its goals. In a guest of its own, and the twins are built for it."""
    return Step("fault costs", f"scripts/measure-faults {default}", of_status, (f"{default} module", "userspace"), group=HARNESS,
                cell=default)


def _readme_table(names, name, after):
    """The table in README against what the cells of this run did."""
    return Step(name, f"scripts/readme-table --check --cells {','.join(names)}", of_status, after, group=LINT,
                always=True, any_will_do=True)


def wanted(listed, patterns):
    """The steps asked for and those that they need, each behind what it needs."""
    by_name = {step.name: step for step in listed}
    chosen = {}

    def choose(step):
        for name in step.after:
            choose(by_name[name])
        chosen.setdefault(step.name, step)

    for step in listed:
        if not patterns or any(re.search(pattern, step.name) for pattern in patterns):
            choose(step)
    return list(chosen.values())
