#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine may have against us: each time one clear sentence, the right status, and nothing half done left behind."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from testing import SCRIPTS, script
import common
import host
from cells import Cells
from common import HARNESS, NO_ROOM, NOTHING_RAN, PASSED, cache_folder, locked

CELL = Cells().default


def is_foreign(name):
    """Whether the cell's kernel comes in a root of another suite."""
    archives = Cells().get(name).archives
    return bool(archives) and archives[0] != host.suite()


class Place(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        (self.place / "bin").mkdir()
        self.path = f"{self.place / 'bin'}:{os.environ['PATH']}"

    def stand_in(self, name, body):
        """A program of that name, before the real one in PATH."""
        program = self.place / "bin" / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    def assert_one_sentence(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        told = [line for line in done.stderr.splitlines() if not line.split(": ", 1)[-1].startswith(("kernel ", "fetching "))]
        self.assertEqual(len(told), 1, done.stderr)
        for word in words:
            self.assertIn(word, told[0])

    def assert_empty(self, folder):
        """No file but locks, and lists of packages and the parsed table of kernels, which are worth keeping."""
        kept = {"suites", "tables"}
        left = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock" and kept.isdisjoint(path.parts)]
        self.assertEqual(left, [])


class FullDisk(Place):
    def small_disk(self, megabytes):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        disk = self.place / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("this root may not mount")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        return disk

    def test_a_run_that_cannot_write_what_it_boots(self):
        disk = self.small_disk(1)
        (disk / "kernels").symlink_to(cache_folder() / "kernels")
        done = script("vm", "--cell", CELL, "--no-kvm", "--no-module", "--", "true", PTELAB_CACHE=str(disk))
        self.assert_one_sentence(done, HARNESS, NO_ROOM)
        self.assertEqual(list((disk / "run").iterdir()) if (disk / "run").exists() else [], [])

    def test_a_kernel_log_that_cannot_be_written(self):
        """The disk has room for what the guest is started with, and none behind it."""
        disk = self.small_disk(64)
        for name in ("kernels", "machines"):
            (disk / name).symlink_to(cache_folder() / name)
        run = ("vm", "--cell", CELL, "--no-kvm", "--no-module")
        self.assertEqual(script(*run, "--", "true", PTELAB_CACHE=str(disk)).returncode, PASSED)
        with open(disk / "fill", "wb") as fill, self.assertRaises(OSError):
            while True:
                fill.write(b"\0" * (1 << 20))
        os.truncate(disk / "fill", (disk / "fill").stat().st_size - 4 * 4096)
        many_lines = "i=1000; while [ $i -lt 1200 ]; do printf '<5>%0800d\\n' $i >/dev/kmsg; i=$((i+1)); done"
        done = script(*run, "--", many_lines, PTELAB_CACHE=str(disk))
        self.assertEqual(done.returncode, HARNESS, done.stderr)
        self.assertIn(NO_ROOM, done.stderr)

    def test_a_result_that_cannot_be_written(self):
        disk = self.small_disk(1)
        with open(disk / "fill", "wb") as fill, self.assertRaises(OSError):
            fill.write(b"\0" * (2 << 20))
        self.stand_in("apt-get", 'echo "E: no mirror answers" >&2; exit 100')
        self.stand_in("apt-cache", "exit 1")
        built = next(name for name in Cells().named(["built"]))
        done = script("run-cell", built, "-o", str(disk / "result.json"), PATH=self.path, PTELAB_CACHE=str(self.place / "cache"))
        self.assertIn(NO_ROOM, done.stderr.splitlines()[-1])
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual({path.name for path in disk.iterdir()} - {"result.lock"}, {"fill"})

    def test_a_package_for_which_there_is_no_room(self):
        """As apt-get says it."""
        said = f"E: Failed to fetch some.deb  Error writing to file - write (28: {os.strerror(errno.ENOSPC)})"
        self.stand_in("apt-get", f'case " $* " in *" download "*) echo "{said}" >&2; exit 100;; esac; exec {shutil.which("apt-get")} "$@"')
        cache = self.place / "cache"
        if is_foreign(CELL):
            self.skipTest("the default kernel comes in a root of its suite here")
        done = script("kernels", "get", CELL, PATH=self.path, PTELAB_CACHE=str(cache))
        self.assert_one_sentence(done, NOTHING_RAN, NO_ROOM)
        self.assert_empty(cache)

    def test_whatever_meets_it(self):
        for failure in (OSError(errno.ENOSPC, "no room", "some file"), OSError(errno.EDQUOT, "quota"),
                        common.Failure(f"cannot unpack a.deb: tar: {os.strerror(errno.ENOSPC)}")):
            with mock.patch("common.note") as note, self.assertRaises(SystemExit) as ended:
                common.run_main(mock.Mock(side_effect=failure))
            self.assertTrue(str(note.call_args.args[0]).startswith(NO_ROOM), note.call_args)
            self.assertEqual(ended.exception.code, HARNESS)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    def test_any_other_error_is_not_taken_for_it(self):
        with self.assertRaises(PermissionError):
            common.run_main(mock.Mock(side_effect=PermissionError(errno.EACCES, "no")))


class Network(Place):
    def get(self, cell):
        self.cache = self.place / "cache"
        return script("kernels", "get", cell, PATH=self.path, PTELAB_CACHE=str(self.cache))

    def foreign(self):
        return next(name for name in Cells().named(["packaged"]) if is_foreign(name))

    def test_no_network(self):
        """apt-get as it is without one: its list of sources is there, and nobody answers."""
        said = "E: Failed to fetch http://mirror/dists/x/InRelease  Could not connect to mirror:80, connection timed out"
        self.stand_in("apt-get", f'case " $* " in *" update "*) echo "{said}" >&2; exit 100;; esac; exec {shutil.which("apt-get")} "$@"')
        self.assert_one_sentence(self.get(self.foreign()), NOTHING_RAN, "apt-get update: ", "Could not connect")
        self.assert_empty(self.cache)

    def test_a_mirror_without_the_package(self):
        self.stand_in("apt-cache", 'case " $* " in *" policy "*) echo "  Candidate: (none)";; esac')
        self.stand_in("apt-get", f'case " $* " in *" update "*) exit 0;; esac; exec {shutil.which("apt-get")} "$@"')
        built = next(name for name in Cells().named(["built"]))
        self.assert_one_sentence(self.get(built), NOTHING_RAN, "apt knows no package linux-source-")
        self.assert_empty(self.cache)


class TwoAtOnce(Place):
    def test_a_second_run_of_a_target_waits_and_says_for_whom(self):
        output = self.place / "result.json"
        with locked(output.with_suffix(".lock")):
            second = subprocess.Popen([SCRIPTS / "run-cell", CELL, "-o", output], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            with second:
                self.assertEqual(second.stderr.readline(), f"run-cell: waiting for process {os.getpid()} to finish its run of {CELL}\n")
                second.send_signal(signal.SIGINT)
                rest = second.communicate(timeout=60)[1]
        self.assertEqual((second.returncode, rest), (128 + signal.SIGINT, ""))
        self.assertFalse(output.exists())

    def test_a_module_is_built_by_one_at_a_time(self):
        folder = SCRIPTS.parent / "build" / CELL
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "module.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            second = subprocess.Popen([SCRIPTS / "build-cell", CELL], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            with second:
                self.assertEqual(second.stderr.readline(), f"build-cell: waiting for another process to finish the module of {CELL}\n")
                second.terminate()

    def test_a_lock_whose_owner_is_gone_does_not_block(self):
        path = self.place / "some.lock"
        path.write_text("1\n")
        with mock.patch("common.note") as note, locked(path):
            note.assert_not_called()


class CtrlC(Place):
    """A run of a guest, ended in the middle."""

    def test_nothing_is_left(self):
        cache = self.place / "cache"
        cache.mkdir()
        (cache / "kernels").symlink_to(cache_folder() / "kernels")
        output = self.place / "result.json"
        command = [SCRIPTS / "run-cell", CELL, "--no-kvm", "--command", "echo up; sleep 1000", "-o", output]
        environment = os.environ | {"PTELAB_CACHE": str(cache), "TMPDIR": str(self.place)}
        run = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
        with run:
            self.assertEqual(run.stdout.readline(), "up\n")
            self.assertEqual(len(processes_with(cache)), 1)
            os.killpg(run.pid, signal.SIGINT)
            told = run.communicate(timeout=60)[1]
        self.assertEqual(run.returncode, 128 + signal.SIGINT, told)
        self.assertNotIn("Traceback", told)
        self.assertEqual(processes_with(cache), [])
        self.assertEqual(list((cache / "run").iterdir()), [])
        self.assertEqual([path.name for path in self.place.iterdir() if path.name.startswith("ptelab-")], [])
        self.assertFalse(output.exists())
        with mock.patch("common.note") as note, locked(output.with_suffix(".lock")):
            note.assert_not_called()


def processes_with(folder):
    """Those of QEMU whose command line names a file in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes()
        except OSError:
            continue
        if b"qemu-system" in line and str(folder).encode() in line:
            found.append(process)
    return found


if __name__ == "__main__":
    unittest.main()
