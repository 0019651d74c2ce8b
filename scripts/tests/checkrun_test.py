#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How scripts/check runs its steps: order, places, what a skip counts as, what is kept for the next run, and what Ctrl-C leaves."""

import contextlib
import io
import os
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from dataclasses import replace
from pathlib import Path

from testing import SCRIPTS
from allowedskips import TABLE, AllowedSkips
from board import Board, telling
from checkrun import CheckRun
from common import Failure
from kept import Kept
from steps import IN_CHECK_ALL_ALONE, SLOW_TESTS, Step, behind, check, wanted
from cells import Cells
from tally import Tally, of_ktap, of_status


class Place(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        (self.place / "source").mkdir()

    def step(self, name, command, *after, **more):
        return Step(name, command, more.pop("count", of_status), after, **more)

    def allowed(self, text=""):
        table = self.place / "allowed-skips.toml"
        table.write_text(text)
        return AllowedSkips(table)

    def run_steps(self, *listed, places=2, allowed="", kept=None):
        """(Board, what it printed, CheckRun)."""
        board = Board(listed)
        run = CheckRun(board, places, self.place, self.place, self.allowed(allowed), kept)
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()):
            run.all(listed)
        return board, printed.getvalue(), run

    def ran(self):
        log = self.place / "ran"
        return log.read_text().split() if log.exists() else []

    def noted(self, name, *after, then="", **more):
        return self.step(name, f"echo {name} >>ran; {then or 'true'}", *after, **more)


class Steps(Place):
    def test_each_runs_behind_what_it_needs(self):
        board, _, _ = self.run_steps(self.noted("b", "a"), self.noted("a", then="sleep 0.2"))
        self.assertEqual((self.ran(), board.total), (["a", "b"], Tally(passed=2)))

    def test_what_needs_a_failed_step_fails_and_does_not_run(self):
        board, text, _ = self.run_steps(self.noted("a", then="echo it broke; exit 3"), self.noted("b", "a"), self.noted("c", "b"))
        self.assertEqual((self.ran(), board.total), (["a"], Tally(failed=3)))
        self.assertIn("| it broke", text)

    def test_as_many_at_a_time_as_there_are_places(self):
        watch = "ls running >>seen 2>/dev/null; mkdir -p running/$$; sleep 0.2; rmdir running/$$"
        (self.place / "running").mkdir()
        self.run_steps(*(self.step(str(number), watch) for number in range(4)), places=1)
        self.assertEqual((self.place / "seen").read_text(), "")

    def test_a_step_of_two_places_runs_alone_on_two(self):
        wide = "ls running >>seen; sleep 0.2"
        narrow = "mkdir -p running/$$; sleep 0.2; rmdir running/$$"
        (self.place / "running").mkdir()
        board, _, _ = self.run_steps(self.step("n", narrow), self.step("w", wide, places=2), self.step("m", narrow))
        self.assertEqual((board.total, (self.place / "seen").read_text()), (Tally(passed=3), ""))

    def test_a_step_wider_than_the_machine_runs_all_the_same(self):
        self.assertEqual(self.run_steps(self.noted("a", places=2), places=1)[0].total, Tally(passed=1))

    def test_a_result_of_an_earlier_run_is_gone_if_it_is_not_made_anew(self):
        old = self.place / "old.json"
        old.write_text("{}")
        self.run_steps(self.noted("a", then="exit 1"), self.noted("b", "a", makes=old))
        self.assertFalse(old.exists())

    def test_a_log_that_cannot_be_written_is_one_sentence(self):
        board = Board([self.noted("a")])
        run = CheckRun(board, 1, Path("/dev/full"), self.place, self.allowed())
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            run.all([self.noted("a")])
        self.assertEqual(board.total, Tally(failed=1))
        self.assertIn("a could not be run: ", printed.getvalue())

    def test_a_pattern_brings_what_its_steps_need(self):
        listed = [self.noted("c"), self.noted("b", "a"), self.noted("a")]
        self.assertEqual([step.name for step in wanted(listed, ["b"])], ["a", "b"])


class Lines(Place):
    def test_a_target_and_a_group_are_a_line_each(self):
        text = self.run_steps(self.noted("x kernel", line="x"), self.noted("x rules", "x kernel", line="x"), self.noted("lint"))[1]
        lines = sorted(text.splitlines())
        self.assertEqual(len(lines), 2, text)
        self.assertRegex(lines[0], r"^ok +rules +1 passed, 0 failed, 0 skipped  0:00$")
        self.assertRegex(lines[1], r"^ok +target x +2 passed, 0 failed, 0 skipped  0:00$")

    def test_no_line_but_the_last_is_taken_for_the_closing_one(self):
        text = self.run_steps(self.noted("a"), self.noted("b", then="exit 1"))[1]
        self.assertNotRegex(text, r"(?m)^(\w+: )?\d+ passed, \d+ failed")

    def test_failures_among_verdicts_are_told_in_full(self):
        log = "\n".join(["ok 1 a", *(f"# said {number}" for number in range(30)), "not ok 2 b", "# of c", "ok 3 c", "run-cell: fail"])
        told = telling(log, "log")
        self.assertEqual(told, (*(f"# said {number}" for number in range(30)), "not ok 2 b", "run-cell: fail"))

    def test_a_log_without_verdicts_is_told_whole(self):
        self.assertEqual(telling("error: one\nerror: two\n", "log"), ("error: one", "error: two"))

    def test_a_very_long_one_is_named(self):
        told = telling("\n".join(map(str, range(5000))), "the-log")
        self.assertLess(len(told), 1000)
        self.assertIn("the-log", told[-1])


class Skips(Place):
    LIST = '[[skip]]\nstep = ".* kernel"\nreason = "only root"\nwhy = "so it is"\n'

    def test_a_whole_skip_fails(self):
        board, text, _ = self.run_steps(self.step("a", "echo no such thing here; exit 77"))
        self.assertEqual(board.total, Tally(failed=1, skipped=1))
        self.assertIn("does not allow it: no such thing here", text)

    def test_an_allowed_one_does_not_and_what_needs_it_is_skipped(self):
        board, text, _ = self.run_steps(self.step("a kernel", "echo only root can; exit 77"), self.noted("b", "a kernel"),
                                        allowed=self.LIST)
        self.assertEqual((board.total, self.ran()), (Tally(skipped=2), []))
        self.assertIn("only root can", text)

    def test_it_is_allowed_for_that_step_and_that_reason_alone(self):
        for name, reason in (("a module", "only root can"), ("a kernel", "no network")):
            board = self.run_steps(self.step(name, f"echo {reason}; exit 77"), allowed=self.LIST)[0]
            self.assertEqual(board.total.failed, 1)

    def test_a_class_that_was_skipped_in_a_step_that_passes_fails_it(self):
        said = "echo '# Skipped whole: Page: no browser'; echo '# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:2 error:0'"
        board = self.run_steps(self.step("a", said, count=of_ktap))[0]
        self.assertEqual(board.total, Tally(3, 1, 2))

    def test_one_that_needs_any_of_several_runs_if_one_passed(self):
        listed = [self.step("a kernel", "echo only root can; exit 77"), self.noted("b"),
                  self.noted("c", "a kernel", "b", any_will_do=True)]
        self.assertEqual(self.run_steps(*listed, allowed=self.LIST)[0].total, Tally(passed=2, skipped=1))

    def test_the_project_s_list_is_well_formed(self):
        AllowedSkips(TABLE)

    def test_a_bad_list_is_refused(self):
        for text in ("[[skip]]\n", '[[skip]]\nstep = "("\nreason = "a"\nwhy = "b"\n', "not toml"):
            with self.assertRaises(Failure):
                self.allowed(text)

    def test_what_make_check_leaves_to_check_all_is_there(self):
        cells = Cells()
        names = {step.name for step in check(cells, cells.checked(), everything=True)}
        few = {step.name for step in check(cells, cells.checked(), everything=False)}
        left = {*IN_CHECK_ALL_ALONE, *SLOW_TESTS}
        self.assertLessEqual(left, names)
        self.assertFalse(left & few)

    def test_what_is_slow_runs_behind_make_check_or_in_check_all(self):
        cells = Cells()
        few = {step.name for step in check(cells, cells.checked(), everything=False)}
        later = {step.name for step in behind([], cells.default)}
        self.assertLessEqual(set(SLOW_TESTS), later)
        self.assertFalse(later & few)
        self.assertLessEqual(later, {step.name for step in check(cells, cells.checked(), everything=True)})


class KeptSteps(Place):
    def setUp(self):
        super().setUp()
        self.kernel = "6.1"
        self.made = self.place / "made.json"
        (self.place / "source" / "kmod").write_text("one")
        (self.place / "source" / "README.md").write_text("one")
        self.listed = [
            self.noted("module", always=True),
            self.noted("rules", "module", cell="x", makes=self.made, then=f"echo result >{self.made}"),
            self.noted("hosted", "module"),
            self.noted("bad", then="exit 1"),
        ]

    def again(self, *listed):
        """What of them runs."""
        (self.place / "ran").unlink(missing_ok=True)
        kept = Kept(self.place / "kept", self.place / "source", lambda _cell: self.kernel)
        self.board, self.text, _ = self.run_steps(*(listed or self.listed), places=1, kept=kept)
        return self.ran()

    def test_what_passed_is_not_run_again_and_still_counts(self):
        self.assertEqual(sorted(self.again()), ["bad", "hosted", "module", "rules"])
        self.assertEqual(sorted(self.again()), ["bad", "module"])
        self.assertEqual(self.board.total, Tally(passed=3, failed=1))
        self.assertIn("as before", self.text)
        self.assertTrue(self.made.exists())

    def test_a_source_that_changed_runs_them_again(self):
        self.again()
        (self.place / "source" / "kmod").write_text("two")
        self.assertEqual(sorted(self.again()), ["bad", "hosted", "module", "rules"])

    def test_what_only_people_read_is_none_of_the_guest_s(self):
        self.again()
        (self.place / "source" / "README.md").write_text("two")
        self.assertEqual(sorted(self.again()), ["bad", "hosted", "module"])

    def test_another_kernel_runs_its_rules_again(self):
        self.again()
        self.kernel = "6.2"
        self.assertEqual(sorted(self.again()), ["bad", "module", "rules"])

    def test_a_result_that_is_gone_or_another_one_is_made_again(self):
        for change in (self.made.unlink, lambda: self.made.write_text("of another run")):
            self.again()
            change()
            self.assertEqual(sorted(self.again()), ["bad", "module", "rules"])

    def test_another_command_is_another_step(self):
        self.again()
        self.assertIn("hosted", self.again(*(replace(step, command=f"{step.command} #") for step in self.listed)))

    def test_what_was_kept_can_be_forgotten(self):
        self.again()
        Kept(self.place / "kept", self.place / "source").forget()
        self.assertEqual(len(self.again()), 4)

    def test_a_file_that_is_no_record_is_as_none(self):
        self.again()
        for record in (self.place / "kept").iterdir():
            record.write_text("{}")
        self.assertEqual(len(self.again()), 4)


# A program that runs steps as scripts/check does; in the middle of the second it is ended.
DRIVER = """
import sys
sys.path.insert(0, {lib!r})
from pathlib import Path
from allowedskips import AllowedSkips
from board import Board
from checkrun import CheckRun
from common import locked, run_main
from kept import Kept
from steps import Step
from tally import of_status
place = Path({place!r})
listed = [Step("first", "echo first >>ran", of_status),
          Step("second", "echo second >>ran; [ -e go ] || {{ setsid sh -c 'echo $$ >child; trap \\"rm half; exit\\" TERM; "
               "touch half; while :; do sleep 0.1; done' & trap \\"kill $!; wait; exit\\" TERM; wait; }}", of_status, ("first",)),
          Step("third", "echo third >>ran", of_status, ("second",))]
def main():
    with locked(place / "check.lock"):
        board = Board(listed)
        CheckRun(board, 1, place, place, AllowedSkips(), Kept(place / "kept", place / "source")).all(listed)
        print(board.total)
        return 0
run_main(main)
"""


class Interrupted(Place):
    def setUp(self):
        super().setUp()
        self.driver = self.place / "driver.py"
        self.driver.write_text(DRIVER.format(lib=str(SCRIPTS / "lib"), place=str(self.place)))

    def start(self, **streams):
        return subprocess.Popen([sys.executable, self.driver], stdin=subprocess.DEVNULL, text=True, **streams)

    def wait_for(self, name):
        end = time.monotonic() + 60
        while not (self.place / name).exists():
            self.assertLess(time.monotonic(), end, f"no {name}")
            time.sleep(0.02)

    def assert_nothing_left(self):
        child = int((self.place / "child").read_text())
        with self.assertRaises(ProcessLookupError):
            os.kill(child, 0)
        self.assertFalse((self.place / "half").exists())
        self.assertEqual(list(self.place.glob("*.progress")), [])

    def test_a_signal_ends_what_runs_and_the_next_run_goes_on(self):
        with self.start(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
            self.wait_for("half")
            run.send_signal(signal.SIGTERM)
            text = run.communicate(timeout=60)[0]
        self.assertEqual(run.returncode, 128 + signal.SIGTERM, text)
        self.assert_nothing_left()
        self.assertEqual(self.ran(), ["first", "second"])
        (self.place / "go").touch()
        with self.start(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
            text = run.communicate(timeout=60)[0]
        self.assertEqual(self.ran(), ["first", "second", "second", "third"])
        self.assertTrue(text.endswith("\n3 passed, 0 failed, 0 skipped\n"), text)

    def test_ctrl_c_on_a_terminal_leaves_nothing(self):
        pid, master = pty.fork()
        if pid == 0:
            os.execv(sys.executable, [sys.executable, str(self.driver)])
        shown = bytearray()
        reader = threading.Thread(target=_read_all, args=(master, shown), daemon=True)
        reader.start()
        try:
            self.wait_for("half")
            end = time.monotonic() + 30
            while b"running" not in shown and b"second" not in shown:
                self.assertLess(time.monotonic(), end, shown)
                time.sleep(0.05)
        finally:
            # Seen or not: what runs there would run for ever.
            os.write(master, b"\x03")
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        reader.join(10)
        os.close(master)
        self.assertEqual(status, 128 + signal.SIGINT, shown)
        self.assert_nothing_left()
        self.assertNotIn(b"Traceback", shown)

    def test_a_second_run_waits_for_the_first_and_says_so(self):
        with self.start(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as first:
            self.wait_for("half")
            with self.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE) as second:
                self.assertEqual(second.stderr.readline(), f"driver.py: waiting for process {first.pid} to finish check\n")
                self.assertEqual(self.ran(), ["first", "second"])
                (self.place / "go").touch()
                first.send_signal(signal.SIGTERM)
                first.communicate(timeout=60)
                second.communicate(timeout=60)
        self.assertEqual(second.returncode, 0)
        self.assertEqual(self.ran()[-1], "third")


def _read_all(descriptor, into):
    try:
        while part := os.read(descriptor, 4096):
            into += part
    except OSError:
        pass


if __name__ == "__main__":
    unittest.main()
