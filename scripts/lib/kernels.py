# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a cell's kernel ready, once, and say where its parts are."""

import hashlib
import json
import lzma
import shutil
import subprocess
import tempfile
from pathlib import Path

from common import NOTHING_RAN, Failure, cache_folder, locked, note
from arches import ARCHES
from buildroot import can_make_root, in_root, kernel_root, make_root, packages
from debian import HOST, apt_of, installed_dependency, sources, suite, unpack
from kernelbuild import Build, asked, llvm_version, module_words, recipe

# Written last: a folder without it is the rest of something that failed.
_COMPLETE = "cell.json"


def _first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise Failure(f"{command[0]} is missing: run scripts/setup check", NOTHING_RAN) from error


def _once(cell, identity, make):
    """The cell's description from the cache, or what make(folder) says of a new folder."""
    kernels = cache_folder() / "kernels"
    folder = kernels / f"{cell.name}-{identity}"
    complete = folder / _COMPLETE
    if not complete.exists():
        with locked(kernels / f"{cell.name}.lock"):
            if not complete.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                try:
                    own = make(folder)
                except BaseException:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise
                _write_complete(complete, cell, own)
    return {"root": "", "make": " ".join(module_words(cell))} | json.loads(complete.read_text())


def _write_complete(complete, cell, own):
    folder = complete.parent
    description = {
        "cell": cell.name,
        "release": own["release"],
        "version": own["version"],
        "arch": cell.arch,
        "flavour": cell.flavour,
        "compiler": cell.compilers,
        "vmlinuz": str(folder / "vmlinuz"),
        "config": str(folder / "config"),
        "kdir": own["kdir"],
        "make": " ".join(module_words(cell)),
        "root": own.get("root", ""),
        "modules": [str(folder / f"{name}.ko") for name in cell.modules],
    }
    unfinished = complete.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(description, indent=2) + "\n")
    unfinished.rename(complete)


# Of one release, in the order in which they are looked through: later kernels are packed in several.
_IMAGE_PACKAGES = ("linux-image", "linux-binary", "linux-base", "linux-modules")


def _module_file(place, release, name):
    """A kernel's module among what was unpacked, or None; its name may have either of - and _."""
    for found in Path(place).glob(f"**/lib/modules/{release}/kernel/**/*.ko*"):
        if found.name.split(".")[0].replace("-", "_") == name.replace("-", "_"):
            return found
    return None


def _keep_module(found, target):
    """Not packed: what loads it in the guest may not know how to unpack it."""
    opened = lzma.open if found.suffix == ".xz" else open
    with opened(found, "rb") as packed, open(target, "wb") as plain:
        shutil.copyfileobj(packed, plain)


def _image(apt, release, version, folder, modules):
    """vmlinuz, config and these modules out of the packages, into the folder."""
    wanted = {"vmlinuz", "config", *(f"{name}.ko" for name in modules)}
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=folder) as place:
        for package in _IMAGE_PACKAGES:
            with apt.downloaded(f"{package}-{release}", version, folder) as deb:
                unpack(deb, place)
            for name in sorted(wanted):
                for found in (Path(place, "boot", f"{name}-{release}"), Path(place, "usr/lib/modules", release, name)):
                    if found.is_file():
                        found.rename(folder / name)
                        wanted.discard(name)
                if name.endswith(".ko") and (found := _module_file(place, release, name.removesuffix(".ko"))):
                    _keep_module(found, folder / name)
                    wanted.discard(name)
            if not wanted:
                return
    raise Failure(f"the packages {', '.join(_IMAGE_PACKAGES)} of {release} have no {' and no '.join(sorted(wanted))}")


def _packaged(cell):
    """With the headers that are installed on this machine."""
    headers, version = installed_dependency(cell.headers, "linux-headers-")
    release = headers.removeprefix("linux-headers-")

    def make(folder):
        note(f"kernel {cell.name}: downloading linux-image-{release}")
        _image(HOST, release, version, folder, cell.modules)
        return {"release": release, "version": version, "kdir": f"/usr/src/{headers}"}

    return _once(cell, "_".join((release, version, *cell.modules)), make)


def _foreign(cell):
    """With the headers and the compiler of another suite, in a root of their own."""
    inputs = repr((sources(cell.archives), packages(cell.compiler, cell.headers, cell.cxx), *cell.modules))

    def make(folder):
        can_make_root(cell.archives)
        note(f"kernel {cell.name}: making a root of {cell.archives[0]} to build in, only once")
        apt = suite(cell.archives)
        # The package itself and not the one that names it, which a mirror may have in another version.
        if "*" in cell.headers:
            headers, version = apt.newest(cell.headers)
        else:
            headers, version = apt.candidate_dependency(cell.headers, "linux-headers-")
        release = headers.removeprefix("linux-headers-")
        _image(apt, release, version, folder, cell.modules)
        make_root(folder / "root", cell.archives, packages(cell.compiler, headers, cell.cxx))
        return {"release": release, "version": version, "kdir": f"/usr/src/{headers}", "root": str(folder / "root")}

    return _once(cell, hashlib.sha256(inputs.encode()).hexdigest()[:16], make)


def _built(cell):
    """By this machine's compiler, or by that of another suite in a root of it: the kernel is the same."""
    apt = apt_of(cell.archives)
    version = apt.candidate_version(cell.source)
    wanted = asked(cell)
    arch = ARCHES[cell.arch]
    root = "" if cell.own else str(kernel_root(cell))
    compiler = _first_line([*in_root(root), ("" if llvm_version(cell) else arch.cross) + cell.compiler, "--version"])
    inputs = repr((cell.source, version, wanted, compiler, recipe(arch)))
    identity = hashlib.sha256(inputs.encode()).hexdigest()[:16]

    def make(folder):
        note(f"kernel {cell.name}: building {cell.source} {version}, several minutes, only once")
        release = Build(cell, apt, folder, in_root(root, folder)).run(version, wanted, folder)
        return {"release": release, "version": version, "kdir": str(folder / "linux")}

    return _once(cell, identity, make) | {"root": root}


def _in_cache(cell):
    """What was made last for the cell, None if nothing is left of it."""
    found = []
    for complete in (cache_folder() / "kernels").glob(f"{cell.name}-*/{_COMPLETE}"):
        description = json.loads(complete.read_text())
        if description["cell"] == cell.name and description["release"].startswith(f"{cell.line}."):
            found.append((complete.stat().st_mtime, description))
    return max(found, key=lambda each: each[0])[1] if found else None


def ready(cell):
    """Everything about the cell's kernel; makes it when the cache does not have it."""
    make = _built if cell.source else _packaged if cell.own else _foreign
    try:
        return make(cell)
    except Failure as failure:
        # No apt, a mirror that is out of reach or has dropped the suite, nobody who may make a root.
        known = _in_cache(cell) if failure.status == NOTHING_RAN else None
        if not known:
            raise
        note(f"kernel {cell.name}: the one in the cache, of {known['version']}, as {failure}")
        return {"root": "", "make": " ".join(module_words(cell))} | known
