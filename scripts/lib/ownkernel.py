# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that is none of ci/kernels.toml: an image of the caller's."""

import os
import re
import struct

from common import USAGE, Failure
from records import replace

NAME = "own"
_MAGIC_AT, _MAGIC = 0x202, b"HdrS"
_VERSION_AT, _VERSION_BASE = 0x20E, 0x200


def _release(path):
    """What a bzImage says of itself (Documentation/arch/x86/boot.rst: kernel_version)."""
    try:
        with open(path, "rb") as image:
            head = image.read(0x10000)
    except OSError as error:
        raise Failure(f"--kernel {path}: {error.strerror}", USAGE) from error
    if head[_MAGIC_AT:_MAGIC_AT + len(_MAGIC)] != _MAGIC:
        raise Failure(f"--kernel {path}: it is no bzImage, as /boot/vmlinuz-* and arch/x86/boot/bzImage are", USAGE)
    start = struct.unpack_from("<H", head, _VERSION_AT)[0] + _VERSION_BASE
    found = re.match(rb"[^\s\0]+", head[start:start + 256])
    if not found:
        raise Failure(f"--kernel {path}: its header does not say which release it is", USAGE)
    return found.group().decode(errors="replace")


def described(path, cells):
    """(cell, kernel) as of a cell without modules of the kernel's own; the module is for its headers if --module brings one."""
    path = os.path.abspath(path)
    release = _release(path)
    like = next(cell for cell in map(cells.get, cells.names()) if cell.arch == "x86_64" and cell.headers)
    cell = replace(like, name=NAME, line="", flavour="own", archives=(), headers="", modules=(), missing=(), own=True)
    folder = f"/lib/modules/{release}/build"
    return cell, {"cell": NAME, "release": release, "version": release, "vmlinuz": path, "kdir": folder, "root": "", "modules": []}
