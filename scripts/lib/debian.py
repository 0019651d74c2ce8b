# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages, from whatever mirror this machine's apt is set to use."""

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from common import NOTHING_RAN, Failure


def _output(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Failure(
            f"{command[0]} is missing: kernels come as Debian packages, so this needs a Debian machine",
            NOTHING_RAN,
        ) from error
    return done.stdout if done.returncode == 0 else ""


def installed_dependency(package, prefix):
    """The (name, version) of the dependency of an installed package that starts with prefix."""
    fields = _output(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Depends}", package])
    status, _, depends = fields.partition(" ")
    if status != "installed":
        raise Failure(f"package {package} is not installed: run scripts/setup", NOTHING_RAN)
    found = re.search(rf"({re.escape(prefix)}\S+) \(= (\S+)\)", depends)
    if not found:
        raise Failure(f"package {package} depends on no {prefix}*: is it the right one?", NOTHING_RAN)
    return found.group(1), found.group(2)


def candidate_version(package):
    found = re.search(r"^ {2}Candidate: (\S+)$", _output(["apt-cache", "policy", package]), re.M)
    if not found or found.group(1) == "(none)":
        raise Failure(
            f"apt knows no package {package}: run 'apt-get update', "
            "and see that the security archive is among apt's sources",
            NOTHING_RAN,
        )
    return found.group(1)


@contextmanager
def downloaded(package, version, folder):
    """The path of the .deb, which is gone afterwards; apt has checked its signature."""
    with tempfile.TemporaryDirectory(prefix="download-", dir=folder) as place:
        command = ["apt-get", "-q", "download", f"{package}={version}"]
        if os.geteuid() == 0:
            command[1:1] = ["-o", "APT::Sandbox::User=root"]
        done = subprocess.run(
            command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        files = list(Path(place).glob("*.deb"))
        if done.returncode != 0 or len(files) != 1:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Failure(
                f"cannot download {package} {version} ({reason}): "
                "run 'apt-get update && apt-get upgrade' and try again",
                NOTHING_RAN,
            )
        yield files[0]


def unpack(deb, folder, *members):
    """Unpack the whole package, or only what the tar patterns name."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source:
        tar = ["tar", "-x", "-C", folder, "--wildcards", "-f", "-", *members]
        done = subprocess.run(tar, stdin=source.stdout, check=False)
        source.stdout.close()
    if done.returncode != 0:
        raise Failure(f"cannot unpack {deb}: is the disk full?")
