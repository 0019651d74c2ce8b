# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts share: exit statuses, folders, one way to fail."""

import errno
import fcntl
import importlib.util
import json
import os
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from late import Late
from progress import Progress

shutil = Late("shutil")

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


def state_of(path):
    """Differs when the file was written anew; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_mode, found.st_ino]


def append(output, path):
    """The file's content behind what was written, copied by the kernel."""
    with open(path, "rb") as source:
        while os.sendfile(output.fileno(), source.fileno(), None, 1 << 30):
            pass


def digest(text):
    """A name for what is kept under it and soon made again: python's own hash of a source file, as hashlib brings OpenSSL along."""
    return importlib.util.source_hash(text.encode()).hex()


def remembered(kind, key, tell):
    """What tell() told of this key, as JSON can hold it; told again when the key changes."""
    path = cache_folder() / kind / digest(repr(key))
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        told = tell()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(told))
    unfinished.rename(path)
    return told


def note(message):
    name = Path(sys.argv[0]).name
    print(f"{name}: {message}", file=sys.stderr, flush=True)


@contextmanager
def locked(path, what=None):
    """One process at a time does what the lock file stands for; the others wait, and say so. It is free when its owner is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_for(lock, what or path.stem)
        lock.seek(0)
        lock.truncate()
        print(os.getpid(), file=lock, flush=True)
        yield


def _wait_for(lock, what):
    lock.seek(0)
    owner = lock.read().strip()
    message = f"waiting for {f'process {owner}' if owner else 'another process'} to finish {what}"
    note(message)
    progress = Progress(message)
    progress.show("")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        progress.end()


NO_ROOM = "the disk is full: make room ('make clean-cache' shows what the cache of kernels takes) and run it again"
# What other programs say of it.
_NO_SPACE = os.strerror(errno.ENOSPC)


def disk_full(error):
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def no_room_in(folder):
    """Whether not even a page can be written there."""
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize < os.sysconf("SC_PAGE_SIZE")


def full_disk(error):
    """The sentence for an OSError of a disk without room."""
    return f"{NO_ROOM}; it was met by: {error.filename}" if error.filename else NO_ROOM


@contextmanager
def scratch_folder(parent):
    """A folder that goes when it is left; it carries its owner's process id, so that a killed owner's is found and removed."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        owner = left.name.partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
        note(f"{NO_ROOM}; it was met by: {failure}" if _NO_SPACE in str(failure) else failure)
        status = failure.status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    except OSError as error:
        if not disk_full(error):
            raise
        note(full_disk(error))
        status = HARNESS
    sys.exit(status)
