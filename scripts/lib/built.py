# SPDX-License-Identifier: GPL-2.0-or-later
"""What this checkout has built and the guest takes along."""

from arches import ARCHES
from common import CHECKOUT

MODULE = "ptelab.ko"
_PROGRAMS = ("ptelab", "ptelab-tests")


def modules(cell):
    path = CHECKOUT / "build" / cell.name / "module" / MODULE
    return [path] if path.exists() else []


def userspace(arch):
    return CHECKOUT / "build" / (f"userspace-{arch}" if ARCHES[arch].cross else "userspace")


def programs(cell):
    """(host path, guest path) of each."""
    built = [userspace(cell.arch) / "bin" / name for name in _PROGRAMS]
    return [(path, f"/usr/bin/{path.name}") for path in built if path.exists()]
