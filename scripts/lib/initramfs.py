# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's root: busybox, /init, and what is taken along from the host."""

import hashlib
import json
import os
import re
import stat
import subprocess
import tempfile
from pathlib import Path

import sysroot
from common import CHECKOUT, USAGE, Failure, cache_folder
from cpio import Archive

BUSYBOX = Path("/bin/busybox")
INIT = CHECKOUT / "scripts" / "guest-init"
# As on the host: the loader and the libraries are looked up both with and without /usr.
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64")
_EMPTY_FOLDERS = ("dev", "proc", "root", "run", "sys", "tmp", "results")
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
_IMAGES_KEPT = 16


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


def needed_libraries(arch, program):
    """(host path, guest path) of the ELF interpreter and of every shared library."""
    if arch.cross:
        return sysroot.needed_libraries(arch, program)
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    missing = re.findall(r"^\s*(\S+) => not found", done.stdout, re.M)
    if missing:
        raise Failure(
            f"{program} needs {', '.join(missing)}, which this machine does not have: "
            "install the package that has it",
            USAGE,
        )
    return [(Path(path), path) for path in re.findall(r"^\s*(?:\S+ => )?(/\S+) \(0x", done.stdout, re.M)]


def _guest_path(path):
    name = path.strip("/")
    return f"usr/{name}" if name.split("/")[0] in _MERGED else name


class _Collector:
    """Fills the archive and remembers what of the host it depends on."""

    def __init__(self, arch):
        self._arch = arch
        self.archive = Archive()
        self.sources = set()

    def add(self, host, guest):
        if host.is_dir():
            self._add_folder(host, guest)
        else:
            self._add_file(host, guest)

    def _add_folder(self, host, guest):
        for path, folders, files in os.walk(host):
            self.sources.add(path)
            here = os.path.join(guest, os.path.relpath(path, host))
            self.archive.folder(_guest_path(os.path.normpath(here)))
            for name in folders + files:
                source = Path(path, name)
                target = os.path.normpath(os.path.join(here, name))
                if source.is_symlink():
                    self.archive.link(_guest_path(target), os.readlink(source))
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
        mode = stat.S_IMODE(host.stat().st_mode)
        self.archive.file(_guest_path(guest), host, mode)


def _busybox(arch):
    path = sysroot.sysroot(arch) / "bin" / "busybox" if arch.cross else BUSYBOX
    if not path.exists():
        raise Failure(f"{path} is missing: run scripts/setup")
    return path


def _add_base(collector, busybox):
    archive = collector.archive
    for name in _MERGED:
        archive.folder(f"usr/{name}")
        archive.link(name, f"usr/{name}")
    for name in _EMPTY_FOLDERS:
        archive.folder(name)
    for name, content in _ACCOUNTS.items():
        archive.text(name, content)
    archive.link("etc/mtab", "/proc/self/mounts")
    # The kernel opens it for init before devtmpfs is mounted.
    archive.character_device("dev/console", 5, 1)
    collector.add(busybox, "/bin/busybox")
    # Of this machine's own busybox: that of another architecture is the same version.
    applets = subprocess.run([BUSYBOX, "--list-full"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if applet not in ("bin/busybox", "linuxrc"):
            archive.link(_guest_path(applet), "/bin/busybox")
    collector.add(INIT, "/init")


def _add_modules(collector, release, modules):
    """Below /lib/modules, with the index by which libkmod finds a module by name."""
    with tempfile.TemporaryDirectory(prefix="ptelab-modules-") as place:
        root = Path(place) / "lib" / "modules" / release
        extra = root / "extra"
        extra.mkdir(parents=True)
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            (root / name).touch()
        for module in modules:
            (extra / module.name).symlink_to(module)
            collector.sources.add(str(module))
        command = ["depmod", "-b", place, release]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"depmod: {done.stderr.strip()}")
        for path in sorted(root.rglob("*")):
            if path.is_file():
                collector.archive.file(f"usr/{path.relative_to(place)}", path, 0o644)


def _state(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_mode, found.st_ino]


def _unchanged(sources):
    return all(_state(path) == state for path, state in sources.items())


def _forget_old(folder):
    images = sorted(folder.glob("*.cpio"), key=lambda image: image.stat().st_mtime)
    for image in images[:-_IMAGES_KEPT]:
        image.with_suffix(".json").unlink(missing_ok=True)
        image.unlink(missing_ok=True)


def write(output, arch, release, taken, modules):
    """Write the archive; returns the state of every host file that it is made of."""
    collector = _Collector(arch)
    _add_base(collector, _busybox(arch))
    if modules:
        _add_modules(collector, release, modules)
    for host, guest in taken:
        collector.add(host, guest)
    collector.archive.write(output)
    return {path: _state(path) for path in sorted(collector.sources)}


def cached(arch, release, taken, modules):
    """The path of the archive in the cache; written only if a source of it changed."""
    folder = cache_folder() / "initramfs"
    recipe = [Path(__file__), Path(__file__).with_name("cpio.py")]
    request = repr((arch.debian, release, taken, modules, [_state(path) for path in recipe]))
    name = hashlib.sha256(request.encode()).hexdigest()[:16]
    image, sources = folder / f"{name}.cpio", folder / f"{name}.json"
    try:
        if image.exists() and _unchanged(json.loads(sources.read_text())):
            os.utime(image)
            return image
    except (OSError, ValueError):
        pass
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder) as place:
        with open(Path(place) / "image", "wb") as output:
            states = write(output, arch, release, taken, modules)
        sources.unlink(missing_ok=True)
        os.replace(output.name, image)
        unfinished = Path(place) / "sources"
        unfinished.write_text(json.dumps(states))
        os.replace(unfinished, sources)
    _forget_old(folder)
    return image
