# SPDX-License-Identifier: GPL-2.0-or-later
"""The libraries and the busybox of another architecture, out of this machine's own suite."""

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

import host
from common import NOTHING_RAN, USAGE, Failure, cache_folder, locked, note
from debian import own_archives, suite, unpack

# With what they depend on: libkmod and what it is linked with.
_PACKAGES = ("libkmod-dev", "busybox-static")


def folder_of(arch):
    """Where sysroot() fills it."""
    identity = hashlib.sha256(repr((own_archives(), arch.debian, _PACKAGES)).encode()).hexdigest()[:16]
    return cache_folder() / "sysroots" / f"{arch.debian}-{identity}"


def sysroot(arch):
    """The folder; filled once."""
    folder = folder_of(arch)
    with locked(folder.with_name(folder.name + ".lock")):
        if not folder.exists():
            _fill(folder, arch, own_archives())
    return folder


def _fill(folder, arch, archives):
    note(f"fetching the libraries of {arch.debian}, only once")
    apt = suite(archives, arch.debian)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder.parent) as place:
        root = Path(place, "root")
        root.mkdir()
        for package in apt.with_dependencies(_PACKAGES):
            with apt.downloaded(package, apt.candidate_version(package), place) as deb:
                unpack(deb, root)
        root.rename(folder)


def _needed(program):
    shown = subprocess.run(["readelf", "-d", "-l", program], capture_output=True, text=True, check=False).stdout
    interpreter = re.findall(r"program interpreter: (\S+)\]", shown)
    return interpreter, re.findall(r"\(NEEDED\)\s+Shared library: \[(\S+)\]", shown)


def needed_libraries(arch, program, more=()):
    """(host path, guest path) of the interpreter and of every shared library, of `more` too and of what a library needs."""
    triplet = arch.cross.removesuffix("-")
    root = sysroot(arch)
    folders = [root / "lib" / triplet, root / "usr" / "lib" / triplet, Path("/usr", triplet, "lib")]
    found, wanted, names_of = {}, [Path(program)], {Path(program): more}
    while wanted:
        interpreters, names = _needed(wanted[-1])
        names = [*names, *names_of.pop(wanted.pop(), ())]
        for guest in [*interpreters, *(f"/usr/lib/{name}" for name in names)]:
            name = os.path.basename(guest)
            host = next((folder / name for folder in folders if (folder / name).exists()), None)
            if host is None:
                raise Failure(f"{program} needs {name}, which is in none of the packages {', '.join(_PACKAGES)}", USAGE)
            if guest not in found:
                found[guest] = host
                wanted.append(host)
    return [(host, guest) for guest, host in found.items()]


def compiler(arch):
    name = f"{arch.cross}g++"
    found = host.newest(name)
    if not found:
        raise Failure(f"{name} is missing: run scripts/setup all", NOTHING_RAN)
    return found
