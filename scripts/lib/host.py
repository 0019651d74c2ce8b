# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine: which Debian suite it is, and what its PATH has."""

import functools
import os
import re
import sys
from pathlib import Path

from common import NOTHING_RAN, Failure
from late import Late

shutil = Late("shutil")

# It sets the signal for its own end, and becomes the program.
_DIE_WITH_CALLER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"


def program(name):
    """Its path; None if PATH has none. As shutil.which, which brings all packers along."""
    found = (os.path.join(folder, name) for folder in os.get_exec_path())
    return next((path for path in found if os.access(path, os.X_OK) and not os.path.isdir(path)), None)


@functools.cache
def suite():
    """The codename of its Debian suite; "" if it is none."""
    try:
        said = dict(re.findall(r"^(\w+)=\"?([^\"\n]*)\"?$", Path(os.environ.get("PTELAB_OS_RELEASE", "/etc/os-release")).read_text(), re.M))
    except OSError:
        return ""
    return said.get("VERSION_CODENAME", "") if said.get("ID") == "debian" else ""


def newest(name):
    """The program of that name, else the one with the highest version behind it, clang-19 for clang; None if there is neither."""
    if program(name):
        return name
    pattern = re.compile(rf"{re.escape(name)}-(\d+)")
    versions = set()
    for folder in os.get_exec_path():
        try:
            versions |= {int(found.group(1)) for each in os.listdir(folder) if (found := pattern.fullmatch(each))}
        except OSError:
            continue
    return next((each for each in (f"{name}-{version}" for version in sorted(versions, reverse=True)) if program(each)), None)


def busybox():
    found = program("busybox")
    if not found:
        raise Failure("busybox is missing: run scripts/setup, or put a static one in PATH", NOTHING_RAN)
    return Path(found)


def depmod():
    """The words of the command; kmod's, which is not in the PATH of every user, has an index for libkmod, too."""
    found = shutil.which("depmod", path=":".join([*os.get_exec_path(), "/usr/sbin", "/sbin"]))
    return [found] if found else [str(busybox()), "depmod"]


def dies_with_caller(words):
    """The words of a command whose process the kernel kills when the thread that starts it ends."""
    if program("setpriv"):
        # It may have ended before it was asked for: then nobody would be told any more.
        alive = 'test "$PPID" = "$0" && exec "$@"'
        return ["setpriv", "--pdeathsig", "KILL", "sh", "-c", alive, str(os.getpid()), *words]
    return [sys.executable, "-c", _DIE_WITH_CALLER, *words]
