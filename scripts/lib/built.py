# SPDX-License-Identifier: GPL-2.0-or-later
"""What this checkout has built and the guest takes along."""

from arches import ARCHES
from common import CHECKOUT

MODULE = "ptelab.ko"
# Loaded by the rules that need it, and by nobody else.
MISUSE = "ptelab_misuse.ko"
_PROGRAMS = ("ptelab", "ptelab-tests")


def modules(cell):
    """ptelab.ko first; none if that one is not built."""
    folder = CHECKOUT / "build" / cell.name / "module"
    found = [folder / name for name in (MODULE, MISUSE) if (folder / name).exists()]
    return found if found and found[0].name == MODULE else []


def userspace(arch):
    return CHECKOUT / "build" / (f"userspace-{arch}" if ARCHES[arch].cross else "userspace")


def programs(cell):
    """(host path, guest path) of each."""
    built = [userspace(cell.arch) / "bin" / name for name in _PROGRAMS]
    return [(path, f"/usr/bin/{path.name}") for path in built if path.exists()]
