#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds a method to a copy of the tree by example_method.patch: it is few files, builds, and is found wherever methods are told."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from testing import SCRIPTS
import host
from cells import Cells
from common import CHECKOUT

PATCH = SCRIPTS / "tests" / "example_method.patch"
PARTS = ("Kbuild", "cxxrt", "kmod", "scripts", "uapi", "userspace")
MOST_FILES = 4
COMPILERS = tuple(host.newest(name) or name for name in ("g++", "clang++"))
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wold-style-cast", "-Wmissing-declarations", "-Werror"]

# Every method as the core, the library and the rules tell it. Of the core only what asks nothing of the kernel is called.
ENUMERATE = r"""
#include <cstdio>
#include <ptelab/node.hpp>
#include "kmod/core.h"
#include "rules/rule.hpp"
int main()
{
	for (unsigned method = 1; method < PTELAB_METHODS; method++)
		std::printf("core %u %s\n", method, ptelab_traits_of(method)->name);
	for (const ptelab::Node &node : ptelab::nodes())
		std::printf("library %u %s\n", unsigned{node.method}, std::string{node.name}.c_str());
	for (unsigned method = 1; method < PTELAB_METHODS; method++)
		std::printf("rules %u %s\n", method, ptelab::kAllNodes & ptelab::bit_of(static_cast<ptelab_method>(method)) ? "mmap" :
		            ptelab::kPrepareNodes & ptelab::bit_of(static_cast<ptelab_method>(method)) ? "prepare" : "bare");
}
"""


def run(*words, **more):
    done = subprocess.run(words, text=True, capture_output=True, check=False, **more)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def kernel_folder():
    """The headers of the default kernel, or why they are not there."""
    kernels = CHECKOUT / "scripts" / "kernels"
    done = subprocess.run([kernels, "path", Cells().default, "kdir"], text=True, capture_output=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


class AddMethodTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._folder.cleanup)
        cls.root = Path(cls._folder.name)
        for part in PARTS:
            copy = shutil.copytree if (CHECKOUT / part).is_dir() else shutil.copy
            copy(CHECKOUT / part, cls.root / part)
        run("patch", "--strip=1", "--fuzz=0", "--input", PATCH, cwd=cls.root)

    def enumerated(self, compiler):
        build = self.root / compiler
        build.mkdir()
        flags = ["-std=gnu++20", "-O0", *WARNINGS, *(f"-I{self.root / each}" for each in (
            "", "cxxrt/include", "uapi", "userspace", "userspace/include", "userspace/rules", "userspace/lab"))]
        run(compiler, *flags, "-fno-exceptions", "-fno-rtti", "-c", "-o", build / "entry.o", self.root / "kmod/core/entry.cpp")
        run(compiler, *flags, "-c", "-o", build / "node.o", self.root / "userspace/lib/node.cpp")
        (build / "enumerate.cpp").write_text(ENUMERATE)
        run(compiler, *flags, "-DDOCTEST_CONFIG_DISABLE", "-Wl,--unresolved-symbols=ignore-all", "-no-pie", "-o", build / "enumerate",
            build / "enumerate.cpp", build / "entry.o", build / "node.o")
        return run(build / "enumerate").splitlines()

    def test_few_files_are_touched_outside_the_tests(self):
        touched = [line.split("/", 1)[1] for line in PATCH.read_text().splitlines() if line.startswith("+++ ")]
        outside = [each for each in touched if "tests/" not in each]
        self.assertTrue(outside)
        self.assertLessEqual(len(outside), MOST_FILES, outside)

    def test_every_enumeration_has_it_with_both_compilers(self):
        for compiler in COMPILERS:
            if not shutil.which(compiler):
                self.skipTest(f"{compiler} is not installed")
            with self.subTest(compiler):
                lines = self.enumerated(compiler)
                told = {source: [line.split()[1:] for line in lines if line.startswith(source)]
                        for source in ("core", "library", "rules")}
                self.assertEqual(told["core"], told["library"])
                self.assertEqual(told["core"][-1], ["21", "example"])
                self.assertEqual(told["rules"][-1], ["21", "mmap"])

    def test_no_file_of_the_driver_names_a_method_that_it_need_not(self):
        """A table by method number in C would leave the new one out in silence."""
        for path in sorted((self.root / "kmod" / "glue").rglob("*.[ch]")):
            self.assertNotRegex(path.read_text(), r"\[PTELAB_METHODS\] = \{", path)

    def test_the_module_builds_with_both_compilers(self):
        kdir = kernel_folder()
        if not kdir or not (kdir / "Makefile").exists():
            self.skipTest("the headers of the default kernel are not here: scripts/kernels get gets them")
        clang = host.newest("clang") or "clang"
        for compiler, words in (("gcc", ()), (clang, (f"CXXRT_CC={clang}",))):
            if not shutil.which(compiler):
                self.skipTest(f"{compiler} is not installed")
            with self.subTest(compiler):
                folder = self.root / "build" / compiler
                run(self.root / "scripts" / "build-module", kdir, folder, *words)
                self.assertIn(b"example\0", (folder / "ptelab.ko").read_bytes())
                self.assertNotRegex((folder / "build.log").read_text(), "(?i)warning")


if __name__ == "__main__":
    unittest.main()

