#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/setup before stand-ins for dpkg-query, id, sudo and apt-get: nothing is installed."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from testing import SCRIPTS
import host
from buildroot import kernel_packages
from cells import OTHER, Cells

NEEDED = ("sh", "sed", "tr", "dirname", "env", "mktemp", "rm", "tail", "cat", "awk", "sort")
ALL_INSTALLED = '#!/bin/sh\nshift 3\nfor p in "$@"; do echo "installed $p"; done\n'
NO_QEMU = '#!/bin/sh\nshift 3\nfor p in "$@"; do [ $p = qemu-system-x86 ] || echo "installed $p"; done\nexit 1\n'
RECORD = '#!/bin/sh\necho "$0" "$@" >>"{log}"\n'


class Setup(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.bin = Path(place.name)
        self.log = self.bin / "calls"
        for name in NEEDED:
            (self.bin / name).symlink_to(shutil.which(name))

    def stand_in(self, name, content):
        path = self.bin / name
        path.write_text(content.format(log=self.log) if "{log}" in content else content)
        path.chmod(0o755)

    def release(self, identity="debian", suite="bookworm"):
        """The path of an os-release."""
        path = self.bin / f"release-{identity}-{suite}"
        path.write_text(f'PRETTY_NAME="Some (System)"\nID={identity}\n' + (f"VERSION_CODENAME={suite}\n" if suite else ""))
        return path

    def cells(self, release):
        with mock.patch.dict("os.environ", PTELAB_OS_RELEASE=str(release)):
            host.suite.cache_clear()
            self.addCleanup(host.suite.cache_clear)
            return Cells()

    def wanted(self, suite, group):
        """What it would install on a machine of the suite that has nothing."""
        self.stand_in("dpkg-query", "#!/bin/sh\nexit 1\n")
        done = self.run_setup(group, release=self.release(suite=suite))
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr.partition("--no-install-recommends ")[2].split()

    def run_setup(self, *arguments, user=1000, release=None):
        self.stand_in("id", f"#!/bin/sh\necho {user}\n")
        return subprocess.run(
            ["/bin/sh", SCRIPTS / "setup", *arguments],
            env={"PATH": str(self.bin), "TMPDIR": str(self.bin), "PTELAB_OS_RELEASE": str(release or self.release())},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self):
        return self.log.read_text() if self.log.exists() else ""

    def test_with_everything_there_it_is_silent(self):
        self.stand_in("dpkg-query", ALL_INSTALLED)
        for group in ((), ("demo",), ("check",)):
            done = self.run_setup(*group)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_default_cell_is_the_one_that_the_scripts_take(self):
        for identity, suite in (("debian", "bookworm"), ("debian", "trixie"), ("debian", "forky"), ("debian", ""), ("ubuntu", "trixie")):
            with self.subTest(f"{identity} {suite}"):
                release = self.release(identity, suite)
                done = subprocess.run([SCRIPTS / "default-cell"], env={"PATH": "/usr/bin:/bin", "PTELAB_OS_RELEASE": str(release)},
                                      capture_output=True, text=True, check=True)
                self.assertEqual(done.stdout.strip(), self.cells(release).default)

    def test_a_stable_suite_has_a_default_of_its_own_and_any_other_that_of_others(self):
        self.assertEqual(self.cells(self.release(suite="bookworm")).default, "debian-6.1")
        self.assertEqual(self.cells(self.release(suite="trixie")).default, "debian-6.12")
        other = self.cells(self.release(suite="forky"))
        self.assertFalse(other.get(other.default).own)
        self.assertEqual(other.default, self.cells(self.release("fedora", OTHER)).default)

    def test_it_installs_what_the_machine_s_own_cells_need_and_what_makes_roots_for_the_rest(self):
        for suite in ("bookworm", "trixie", "forky"):
            cells = self.cells(self.release(suite=suite))
            for group, names in (("demo", [cells.default]), ("check", cells.checked()), ("all", cells.names())):
                with self.subTest(f"{suite} {group}"):
                    wanted = self.wanted(suite, group)
                    chosen = [cells.get(name) for name in names]
                    for cell in chosen:
                        if cell.own and cell.source:
                            self.assertLessEqual({*kernel_packages(cell)} - {"python3-minimal"}, {*wanted})
                        elif cell.own:
                            self.assertLessEqual({cell.headers, cell.compiler, cell.compiler.replace("gcc", "g++")}, {*wanted})
                            self.assertIn(cell.cxx or "g++", wanted)
                    self.assertEqual("mmdebstrap" in wanted, not all(cell.own for cell in chosen))
                    headers = {cell.headers for cell in chosen if cell.own and cell.headers}
                    self.assertEqual({each for each in wanted if each.startswith("linux-headers")}, headers)
                    versions = {each for each in wanted if each.startswith(("gcc-", "clang-")) and each[-1].isdigit()}
                    self.assertEqual(versions, {each for cell in chosen if cell.own and not cell.arch == "arm64"
                                                for each in (cell.compiler, cell.cxx) if each})

    def test_without_root_it_prints_the_line_to_run(self):
        self.stand_in("dpkg-query", NO_QEMU)
        done = self.run_setup()
        self.assertEqual(done.returncode, 2)
        self.assertIn("apt-get install -y --no-install-recommends qemu-system-x86\n", done.stderr)

    def test_root_installs_only_what_is_missing(self):
        self.stand_in("dpkg-query", NO_QEMU)
        self.stand_in("apt-get", RECORD)
        done = self.run_setup(user=0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("install -y --no-install-recommends qemu-system-x86\n", self.calls())
        self.assertNotIn("python3", self.calls())

    def test_a_user_with_sudo_installs_through_it(self):
        self.stand_in("dpkg-query", NO_QEMU)
        self.stand_in("sudo", RECORD)
        self.assertEqual(self.run_setup().returncode, 0)
        self.assertRegex(self.calls(), r"sudo env .*apt-get .*qemu-system-x86")

    def test_lists_that_were_never_fetched_are_fetched(self):
        self.stand_in("dpkg-query", NO_QEMU)
        script = RECORD + 'case "$*" in *update*) : >"{log}.lists" ;; *) [ -e "{log}.lists" ] ;; esac\n'
        self.stand_in("apt-get", script)
        self.assertEqual(self.run_setup(user=0).returncode, 0)
        kinds = [line.split()[4] for line in self.calls().splitlines()]
        self.assertEqual(kinds, ["install", "update", "install"])

    def test_a_failure_of_apt_is_shown_with_the_line_to_run(self):
        self.stand_in("dpkg-query", NO_QEMU)
        self.stand_in("apt-get", "#!/bin/sh\necho E: no space left\nexit 100\n")
        done = self.run_setup(user=0)
        self.assertEqual(done.returncode, 1)
        self.assertIn("E: no space left", done.stderr)
        self.assertIn("apt-get install", done.stderr)

    def test_an_unknown_group_is_a_usage_error(self):
        self.stand_in("dpkg-query", ALL_INSTALLED)
        self.assertEqual(self.run_setup("everything").returncode, 2)

    def test_a_machine_without_dpkg_is_told_so(self):
        self.assertEqual(self.run_setup().returncode, 2)


if __name__ == "__main__":
    unittest.main()
