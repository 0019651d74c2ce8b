# SPDX-License-Identifier: GPL-2.0-or-later
"""Build a kernel from a linux-source package and a list of options."""

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import time

from arches import ARCHES
from common import CHECKOUT, HARNESS, USAGE, Failure
from debian import unpack
from progress import Progress

_ENVIRONMENT = ("KBUILD_BUILD_TIMESTAMP=@0", "KBUILD_BUILD_USER=ptelab", "KBUILD_BUILD_HOST=ptelab")
CONFIGURE = ("tinyconfig", "merge", "olddefconfig")


def recipe(arch):
    """Part of the cache key: whoever changes how a kernel is built gets a new one."""
    kbuild = f"arch/{arch.kbuild}"
    # What an external module build reads, and vmlinux for gdb; the rest goes.
    folders = ("include", "scripts", f"{kbuild}/include")
    files = (
        ".config",
        "Kbuild",
        "Makefile",
        "Module.symvers",
        "System.map",
        "vmlinux",
        *arch.kept,
        "tools/objtool/objtool",
        "tools/bpf/resolve_btfids/resolve_btfids",
    )
    return (CONFIGURE, (arch.target, "modules"), arch.image, folders, files)


# Half of a source's files, of which no configuration here compiles any; each is written and removed again otherwise. Their Kconfig
# files and Makefiles stay.
_NOT_UNPACKED = (
    "*/Documentation/*/*",
    "*/tools/testing/*",
    "*/drivers/gpu/*.[ch]",
    "*/drivers/media/*.[ch]",
    "*/drivers/net/ethernet/*.[ch]",
    "*/drivers/net/wireless/*.[ch]",
    "*/drivers/staging/*.[ch]",
    "*/sound/*.[ch]",
)


_OPTION = re.compile(r"^(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)$", re.M)


def options(text):
    """{name: value}; an option that is switched off has the value 'n'."""
    return {on or off: value if on else "n" for on, value, off in _OPTION.findall(text)}


def asked(cell):
    """The options that the cell's files ask for, less what it goes without and what else it needs, a line each, sorted."""
    text = ""
    for name in cell.config:
        try:
            text += (CHECKOUT / name).read_text()
        except OSError as error:
            raise Failure(f"cannot read {name}, part of the config of cell {cell.name}", USAGE) from error
    wanted = {name: value for name, value in options(text).items() if name not in cell.without}
    wanted |= options("\n".join(cell.also))
    return "".join(f"{name}={value}\n" for name, value in sorted(wanted.items()))


def unmet(wanted, got):
    """What the config text `wanted` asks for and `got` does not have, one phrase each."""
    actual = options(got)
    return [
        f"{name}={value} (is {actual.get(name, 'n')})"
        for name, value in options(wanted).items()
        if actual.get(name, "n") != value
    ]


def llvm_version(cell):
    """Of the clang that is the cell's compiler, whose linker and binutils go with it; "" if it is gcc."""
    return cell.compiler.removeprefix("clang-") if cell.compiler.startswith("clang-") else ""


def make_words(cell):
    """What make is to be told to build a kernel with the cell's compiler."""
    arch = ARCHES[cell.arch]
    other = [f"ARCH={arch.kbuild}"] if arch.cross else []
    if llvm := llvm_version(cell):
        return [*other, f"LLVM=-{llvm}"]
    cross = [f"CROSS_COMPILE={arch.cross}"] if arch.cross else []
    return [*other, *cross, f"CC={arch.cross}{cell.compiler}"]


def module_words(cell):
    """What make is to be told to build a module for that kernel."""
    return [*make_words(cell), *([f"CXXRT_CC={cell.cxx}"] if cell.cxx else [])]


class Build:
    def __init__(self, cell, apt, folder, entered=()):
        """`entered` are the words before a command that make it run where the compiler is, with the folder at its own path."""
        self._cell = cell
        self._arch = ARCHES[cell.arch]
        self._apt = apt
        self._entered = entered
        self._tree = folder / "linux"
        self._log = folder / "build.log"

    def run(self, version, wanted, folder):
        """Leaves vmlinuz, config and the pruned tree `linux` in the folder."""
        progress = Progress(f"kernel {self._cell.name}")
        try:
            progress.show("unpacking the source")
            self._unpack(version, folder)
            self._configure(wanted)
            self._make(progress, self._arch.target, "modules")
        finally:
            progress.end()
        shutil.copy(self._tree / self._arch.image, folder / "vmlinuz")
        shutil.copy(self._tree / ".config", folder / "config")
        release = (self._tree / "include/config/kernel.release").read_text().strip()
        self._prune()
        return release

    def _unpack(self, version, folder):
        name = self._cell.source
        with self._apt.downloaded(name, version, folder) as deb:
            unpack(deb, folder, f"./usr/src/{name}.tar.*")
        archive = next((folder / "usr" / "src").glob("*.tar.*"))
        self._tree.mkdir()
        excluded = [f"--exclude={pattern}" for pattern in _NOT_UNPACKED]
        command = ["tar", "-x", "-C", self._tree, "--strip-components=1", *excluded, "-f", archive]
        if subprocess.run(command, check=False).returncode != 0:
            raise Failure(f"cannot unpack {archive}: is the disk full, or xz-utils missing?")
        shutil.rmtree(folder / "usr")

    def _configure(self, wanted):
        fragment = self._tree / "ptelab.config"
        fragment.write_text(wanted)
        merge = ["scripts/kconfig/merge_config.sh", "-m", ".config", fragment.name]
        for step in CONFIGURE:
            self._logged(merge if step == "merge" else self._make_command(step))
        missing = unmet(wanted, (self._tree / ".config").read_text())
        if missing:
            raise Failure(
                f"{' + '.join(self._cell.config)}: this kernel does not grant {', '.join(missing)}: "
                "add what the option depends on, or drop it"
            )

    def _make_command(self, *words):
        return ["make", *make_words(self._cell), f"-j{os.cpu_count()}", *words]

    def _make(self, progress, *targets):
        self._logged(self._make_command(*targets), progress)

    def _logged(self, command, progress=None):
        # As words: a root has an environment of its own.
        command = [*self._entered, "env", *_ENVIRONMENT, *command]
        environment = dict(os.environ)
        # A make above must not lend its job slots or its flags to this build.
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"):
            environment.pop(name, None)
        with open(self._log, "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self._tree,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while process.poll() is None:
                    if progress:
                        progress.show(f"{self._compiled()} files compiled")
                    time.sleep(0.5 if progress else 0.02)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait()
        if process.returncode != 0:
            kept = self._log.parent.parent / f"{self._log.parent.name}.log"
            shutil.copy(self._log, kept)
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
            words = " ".join(str(word) for word in command)
            raise Failure(f"'{words}' failed; the whole log is {kept}, its end:\n{tail}", HARNESS)

    def _compiled(self):
        return self._log.read_bytes().count(b"\n  CC ")

    def _prune(self):
        *_, folders_kept, files_kept = recipe(self._arch)
        for path, folders, files in os.walk(self._tree, topdown=False):
            here = os.path.relpath(path, self._tree)
            here = "" if here == "." else here + "/"
            if any((here).startswith(kept + "/") for kept in folders_kept):
                continue
            for name in files:
                if not any(fnmatch.fnmatch(here + name, kept) for kept in files_kept):
                    os.unlink(os.path.join(path, name))
            for name in folders:
                child = os.path.join(path, name)
                if os.path.islink(child):
                    os.unlink(child)
                elif not os.listdir(child):
                    os.rmdir(child)
