#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/setup before stand-ins for dpkg-query, id, sudo and apt-get: nothing is installed."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from testing import SCRIPTS

NEEDED = ("sh", "sed", "tr", "dirname", "env", "mktemp", "rm", "tail", "cat")
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

    def run_setup(self, *arguments, user=1000):
        self.stand_in("id", f"#!/bin/sh\necho {user}\n")
        return subprocess.run(
            ["/bin/sh", SCRIPTS / "setup", *arguments],
            env={"PATH": str(self.bin), "TMPDIR": str(self.bin)},
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

    def test_headers_of_another_suite_are_not_for_this_machine(self):
        table = (SCRIPTS.parent / "ci" / "kernels.toml").read_text()
        self.assertIn("linux-headers-rt-amd64", table)
        self.stand_in("dpkg-query", "#!/bin/sh\nexit 1\n")
        done = self.run_setup("check")
        self.assertIn("linux-headers-cloud-amd64", done.stderr)
        self.assertNotIn("linux-headers-rt-amd64", done.stderr)

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
