# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian root of another suite, in which that suite's compiler builds: a module against its headers, or a kernel."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from arches import ARCHES
from common import CHECKOUT, NOTHING_RAN, Failure, cache_folder, locked, note
from debian import KEYRING, aptopts, sources
from kernelbuild import llvm_version

# make and the compiler build; python3 checks the C++ object.
PACKAGES = ("make", "python3-minimal")
# What builds a kernel's own tools, and its source.
KERNEL_PACKAGES = ("gcc", "libc6-dev", "bc", "bison", "flex", "kmod", "libelf-dev", "libssl-dev", "perl", "python3", "xz-utils")


def packages(compiler, headers, cxx=""):
    return (*PACKAGES, compiler, compiler.replace("gcc", "g++"), headers, *([cxx] if cxx else []))


def kernel_packages(cell):
    """The cell's compiler, and what else builds its kernel from source."""
    if llvm := llvm_version(cell):
        return (*PACKAGES, *KERNEL_PACKAGES, cell.compiler, f"lld-{llvm}", f"llvm-{llvm}")
    cross = ARCHES[cell.arch].cross
    behind = f"-{cross.removesuffix('-')}" if cross else ""
    return (*PACKAGES, *KERNEL_PACKAGES, f"{cell.compiler}{behind}", f"{cell.compiler.replace('gcc', 'g++')}{behind}")


def _archives_of_root(cell):
    return (cell.compiler_of, f"{cell.compiler_of}-security")


def kernel_root_folder(cell):
    """Where kernel_root() makes it."""
    inputs = repr((sources(_archives_of_root(cell)), kernel_packages(cell)))
    return cache_folder() / "roots" / f"{cell.compiler_of}-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"


def kernel_root(cell):
    """The root of the suite whose compiler builds the cell's kernel; made once, for all cells that need the same."""
    root = kernel_root_folder(cell)
    archives, wanted = _archives_of_root(cell), kernel_packages(cell)
    can_make_root(archives)
    with locked(root.with_name(root.name + ".lock")):
        if not root.exists():
            note(f"making a root of {cell.compiler_of} with {cell.compiler} to build kernels in, only once")
            with tempfile.TemporaryDirectory(prefix="unfinished-", dir=root.parent) as place:
                made = Path(place, "root")
                make_root(made, archives, wanted)
                made.rename(root)
    return root


def in_root(root, *bound):
    """The words before a command that make it run in the root, with these folders at their own paths."""
    return [CHECKOUT / "scripts" / "in-root", *(word for folder in bound for word in ("--bind", folder)), root] if root else []


def can_make_root(archives):
    """A Failure if not: a root is chrooted into, which only root can."""
    if os.geteuid() != 0:
        raise Failure(f"only root can make a build root of {archives[0]}: run this with sudo", NOTHING_RAN)
    if not shutil.which("mmdebstrap"):
        raise Failure("mmdebstrap is missing: run scripts/setup check", NOTHING_RAN)
    if not os.path.exists(KEYRING):
        raise Failure(f"{KEYRING} is missing: apt-get install debian-archive-keyring", NOTHING_RAN)


def make_root(root, archives, wanted):
    """Fill the folder `root` with the first archive's base and the wanted packages."""
    can_make_root(archives)
    command = [
        "mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(wanted)}",
        "--aptopt=APT::Install-Recommends \"false\"", "--dpkgopt=force-unsafe-io", *aptopts(), archives[0], root, "-",
    ]  # fmt: skip
    done = subprocess.run(
        command, input="\n".join(sources(archives)) + "\n", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("E:")]
        raise Failure(f"mmdebstrap {archives[0]}: {(errors or ['no reason given'])[0]}", NOTHING_RAN)

