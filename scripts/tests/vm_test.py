#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/vm and scripts/run-cell with real guests: each way a run can end, provoked."""

import json
import os
import pty
import shlex
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from testing import SCRIPTS, script
import guest
import kernels
import probes
import qemu
from arches import ARCHES
from cells import Cells
from common import FAILED, HARNESS, NOTHING_RAN, PANIC, PASSED, TIMEOUT, USAGE, cache_folder, scratch_folder
from sharedmemory import GUEST_OFFSET, GUEST_TEXT, HOST_OFFSET, HOST_TEXT, RULE
from records import replace

CELL = Cells().default
PLAIN = ("--cell", CELL, "--no-kvm", "--no-module")
# What a rule in the guest does through the iomap node: read the host's text, answer with its nonce.
ANSWER = f"""
set -e
rmmod ptelab 2>/dev/null || true
for device in /sys/bus/pci/devices/*; do
	[ "$(cat $device/device)" != 0x1110 ] || break
done
echo 1 >$device/enable
bar=$(sed -n 3p $device/resource | cut -d' ' -f1)
nonce=
for i in $(seq 0 15); do
	byte=$(devmem $(($bar + {HOST_OFFSET + len(HOST_TEXT)} + i)) 8)
	nonce=$nonce$(printf "\\x${{byte#0x}}")
done
answer="{GUEST_TEXT.decode()}$nonce"
for i in $(seq 0 $((${{#answer}} - 1))); do
	devmem $(($bar + {GUEST_OFFSET} + i)) 8 $(printf %d "'${{answer:$i:1}}")
done
"""
# One rule ended, the next did not, and what followed was cut short.
STREAM = """printf '%s\\n' '{"id": "a", "status": "pass"}' '{"id": "b", "status": "fail"}' '{"id": "c"' >$PTELAB_STREAM"""
RECORD = """echo '[{"id": "a.rule", "status": "pass"}]' >/results/rules.json"""


class Guests(unittest.TestCase):
    """All guests at once, two at a time; each test looks at one of them."""

    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.addClassCleanup(place.cleanup)
        cls.place = Path(place.name)
        (cls.place / "ptelab.ko").write_text("not a module\n")
        (cls.place / "folder").mkdir()
        (cls.place / "folder" / "file").write_text("taken along")
        shared = cls.place / "shared"
        shared.write_bytes(b"\0" * (1 << 20))
        log = ("--log", cls.place / "kernel.log")

        runs = {
            "pass": (*PLAIN, *log, "--results", cls.place / "results", "--with", cls.place / "folder:/along",
                     "--with", "/bin/kmod:/opt/kmod", "--append", "ptelab_test=1", "--memory", "384", "--cpus", "1",
                     "--", "echo out; echo err >&2; printf '\\200\\n\\377'; cat /along/file; /opt/kmod --version;"
                     "cat /proc/cmdline; nproc; grep MemTotal /proc/meminfo; echo kept >/results/own"),
            "status": (*PLAIN, "--", "sh", "-c", "exit 124"),
            "arguments": (*PLAIN, "--", "printf", "<%s>", "a b", "$HOME", "it's"),
            "complaint": (*PLAIN, "--", "echo 'BUG: a lie' >/dev/kmsg"),
            "declared": (*PLAIN, "--", "echo 'BUG: a lie' >/dev/kmsg; echo 'BUG: a l' >/results/declared"),
            "panic": (*PLAIN, "--", "echo c >/proc/sysrq-trigger"),
            "hang": (*PLAIN, "--timeout", "10", "--", "echo started; sleep 1000"),
            "lost": (*PLAIN, "--", "poweroff -n -f"),
            "unloadable": ("--cell", CELL, "--no-kvm", "--module", cls.place / "ptelab.ko", "--", "true"),
            "no device": (*PLAIN, "--no-ivshmem", "--", "cat /sys/bus/pci/devices/*/device"),
            "device": (*PLAIN, "--ivshmem", shared, "--", "cat /sys/bus/pci/devices/*/device"),
        }  # fmt: skip
        with ThreadPoolExecutor(max_workers=2) as pool:
            cls.done = dict(zip(runs, pool.map(lambda words: script("vm", *words), runs.values())))

    def ended(self, run, status, *words):
        done = self.done[run]
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def test_a_command_that_passes(self):
        done = self.ended("pass", PASSED, "vm: pass in ")
        self.assertTrue(done.stdout.startswith("out\nerr\n"), done.stdout)

    def test_its_output_arrives_byte_for_byte(self):
        self.assertIn(b"\200\n\377", self.done["pass"].stdout.encode("utf-8", "surrogateescape"))

    def test_what_is_taken_along_is_there_and_runs(self):
        self.assertIn("taken along", self.done["pass"].stdout)
        self.assertIn("kmod version", self.done["pass"].stdout)

    def test_the_machine_is_as_asked_for(self):
        out = self.done["pass"].stdout
        self.assertIn("ptelab_test=1", out)
        self.assertRegex(out, r"(?m)^1$")
        self.assertLess(int(out.split("MemTotal:")[1].split()[0]), 384 << 10)

    def test_results_and_kernel_log_are_kept_apart(self):
        self.assertEqual((self.place / "results" / "own").read_text(), "kept\n")
        self.assertIn("Linux version", (self.place / "kernel.log").read_text())
        self.assertNotIn("Linux version", self.done["pass"].stdout)

    def test_the_status_of_the_command_is_that_of_vm_and_named(self):
        self.ended("status", 124, "vm: fail", "the command exited with status 124")

    def test_arguments_arrive_unchanged(self):
        self.assertEqual(self.ended("arguments", PASSED).stdout, "<a b><$HOME><it's>")

    def test_a_complaint_of_the_kernel_fails_a_command_that_passed(self):
        self.ended("complaint", FAILED, "BUG: a lie", "the kernel complained")

    def test_a_declared_complaint_does_not(self):
        self.ended("declared", PASSED)

    def test_a_panic(self):
        self.ended("panic", PANIC, "vm: panic in ", "sysrq triggered crash", "Call Trace")

    def test_a_hang_is_cut_off_and_what_it_said_before_is_seen(self):
        done = self.ended("hang", TIMEOUT, "vm: timeout in ", "no verdict within 10 s", "end of the kernel log")
        self.assertEqual(done.stdout, "started\n")

    def test_results_that_never_come(self):
        self.ended("lost", HARNESS, "vm: broken in ", "without sending its results")

    def test_a_module_that_does_not_load(self):
        self.ended("unloadable", HARNESS, "vm: broken in ", "ptelab.ko did not load")

    def test_the_shared_memory_device_is_there_unless_refused(self):
        self.assertIn("0x1110", self.done["device"].stdout)
        self.assertNotIn("0x1110", self.done["no device"].stdout)


class WithoutGuest(unittest.TestCase):
    def test_no_qemu(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("env", "python3", "dpkg-query"):
                Path(folder, name).symlink_to(subprocess.getoutput(f"command -v {name}"))
            for arguments in (("vm", *PLAIN, "--", "true"), ("run-cell", CELL, "-o", f"{folder}/result.json")):
                done = script(*arguments, PATH=folder)
                self.assertEqual(done.returncode, NOTHING_RAN, done.stderr)
                self.assertIn("qemu-system-x86_64 is missing: run scripts/setup", done.stderr)
            result = json.loads(Path(folder, "result.json").read_text())
            self.assertEqual((result["verdict"], result["exit"]), ("broken", NOTHING_RAN))

    def test_what_a_killed_run_left_is_removed(self):
        with tempfile.TemporaryDirectory() as cache:
            left = Path(cache, "run", "999999999-killed")
            left.mkdir(parents=True)
            (left / "initramfs").touch()
            with scratch_folder(Path(cache, "run")):
                self.assertFalse(left.exists())

    def test_usage_errors(self):
        for arguments in (
            ("--no-such-option",),
            ("--cell", "no-such-cell"),
            ("--with", "/no/such/file"),
            ("--module", "/no/such.ko"),
            ("--ivshmem", "/no/such/file"),
            ("--ivshmem", "/etc/passwd", "--dry-run"),
            ("--memory", "lots"),
        ):
            with self.subTest(arguments):
                self.assertEqual(script("vm", *arguments, "--", "true").returncode, USAGE)

    def dry_run(self, *arguments):
        done = script("vm", *PLAIN, "--dry-run", *arguments)
        self.assertEqual(done.returncode, PASSED, done.stderr)
        return shlex.split(done.stdout)

    def test_a_dry_run_prints_the_whole_line(self):
        words = self.dry_run("--append", "one two", "--", "true")
        self.assertIn("-kernel", words)
        self.assertTrue(words[words.index("-append") + 1].endswith(" tsc=nowatchdog one two"))
        self.assertTrue(Path(words[words.index("-initrd") + 1]).is_file())
        self.assertTrue(words[words.index("-accel") + 1].startswith("tcg"))

    def test_gdb_stops_the_machine_and_the_kernel_stays_where_it_is_linked(self):
        words = self.dry_run("--gdb")
        self.assertLessEqual({"-s", "-S"}, set(words))
        self.assertIn("nokaslr", words[words.index("-append") + 1].split())

    def test_icount_has_one_processor_and_a_fixed_layout(self):
        words = self.dry_run("--icount", "--cpus", "4")
        self.assertEqual(words[words.index("-smp") + 1], "1")
        self.assertEqual(words[words.index("-icount") + 1], "shift=0,sleep=off")
        self.assertIn("norandmaps", words[words.index("-append") + 1].split())


class Threads(unittest.TestCase):
    """A QEMU that may run code that is no longer there has one thread for all processors."""

    def chosen(self, version, **asked):
        with mock.patch("qemu.version", lambda arch: version):
            return qemu.threads(qemu.Machine(arch=ARCHES[Cells().get(CELL).arch], memory=256, **asked))

    def test_go_by_the_version_of_qemu(self):
        for version, threads in (("7.2.22 (Debian 1:7.2+dfsg-7)", "single"), ("8.2.2", "single"), ("9.0.2", "single"),
                                 ("9.1.0", "multi"), ("10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", "multi")):
            self.assertEqual(self.chosen(version), threads, version)

    def test_are_as_asked_for(self):
        self.assertEqual(self.chosen("7.2.22", threads="multi"), "multi")
        self.assertEqual(self.chosen("10.0.13", threads="single"), "single")
        self.assertEqual(self.chosen("10.0.13", threads="multi", icount=True), "single")

    def test_of_this_machine_s_qemu_are_known_without_asking_it_again(self):
        arch = ARCHES[Cells().get(CELL).arch]
        version = qemu.version(arch)
        self.assertRegex(version, r"^\d+\.\d+")
        with mock.patch("subprocess.run", side_effect=AssertionError("asked again")):
            self.assertEqual(qemu.version(arch), version)


class Hanging(unittest.TestCase):
    """A kernel that is not up in time; here no kernel can be."""

    def run_it(self, on_boot):
        cell = Cells().get(CELL)
        machine = qemu.Machine(arch=ARCHES[cell.arch], memory=256, accel="tcg")
        request = guest.Request(cell, kernels.ready(cell), machine, ("true",), timeout=100)
        boots = []

        def announce(words):
            boots.append(words)
            on_boot(len(boots))

        with mock.patch("guest._BOOT_SECONDS", 0.3):
            return guest.run(request, announce), len(boots)

    def test_is_booted_again_and_the_result_says_so(self):
        def patient(boot):
            if boot == 2:
                guest._BOOT_SECONDS = 60

        outcome, boots = self.run_it(patient)
        self.assertEqual((outcome.verdict, outcome.boots, boots), ("pass", 2, 2), outcome.reason)

    def test_that_never_comes_up_is_a_timeout_that_says_why(self):
        outcome, boots = self.run_it(lambda boot: None)
        self.assertEqual((outcome.verdict, outcome.boots, boots), ("timeout", 2, 2))
        self.assertEqual(outcome.reason, "the kernel did not come to user space within 0.3 s")


class Dying(unittest.TestCase):
    """A kernel that panics before user space, as it finds no init, on its first boots."""

    def run_it(self, deaths):
        cell = Cells().get(CELL)
        kernel = kernels.ready(cell)
        boots = []

        def words(machine, *rest):
            boots.append(machine)
            return command_line(replace(machine, append="rdinit=/nonexistent") if len(boots) <= deaths else machine, *rest)

        command_line = qemu.command_line
        machine = qemu.Machine(arch=ARCHES[cell.arch], memory=256, accel="tcg")
        with mock.patch("qemu.command_line", words):
            return guest.run(guest.Request(cell, kernel, machine, ("true",), timeout=100)), len(boots)

    def test_is_booted_again_and_the_result_names_its_death(self):
        outcome, boots = self.run_it(deaths=1)
        self.assertEqual((outcome.verdict, outcome.boots, boots), ("pass", 2, 2), outcome.reason)
        self.assertEqual(len(outcome.boot_failures), 1)
        self.assertIn("Unable to mount root fs", outcome.boot_failures[0])

    def test_twice_is_a_panic(self):
        outcome, boots = self.run_it(deaths=2)
        self.assertEqual((outcome.verdict, outcome.exit, outcome.boots, boots), ("panic", PANIC, 2, 2))
        self.assertEqual(len(outcome.boot_failures), 2)


class Interrupted(unittest.TestCase):
    """While a machine is saved, and while one runs: nothing is left behind."""

    def qemus(self, cache, word):
        return [
            pid for pid in os.listdir("/proc")
            if pid.isdigit() and all(each in _command_line(pid) for each in (str(cache), "qemu-system", word))
        ]  # fmt: skip

    def start(self, cache, word):
        # The kernel comes from the real cache, whatever runs is in this one.
        cache.mkdir(exist_ok=True)
        if not (cache / "kernels").exists():
            (cache / "kernels").symlink_to(cache_folder() / "kernels")
        process = subprocess.Popen(
            [SCRIPTS / "vm", *PLAIN, "--", "sleep 1000"],
            env=os.environ | {"PTELAB_CACHE": str(cache)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_until(lambda: self.qemus(cache, word))
        return process

    def wait_until(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def left(self, cache):
        """Folders of runs and of machines that are not whole."""
        found = [*cache.glob("run/*"), *cache.glob("machines/*")]
        return [each for each in found if each.is_dir() and not (each / "machine.json").exists()]

    def test_qemu_dies_with_its_caller(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            cache = Path(place, "cache")
            # The first is interrupted while it saves a machine, the second when it has one.
            for word in ("-mon", "-incoming"):
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                    with self.subTest(number):
                        process = self.start(cache, word)
                        process.send_signal(number)
                        process.wait(timeout=20)
                        self.wait_until(lambda: not self.qemus(cache, "qemu-system"))
                        if number != signal.SIGKILL:
                            self.assertEqual(self.left(cache), [])
                        else:
                            # What a killed one left goes when the next comes.
                            self.assertEqual(script("vm", *PLAIN, "--", "true", PTELAB_CACHE=str(cache)).returncode, PASSED)
                            self.assertEqual(self.left(cache), [])


class Interactive(unittest.TestCase):
    def test_a_shell_on_a_terminal_that_is_restored(self):
        ours, theirs = pty.openpty()
        before = _terminal_state(theirs)
        process = subprocess.Popen([SCRIPTS / "vm", *PLAIN], stdin=theirs, stdout=theirs, stderr=theirs)
        seen = bytearray()

        def read():
            while True:
                try:
                    seen.extend(os.read(ours, 4096))
                except OSError:
                    return

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + 30
        while b"# " not in seen and time.monotonic() < deadline:
            time.sleep(0.05)
        os.write(ours, b"echo $((6*7)); tty; exit 3\n")
        self.assertEqual(process.wait(timeout=30), 3, seen.decode(errors="replace"))
        self.assertIn(b"42\r\n/dev/ttyS2", seen)
        self.assertEqual(_terminal_state(theirs), before)
        os.close(theirs)


class RunCell(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        runs = {
            "answered": (ANSWER + RECORD,),
            "silent": (RECORD,),
            "nothing recorded": ("true",),
            "panic": ("echo c >/proc/sysrq-trigger",),
            "timeout": ("sleep 1000", "--timeout", "3"),
            "panic in a rule": (f"{STREAM}; echo c >/proc/sysrq-trigger",),
        }
        with ThreadPoolExecutor(max_workers=2) as pool:
            cls.done = dict(zip(runs, pool.map(lambda words: cls.run_cell(*words), runs.values())))

    @staticmethod
    def run_cell(command, *arguments):
        """The exit status and the result file's content."""
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "result.json"
            done = script("run-cell", CELL, "--no-kvm", "-o", output, "--command", command, *arguments)
            return done.returncode, json.loads(output.read_text())

    def ended(self, run, verdict, status):
        """The result and its rules by id."""
        returned, result = self.done[run]
        self.assertEqual((result["verdict"], result["exit"], returned), (verdict, status, status), result)
        self.assertEqual(result["kernel"]["cell"], CELL)
        self.assertEqual(result["machine"]["accel"], "tcg")
        return result, {rule["id"]: rule for rule in result["rules"]}

    def test_rules_that_pass_and_shared_memory_that_answers(self):
        result, rules = self.ended("answered", "pass", PASSED)
        self.assertEqual(rules["a.rule"]["status"], "pass")
        self.assertEqual(rules[RULE]["status"], "pass")
        self.assertEqual(result["splats"], [])

    def test_a_guest_that_does_not_answer_in_the_shared_memory_fails(self):
        _, rules = self.ended("silent", "fail", FAILED)
        self.assertEqual(rules["a.rule"]["status"], "pass")
        self.assertEqual(rules[RULE]["status"], "fail")

    def test_tests_that_record_nothing_are_broken(self):
        self.ended("nothing recorded", "broken", HARNESS)

    def test_a_panic_still_leaves_a_result(self):
        result, rules = self.ended("panic", "panic", PANIC)
        self.assertIn("sysrq triggered crash", result["splats"][0]["line"])
        self.assertEqual(rules[RULE]["status"], "skip")

    def test_a_panic_loses_no_rule_that_was_sent(self):
        result, rules = self.ended("panic in a rule", "panic", PANIC)
        self.assertEqual({name: rules[name]["status"] for name in rules if name not in (RULE, probes.RULE)}, {"a": "pass", "b": "fail"})
        self.assertEqual(result["load"]["verdict"], "pass")

    def test_a_timeout_still_leaves_a_result(self):
        self.ended("timeout", "timeout", TIMEOUT)


def _command_line(pid):
    try:
        return Path("/proc", pid, "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _terminal_state(descriptor):
    return subprocess.run(["stty", "-g"], stdin=descriptor, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    unittest.main()
