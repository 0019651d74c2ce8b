# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine: which Debian suite it is, and what its PATH has."""

import functools
import os
import re
import shutil
from pathlib import Path



@functools.cache
def suite():
    """The codename of its Debian suite; "" if it is none."""
    try:
        said = dict(re.findall(r"^(\w+)=\"?([^\"\n]*)\"?$", Path(os.environ.get("PTELAB_OS_RELEASE", "/etc/os-release")).read_text(), re.M))
    except OSError:
        return ""
    return said.get("VERSION_CODENAME", "") if said.get("ID") == "debian" else ""


def newest(name):
    """The program of that name, else the one with the highest version behind it, clang-19 for clang; None if there is neither."""
    if shutil.which(name):
        return name
    pattern = re.compile(rf"{re.escape(name)}-(\d+)")
    versions = set()
    for folder in os.get_exec_path():
        try:
            versions |= {int(found.group(1)) for each in os.listdir(folder) if (found := pattern.fullmatch(each))}
        except OSError:
            continue
    return next((each for each in (f"{name}-{version}" for version in sorted(versions, reverse=True)) if shutil.which(each)), None)
