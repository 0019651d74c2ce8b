#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run one file of tests, as `python3 FILE` does, and end with what scripts/check counts: totals, and classes that were skipped whole."""

import importlib.util
import sys
import unittest
from collections import defaultdict
from pathlib import Path

NOTHING = "no tests"


class Counted(unittest.TextTestResult):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.passed = 0
        self._ran = set()
        self._skipped = defaultdict(list)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._ran.add(_class_of(test))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._ran.add(_class_of(test))

    def addError(self, test, err):
        super().addError(test, err)
        self._ran.add(_class_of(test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._skipped[_class_of(test)].append(reason)

    def skipped_whole(self):
        """(class, reason) of those in which nothing ran."""
        return [(name, reasons[0]) for name, reasons in self._skipped.items() if name not in self._ran]


def _class_of(test):
    """A skip in setUpClass comes with a stand-in that has the class in its name alone: 'setUpClass (module.Class)'."""
    words = str(test.id()).replace("(", " ").replace(")", " ").split()
    name = words[1] if words[0] in ("setUpClass", "setUpModule") else words[0].rpartition(".")[0]
    return name.rpartition(".")[2]


def main(path):
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(resultclass=Counted, verbosity=2).run(suite)
    for name, reason in result.skipped_whole():
        print(f"# Skipped whole: {name}: {' '.join(reason.split())}")
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.passed + len(result.expectedFailures)
    print(f"# Totals: pass:{passed} fail:{failed} xfail:0 xpass:0 skip:{len(result.skipped)} error:0", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
