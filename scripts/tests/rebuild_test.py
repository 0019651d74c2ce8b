#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is compiled in a tree in which nothing has changed, and every file is compiled once, however many are compiled together."""

import os
import re
import subprocess
import tempfile
import unittest
from collections import Counter
from pathlib import Path

import testing  # noqa: F401
from cells import Cells
from common import CHECKOUT, PASSED

BUILD = CHECKOUT / "build"


def make(*words):
    return subprocess.run(["make", "--no-print-directory", *words], cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)


def times(folder):
    """When each file in it was written; what stands for 'somebody is building' is no file that is built."""
    return {path: os.stat(path).st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


class Unchanged(unittest.TestCase):
    """The commands of a check's own steps, which have run before this file of tests does."""

    def assert_compiles_nothing(self, folder, *command):
        before = times(folder)
        done = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, PASSED, done.stderr)
        self.assertEqual({path.name for path, when in times(folder).items() if before.get(path) != when}, set())
        self.assertTrue(before)

    def test_the_programs(self):
        self.assert_compiles_nothing(BUILD / "userspace", "make", "-s", "userspace")

    def test_the_module(self):
        cell = Cells().default
        self.assert_compiles_nothing(BUILD / cell / "module", "scripts/run-cell", cell, "--until", "module")

    def test_the_hosted_tests(self):
        for folder in ("kmod/tests", "cxxrt"):
            with tempfile.TemporaryDirectory() as place:
                [hooks] = {"kmod/tests": [f"{place}/g++/hooks.o"], "cxxrt": [f"{place}/g++/hosted/hooks.o"]}[folder]
                words = ("-s", "-C", folder, f"BUILD={place}", "CXX_LIST=g++", hooks)
                self.assertEqual(make("-q", *words).returncode, 1, folder)
                self.assertEqual(make(*words).returncode, 0, folder)
                self.assertEqual(make("-q", *words).returncode, 0, folder)


class Together(unittest.TestCase):
    def compiled(self, folder, *words):
        """How often each source of the folder is given to the compiler, and how many times that is started."""
        with tempfile.TemporaryDirectory() as place:
            done = make("-n", "-C", folder, f"BUILD={place}", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        commands = [line.split() for line in done.stdout.splitlines() if " -c -o " in line]
        given = Counter(os.path.normpath(word) for command in commands for word in command if re.fullmatch(r"[^-].*\.cpp", word))
        return given, len(commands)

    def sources(self, folder, *patterns):
        return {str(path.relative_to(CHECKOUT / folder)) for pattern in patterns for path in Path(CHECKOUT, folder).glob(pattern)}

    def test_each_file_of_the_programs_is_compiled_once(self):
        started = {}
        for join in (1, 3, 8):
            given, started[join] = self.compiled("userspace", f"JOIN={join}")
            self.assertEqual(set(given.values()), {1})
            self.assertEqual(set(given), self.sources("userspace", *(f"{name}/*.cpp" for name in ("lib", "lab", "cli", "rules", "tests"))))
        self.assertEqual(started[1], len(given))
        self.assertLess(started[8], started[3])
        self.assertLess(started[3], started[1])

    def test_each_hosted_test_is_compiled_once(self):
        for folder, target in (("kmod/tests", "check-g++"), ("cxxrt", "check-g++")):
            pattern = "*_test.cpp" if folder == "kmod/tests" else "tests/*_test.cpp"
            for join in (1, 8):
                given, _ = self.compiled(folder, "CXX_LIST=g++", f"JOIN={join}", target)
                wanted = self.sources(folder, pattern) - {"race_test.cpp"}
                self.assertEqual({name: count for name, count in given.items() if name in wanted}, dict.fromkeys(wanted, 1))

    def test_another_number_of_files_together_compiles_anew(self):
        with tempfile.TemporaryDirectory() as place:
            target = f"{place}/obj/lib/loader.o"
            for join, status in ((8, 0), (8, 0), (1, 1)):
                words = ("-s", "-C", "userspace", f"BUILD={place}", f"JOIN={join}", "CXX=true", f"{place}/joined")
                make(*words, target)
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                if join == 8:
                    for made in (Path(place, "obj/common.hpp.gch"), Path(target)):
                        made.touch()
                self.assertEqual(make("-q", *words, target).returncode, status, join)


if __name__ == "__main__":
    unittest.main()
