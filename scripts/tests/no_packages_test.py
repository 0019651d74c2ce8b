#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that is no Debian, or where nothing may be installed: a PATH of python3, make, POSIX tools, compilers, QEMU and busybox."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from testing import SCRIPTS
from cells import Cells
from common import CHECKOUT, NOTHING_RAN, PASSED, USAGE
from kernels import ready

POSIX = """sh awk basename bash cat chmod cmp cp cut date dirname env expr false find grep egrep head id install ln ls mkdir mktemp mv nproc
    printf pwd readlink realpath rm rmdir sed seq sleep sort stat tail tee test touch tr true uname uniq wc xargs""".split()
COMPILERS = "make gcc g++ cc clang clang++ as ld ar nm objcopy objdump readelf strip ldd".split()
OURS = ["python3", "busybox", "qemu-system-x86_64"]
REFUSED = ("dpkg", "dpkg-query", "apt-get", "apt-cache", "mmdebstrap", "sudo", "setpriv", "unshare", "chroot")


class NoPackages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.bin = Path(place.name, "bin")
        cls.bin.mkdir()
        cls.kernel = ready(Cells().get(Cells().default))
        # The kernel's own compiler is the one of its headers' configuration.
        for name in (*POSIX, *COMPILERS, *OURS, *re.findall(r"\bCC=(\S+)", cls.kernel["make"])):
            found = shutil.which(name)
            if found:
                (cls.bin / name).symlink_to(found)
        # As it is where no Debian is.
        release = Path(place.name, "os-release")
        release.write_text('ID=other\nVERSION_CODENAME=none\nPRETTY_NAME="Other"\n')
        cls.environment = {
            "PATH": str(cls.bin), "HOME": os.environ.get("HOME", "/"), "PTELAB_OS_RELEASE": str(release),
            **{name: os.environ[name] for name in ("PTELAB_CACHE", "XDG_CACHE_HOME") if name in os.environ},
        }  # fmt: skip
        cls.place = Path(place.name)

    def run_it(self, *command, **changed):
        return subprocess.run(command, cwd=CHECKOUT, env=self.environment | changed, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=500, check=False)

    def passed(self, *command, **changed):
        done = self.run_it(*command, **changed)
        self.assertEqual(done.returncode, PASSED, done.stdout + done.stderr)
        return done

    def test_the_path_has_no_packages_and_no_roots(self):
        for name in REFUSED:
            self.assertIsNone(shutil.which(name, path=str(self.bin)), name)

    def test_programs_build(self):
        self.passed("make", "userspace")
        made = self.place / "userspace"
        self.passed("make", "-s", "-C", "userspace", f"BUILD={made}", f"{made}/obj/lib/loader.o")

    def test_a_module_builds_for_the_headers_that_are_given(self):
        if not Path(self.kernel["kdir"]).exists():
            self.skipTest(f"the headers of {self.kernel['cell']} are in a root of its suite")
        done = self.passed("make", "module", f"KDIR={self.kernel['kdir']}")
        self.assertIn("built build/module/ptelab.ko", done.stdout)

    def test_hosted_tests_build_and_run(self):
        folder = self.place / "cxxrt"
        self.passed("make", "-s", "-C", "cxxrt", f"BUILD={folder}", "CXX_LIST=g++", f"{folder}/g++/freestanding-O2.o")
        self.passed("make", "-s", "-C", "userspace", "BUILD=../build/userspace", "check")

    def test_the_command_works_on_results(self):
        rule = {"id": "a", "contract": "", "name": "a", "status": "pass", "reason": "", "observed": {}, "expected": {},
                "expected_because": {}, "varies": [], "source": "mm/memory.c: f", "statement": "It is.", "file": "a.cpp", "line": 1}
        command = CHECKOUT / "build" / "userspace" / "bin" / "ptelab"
        self.assertIn("zap", self.passed(command, "rules", "zap*").stdout)
        results = self.place / "results"
        results.mkdir()
        for name, release in (("one", "6.1.0"), ("two", "6.12.0")):
            kernel = {"release": release, "arch": "x86_64", "flavour": "f", "cell": name, "version": "1", "page_size": 4096}
            (results / f"{name}.json").write_text(json.dumps({
                "kernel": kernel, "machine": None, "build": {"verdict": "pass", "reason": "", "warnings": 0, "compiler": "gcc"},
                "load": {"verdict": "pass", "reason": ""}, "verdict": "pass", "reason": "", "exit": 0, "splats": [], "tainted": {},
                "features": {}, "rules": [rule], "reached": {}, "gup": {}, "kinds": {}, "duration_s": 1.0}))
        self.passed(command, "compare", results / "one.json", results / "two.json")
        self.passed(command, "report", results, "-o", self.place / "report.html")
        self.assertIn("<html", (self.place / "report.html").read_text())

    def test_an_archive_for_the_guest_is_written(self):
        output = self.place / "initramfs"
        self.passed("scripts/initramfs", "-o", output)
        self.assertEqual(output.read_bytes()[:6], b"070701")

    def test_a_kernel_of_the_caller_s_and_one_of_the_cache_run(self):
        cell = self.kernel["cell"]
        for which in (("--kernel", self.kernel["vmlinuz"]), ("--cell", cell)):
            done = self.passed("scripts/vm", *which, "--no-kvm", "--no-module", "--", "uname", "-r")
            self.assertEqual(done.stdout.strip(), self.kernel["release"])
        # The last: the one in the cache, and why.
        self.assertRegex(done.stderr, f"kernel {cell}: the one in the cache, of .*, as (dpkg-query|apt-get) is missing: .*Debian")

    def test_what_needs_packages_says_what_to_install_in_a_sentence(self):
        for target in ("demo", "check"):
            done = self.run_it("make", "-s", target)
            self.assertEqual(done.returncode, 2)
            said = [line for line in done.stderr.splitlines() if line.startswith("setup:")]
            self.assertEqual(len(said), 1, done.stderr)
            self.assertRegex(said[0], "no Debian machine; install the equivalents of: .*qemu-system-x86")
        for cell in Cells().names():
            with self.subTest(cell):
                done = self.run_it("scripts/kernels", "get", cell, PTELAB_CACHE=str(self.place / "empty"))
                self.assertEqual(done.returncode, NOTHING_RAN, done.stderr)
                self.assertRegex(done.stderr.splitlines()[-1], "is missing: kernels come as Debian packages, so this needs a Debian machine")

    def test_without_busybox_or_qemu_it_says_so(self):
        for name in ("busybox", "qemu-system-x86_64"):
            less = self.place / f"without-{name}"
            less.mkdir()
            for program in self.bin.iterdir():
                if program.name != name:
                    (less / program.name).symlink_to(os.readlink(program))
            done = self.run_it("scripts/vm", "--kernel", self.kernel["vmlinuz"], "--boot", "--no-module", "--", "true", PATH=str(less),
                               PTELAB_CACHE=str(self.place / "empty"))
            self.assertEqual(done.returncode, NOTHING_RAN, done.stderr)
            self.assertRegex(done.stderr, f"{name} is missing: run scripts/setup")

    def test_no_headers_is_a_usage_error_that_says_what_to_install(self):
        done = self.run_it("make", "-s", "module", "KDIR=/no/such/headers")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("no kernel headers in /no/such/headers; install them", done.stderr)


if __name__ == "__main__":
    unittest.main()
