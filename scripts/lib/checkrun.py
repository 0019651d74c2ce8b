# SPDX-License-Identifier: GPL-2.0-or-later
"""Run steps, as many at a time as there are places, each behind what it needs; whatever ends us ends them."""

import os
import signal
import subprocess
import time
from threading import Condition, Thread

from board import Result, telling
from budget import Occupied
from common import disk_full, full_disk
from progress import FILE
from tally import Tally, skipped_whole

# A step that is told to go takes QEMU and what it had half made along.
_SECONDS_TO_GO = 20


class CheckRun:
    def __init__(self, board, places, logs, folder, allowed, kept=None):
        """logs is where each step's output goes, folder where its command runs."""
        self.occupied = []
        self._board = board
        self._places = places
        self._logs = logs
        self._folder = folder
        self._allowed = allowed
        self._kept = kept
        self._tallies = {}
        self._processes = {}
        self._busy = {}
        self._stopped = False
        self._change = Condition()

    def all(self, listed):
        """Every step of the list, which has what a step needs before it, or had it in an earlier list."""
        waiting = list(listed)
        try:
            with self._change:
                while waiting or self._busy:
                    if not self._start_one(waiting):
                        self._board.show_progress()
                        self._change.wait(0.5)
        except BaseException:
            self._stop()
            raise
        finally:
            self._board.end_progress()

    def _start_one(self, waiting):
        """Whether a step could begin, or could be told to be kept from it."""
        free = self._places - sum(self._busy.values())
        for step in waiting:
            if any(name not in self._tallies for name in step.after):
                continue
            kept_from = self._kept_from(step)
            if kept_from:
                waiting.remove(step)
                self._drop_result(step)
                self._tell(step, Result(kept_from, lines=("as a step before it",)))
                return True
            if step.places <= free or not self._busy:
                waiting.remove(step)
                self._busy[step.name] = min(step.places, self._places)
                Thread(target=self._work, args=(step,)).start()
                return True
        return False

    def _kept_from(self, step):
        """How a step counts that others keep from running; None if none does."""
        before = [self._tallies[name] for name in step.after]
        if any(tally.failed for tally in before):
            return Tally(failed=1)
        passed = [bool(tally.passed) for tally in before]
        if not before or all(passed) or (step.any_will_do and any(passed)):
            return None
        return Tally(skipped=1)

    @staticmethod
    def _drop_result(step):
        if step.makes:
            step.makes.unlink(missing_ok=True)

    def _tell(self, step, result):
        self._tallies[step.name] = result.tally
        if not self._stopped:
            self._board.report(step, result)

    def _work(self, step):
        begin = time.monotonic()
        try:
            result = self._result(step)
        except OSError as error:
            words = full_disk(error) if disk_full(error) else f"{step.name} could not be run: {error}"
            result = Result(Tally(failed=1), time.monotonic() - begin, (words,))
        except Exception as error:
            result = Result(Tally(failed=1), time.monotonic() - begin, (f"{step.name} could not be judged: {error!r}",))
        with self._change:
            places = self._busy.pop(step.name)
            self.occupied.append(Occupied(step.group, begin, time.monotonic(), places))
            self._tell(step, result)
            self._change.notify()

    def _result(self, step):
        if self._kept and (before := self._kept.find(step)):
            return Result(*before, kept=True)
        self._drop_result(step)
        key = self._kept.key(step) if self._kept and not step.always else ""
        begin = time.monotonic()
        status, text = self._output(step)
        tally = step.count(status, text)
        seconds = time.monotonic() - begin
        log = self._log(step)
        refused = [why for why in skipped_whole(tally, text) if not self._allowed.allows(step.name, why)]
        lines = telling(text, log) if tally.failed else ()
        if refused:
            tally += Tally(failed=1)
            lines += tuple(f"skipped, and ci/allowed-skips.toml does not allow it: {why}" for why in refused)
        elif not tally.passed and not tally.failed:
            lines = tuple(text.splitlines()[-1:])
        if self._kept and not self._stopped:
            self._kept.keep(step, key, tally, seconds)
        return Result(tally, seconds, lines)

    def _log(self, step):
        return self._logs / f"{step.name.replace(' ', '-').replace(',', '')}.log"

    def _output(self, step):
        """The command's status and all that it said."""
        log = self._log(step)
        progress = log.with_suffix(".progress")
        try:
            with open(log, "wb") as output:
                with self._change:
                    if self._stopped:
                        return 1, ""
                    process = subprocess.Popen(
                        step.command, shell=True, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=output,
                        stderr=subprocess.STDOUT, env=os.environ | {FILE: str(progress)}, process_group=0)
                    self._processes[step.name] = process
                    self._board.begin(step, progress)
                status = process.wait()
        finally:
            progress.unlink(missing_ok=True)
        with self._change:
            del self._processes[step.name]
        return status, log.read_text(errors="replace")

    def _stop(self):
        """Nothing that was started here outlives us."""
        with self._change:
            self._stopped = True
            left = list(self._processes.values())
        for process in left:
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + _SECONDS_TO_GO
        while time.monotonic() < end and any(_signal(process, 0) for process in left):
            for process in left:
                process.poll()
            time.sleep(0.05)
        for process in left:
            _signal(process, signal.SIGKILL)


def _signal(process, number):
    """To the step's whole group: its shell, and what that runs. Whether there was still somebody."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True
