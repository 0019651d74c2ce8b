# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in the cache, and what of it the targets of ci/kernels.toml need on this machine."""

import fcntl
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import saved
import sysroot
from arches import ARCHES
from buildroot import kernel_root_folder
from common import Failure, cache_folder
from debian import own_archives
from kernels import folder_in_use

# What a run makes again in a second.
_QUICK = ("initramfs", "stripped", "guest", "tables")
_QUICK_SECONDS = 7 * 86400


@dataclass(frozen=True)
class Part:
    """A folder or a file of the cache, or several small ones that are shown as one."""

    path: Path
    needed: bool
    why: str = ""
    several: tuple = ()

    @property
    def name(self):
        return str(self.path.relative_to(cache_folder()))

    @property
    def bytes(self):
        return sum(map(_bytes_on_disk, self.several or (self.path,)))


def _bytes_on_disk(path):
    inside = (os.path.join(place, name) for place, folders, files in os.walk(path) for name in (*folders, *files))
    return sum(map(_bytes_of_one, (path, *inside)))


def _bytes_of_one(path):
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:
        return 0  # a run that ended meanwhile has taken it away


def size_in_words(size):
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def remove(part):
    for path in part.several or (part.path,):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def parts(cells):
    """All of it, and a sentence for each target of which it cannot be known here what it needs."""
    in_use, unknown = _kernels_in_use(cells)
    found = [*_kernels(cells, in_use, unknown), *_machines(in_use), *_suites(cells), *_roots(cells), *_sysroots(), *_bare_roots(), *_quick()]
    return found, [f"what {name} needs is not known here, so all its kernels are kept: {why}" for name, why in unknown.items()]


def _kernels_in_use(cells):
    """Folders, and {target: why that is not known}."""
    in_use, unknown = set(), {}
    for name in cells.names():
        try:
            in_use.add(folder_in_use(cells.get(name)))
        except Failure as failure:
            unknown[name] = str(failure)
    return in_use - {None}, unknown


def _folders(name):
    return sorted(path for path in (cache_folder() / name).glob("*/") if path.is_dir())


def _is_being_made(target):
    """Its kernel, by another process."""
    path = cache_folder() / "kernels" / f"{target}.lock"
    if not path.exists():
        return False
    with open(path, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _kernels(cells, in_use, unknown):
    for path in _folders("kernels"):
        target = path.name.rpartition("-")[0]
        try:
            target = json.loads((path / "cell.json").read_text())["cell"]
        except (OSError, ValueError):
            made = next((name for name in cells.names() if path.name.startswith(f"{name}-") and _is_being_made(name)), None)
            yield Part(path, bool(made), "is being made" if made else "was cut short")
            continue
        if target not in cells.names():
            yield Part(path, False, f"no target is called {target}")
        elif path in in_use or target in unknown:
            yield Part(path, True)
        else:
            yield Part(path, False, "an older kernel of the target")


def _machines(in_use):
    """Of each target the one that was used last; another takes as long to make as a boot."""
    seen = set()
    for path, _ in reversed(saved.all_saved()):
        described = json.loads((path / "machine.json").read_text())
        if Path(described["vmlinuz"]).parent not in in_use:
            yield Part(path, False, "of a kernel that no target needs")
        else:
            yield Part(path, described["cell"] not in seen, "an older one of the target" if described["cell"] in seen else "")
            seen.add(described["cell"])


def _suites(cells):
    there = _folders("suites")
    wanted = {"+".join(cells.get(name).archives) for name in cells.names()} | ({"+".join(own_archives())} if there else set())
    for path in there:
        needed = path.name.rpartition("-")[0] in wanted
        yield Part(path, needed, "" if needed else "no target is of these archives")


def _roots(cells):
    there = _folders("roots")
    # What a root is made of is asked of apt: a second each time.
    wanted = {kernel_root_folder(cell) for cell in map(cells.get, cells.names()) if there and cell.source and not cell.own}
    for path in there:
        yield Part(path, path in wanted, "" if path in wanted else "no target is built in it")


def _sysroots():
    there = _folders("sysroots")
    wanted = {sysroot.folder_of(arch) for arch in ARCHES.values() if there and arch.cross}
    for path in there:
        yield Part(path, path in wanted, "" if path in wanted else "of another suite, or of other packages")


def _bare_roots():
    """Of scripts/fresh-debian: the youngest of each suite."""
    seen = set()
    for path in sorted(cache_folder().glob("bare-*.tar"), key=lambda each: each.stat().st_mtime, reverse=True):
        suite = path.name.split("-")[1]
        yield Part(path, suite not in seen, "an older one of the suite" if suite in seen else "")
        seen.add(suite)


def _quick():
    for folder in map(cache_folder().joinpath, _QUICK):
        young, old = [], []
        for path in folder.glob("*"):
            (old if time.time() - path.stat().st_mtime > _QUICK_SECONDS else young).append(path)
        if young:
            yield Part(folder, True, f"{len(young)} files", tuple(young))
        if old:
            yield Part(folder, False, f"{len(old)} files that were not used for a week", tuple(old))
