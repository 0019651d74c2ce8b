# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps that passed in an earlier run of `make check-all`, by all that went into them.

They lie in build/kept, beside the results that they vouch for: `make clean` forgets them with these.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from common import CHECKOUT
from tally import Tally

FOLDER = CHECKOUT / "build" / "kept"
_NOT_SOURCES = {".git", "build", "__pycache__"}
# Of a run of the rules: what is only read by people, or by the tests of the host's side.
_NOT_IN_THE_GUEST = (".ci/", "README.md", "LICENSES/", "docs/", "scripts/tests/", "kmod/tests/", "userspace/tests/", "cxxrt/tests/")
# Programs that build or run a step; another version of one is another step.
_TOOLS = re.compile(r"((aarch64-linux-gnu-)?(gcc|g\+\+|ld)|clang(\+\+)?|ld\.lld|llvm-objcopy)(-\d+)?"
                    r"|make|python3|busybox|shellcheck|chromium|qemu-system-(x86_64|aarch64)")


def _sources(checkout):
    """{name: content's hash} of every file that is not made."""
    found = {}
    for path, folders, files in os.walk(checkout):
        folders[:] = sorted(set(folders) - _NOT_SOURCES)
        for name in files:
            file = Path(path, name)
            if file.is_file():
                found[str(file.relative_to(checkout))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def _machine():
    """What of this machine a verdict may depend on."""
    tools = {}
    for folder in map(Path, os.get_exec_path()):
        for path in folder.iterdir() if folder.is_dir() else ():
            if _TOOLS.fullmatch(path.name) and path.exists():
                found = os.stat(path)
                tools[str(path)] = (os.path.realpath(path), found.st_size, found.st_mtime_ns)
    processor = ""
    for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        if line.startswith(("model name", "CPU part")):
            processor = line
            break
    return (os.uname().machine, os.cpu_count(), processor, os.geteuid() == 0, os.access("/dev/kvm", os.W_OK), sorted(tools.items()))


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else ""


class Kept:
    def __init__(self, folder=FOLDER, checkout=CHECKOUT, kernel_of=None):
        """kernel_of(cell) identifies the kernel that the cell has now."""
        self._folder = folder
        self._sources = _sources(checkout)
        self._machine = _machine()
        self._kernel_of = kernel_of

    def forget(self):
        shutil.rmtree(self._folder, ignore_errors=True)

    def key(self, step):
        """Once the kernel is there."""
        sources = self._sources
        if step.makes:
            sources = {name: content for name, content in sources.items() if not name.startswith(_NOT_IN_THE_GUEST)}
        kernel = self._kernel_of(step.cell) if step.cell else ""
        return hashlib.sha256(repr((step.name, step.command, sorted(sources.items()), self._machine, kernel)).encode()).hexdigest()

    def find(self, step):
        """(tally, seconds) of the same step before, or None."""
        if step.always:
            return None
        try:
            before = json.loads(self._file(step).read_text())
            if before["key"] != self.key(step) or before["made"] != _hash(step.makes):
                return None
            return Tally(*before["tally"]), before["seconds"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, step, key, tally, seconds):
        """Only what passed: what failed or was skipped is run again. The key is of before the run: sources may change meanwhile."""
        if step.always or tally.failed or not tally.passed:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(step)
        unfinished = file.with_suffix(f".{os.getpid()}")
        content = {"key": key, "tally": [tally.passed, tally.failed, tally.skipped], "seconds": seconds, "made": _hash(step.makes)}
        unfinished.write_text(json.dumps(content) + "\n")
        unfinished.rename(file)

    def _file(self, step):
        return self._folder / f"{step.name.replace(' ', '-').replace(',', '')}.json"
