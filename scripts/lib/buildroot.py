# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian root of another suite, in which the module is built by that suite's compiler against its headers."""

import os
import shutil
import subprocess

from common import NOTHING_RAN, Failure
from debian import KEYRING, sources

# make and the compiler build; python3 checks the C++ object.
PACKAGES = ("make", "python3-minimal")


def packages(compiler, headers):
    return (*PACKAGES, compiler, compiler.replace("gcc", "g++"), headers)


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
        "--aptopt=APT::Install-Recommends \"false\"", "--dpkgopt=force-unsafe-io", archives[0], root, "-",
    ]  # fmt: skip
    done = subprocess.run(
        command, input="\n".join(sources(archives)) + "\n", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("E:")]
        raise Failure(f"mmdebstrap {archives[0]}: {(errors or ['no reason given'])[0]}", NOTHING_RAN)

