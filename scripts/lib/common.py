# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts share: exit statuses, folders, one way to fail."""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PASSED = 0
FAILED = 1
USAGE = 2
NOTHING_RAN = 77
TIMEOUT = 124
HARNESS = 125
PANIC = 255

START = time.monotonic()
CHECKOUT = Path(__file__).resolve().parents[2]


class Failure(Exception):
    """One sentence that says what is wrong and what cures it, and the exit status."""

    def __init__(self, message, status=HARNESS):
        super().__init__(message)
        self.status = status


def cache_folder():
    own = os.environ.get("PTELAB_CACHE")
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(shared) / "ptelab"


def note(message):
    name = Path(sys.argv[0]).name
    print(f"{name}: {message}", file=sys.stderr, flush=True)


@contextmanager
def locked(path):
    """One process at a time makes what the lock file stands for; the others wait, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"waiting for another process to finish {path.stem}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_folder(parent):
    """A folder that goes when it is left; it carries its owner's process id, so that a killed owner's is found and removed."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        owner = left.name.partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent) as folder:
        yield Path(folder)


def run_main(main):
    """Run main() and turn a Failure or a signal into the exit status."""

    def interrupted(number, _frame):
        # A second signal must not cut the clean-up short.
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupted)
    try:
        status = main()
    except Failure as failure:
        note(failure)
        status = failure.status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    sys.exit(status)
