# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the host for the guest: programs with what they are linked with, folders, and archives of them that are kept."""

import json
import os
import re
import stat
import sys
from pathlib import Path

from common import USAGE, Failure, cache_folder, digest, state_of
from cpio import Archive
from late import Late

hashlib = Late("hashlib")
subprocess = Late("subprocess")
tempfile = Late("tempfile")
sysroot = Late("sysroot")

# As on the host: the loader and the libraries are looked up both with and without /usr.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64")
_IMAGES_KEPT = 32


def take_along(request):
    """'PATH' or 'PATH:GUESTPATH' as (host path, guest path)."""
    host, _, guest = request.partition(":")
    path = Path(os.path.abspath(host))
    if not path.exists():
        raise Failure(f"--with {host}: there is no such file or folder", USAGE)
    if guest and not guest.startswith("/"):
        raise Failure(f"--with {request}: the path in the guest must start with '/'", USAGE)
    return path, guest or str(path)


def _is_program(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def opened_later(program):
    """The names of the libraries that the program opens by itself, as its note says (uapi-group.org, ELF dlopen metadata)."""
    content = Path(program).read_bytes()
    notes = (json.loads(found) for found in re.findall(rb"\x0a\x0c\x7c\x40FDO\0(\[[^\0]*\])\0", content))
    return [name for note in notes for feature in note for name in feature["soname"]]


def _with_libraries(name):
    """A library, where the loader finds it, and what it is linked with; nothing if this machine has no such library."""
    look = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); print(open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-Sc", look, name], capture_output=True, text=True, check=False)
    places = {Path(path).with_name(name) for path in re.findall(r" (/\S+)$", done.stdout, re.M)}
    found = [place for place in places if place.exists()][:1]
    return [each for place in found for each in [(place, str(place)), *_linked_with(place)]]


def needed_libraries(arch, program):
    """(host path, guest path) of the ELF interpreter and of every shared library."""
    if arch.cross:
        return sysroot.needed_libraries(arch, program, opened_later(program))
    return _linked_with(program) + [each for name in opened_later(program) for each in _with_libraries(name)]


def _linked_with(program):
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    missing = re.findall(r"^\s*(\S+) => not found", done.stdout, re.M)
    if missing:
        raise Failure(
            f"{program} needs {', '.join(missing)}, which this machine does not have: "
            "install the package that has it",
            USAGE,
        )
    return [(Path(path), path) for path in re.findall(r"^\s*(?:\S+ => )?(/\S+) \(0x", done.stdout, re.M)]


def guest_path(path):
    name = path.strip("/")
    return f"usr/{name}" if name.split("/")[0] in MERGED else name


class Collector:
    """Fills an archive, and remembers which files of the host it depends on.

    `there` are the files that the guest has already: {guest path: host path}.
    """

    def __init__(self, arch, there=()):
        self._arch = arch
        self._there = dict(there)
        self.archive = Archive()
        self.sources = set()
        self.holds = {}
        # {file of the host: guest path}: another name of it is a link.
        self._put_as = {}

    def add(self, host, guest):
        if host.is_dir():
            self._add_folder(host, guest)
        else:
            self._add_file(host, guest)

    def add_libraries(self, program):
        """What a program is linked with, without the program."""
        self.sources.add(str(program))
        for library, place in needed_libraries(self._arch, program):
            self._put(library, place)

    def _add_folder(self, host, guest):
        for path, folders, files in os.walk(host):
            self.sources.add(path)
            here = os.path.join(guest, os.path.relpath(path, host))
            self.archive.folder(guest_path(os.path.normpath(here)))
            for name in folders + files:
                source = Path(path, name)
                target = os.path.normpath(os.path.join(here, name))
                if source.is_symlink():
                    self.archive.link(guest_path(target), os.readlink(source))
                elif source.is_file():
                    self._add_file(source, target)

    def _add_file(self, host, guest):
        if not host.is_file():
            raise Failure(f"--with {host}: neither a file nor a folder", USAGE)
        self._put(host, guest)
        if _is_program(host):
            for library, place in needed_libraries(self._arch, host):
                self._put(library, place)

    def _put(self, host, guest):
        self.sources.add(str(host))
        path = guest_path(guest)
        if self._there.get(path) == str(host):
            return
        self.holds[path] = str(host)
        first = self._put_as.setdefault(os.path.realpath(host), path)
        if first != path and host.is_symlink():
            self.archive.link(path, f"/{first}")
            return
        self.archive.file(path, host, stat.S_IMODE(host.stat().st_mode))


class Kept:
    """An archive in the cache: its path, a hash of its content, and what it holds of the host, {guest path: host path}."""

    def __init__(self, path, described):
        self.path = path
        self.content = described["content"]
        self.holds = described["holds"]


def _still_true(described):
    return all(state_of(path) == state for path, state in described["sources"].items())


def _forget_old(folder):
    images = sorted(folder.glob("*.cpio"), key=lambda image: image.stat().st_mtime)
    for image in images[:-_IMAGES_KEPT]:
        image.with_suffix(".json").unlink(missing_ok=True)
        image.unlink(missing_ok=True)


def kept(request, recipe, fill):
    """The archive that fill() returns a Collector for; filled again only if `request`, or a file of the host in it, changed.

    recipe: the files whose code decides what is in it.
    """
    folder = cache_folder() / "initramfs"
    name = digest(repr((request, [state_of(path) for path in (__file__, *recipe)])))
    image, description = folder / f"{name}.cpio", folder / f"{name}.json"
    try:
        described = json.loads(description.read_text())
        if image.exists() and _still_true(described):
            os.utime(image)
            return Kept(image, described)
    except (OSError, ValueError, KeyError):
        pass
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder) as place:
        collector = fill()
        with open(Path(place) / "image", "wb") as output:
            collector.archive.write(output)
        described = {
            "content": hashlib.sha256(Path(output.name).read_bytes()).hexdigest(),
            "holds": collector.holds,
            "sources": {path: state_of(path) for path in sorted(collector.sources)},
        }
        description.unlink(missing_ok=True)
        os.replace(output.name, image)
        unfinished = Path(place) / "description"
        unfinished.write_text(json.dumps(described))
        os.replace(unfinished, description)
    _forget_old(folder)
    return Kept(image, described)
