# SPDX-License-Identifier: GPL-2.0-or-later
"""What every run of a machine has: busybox, /init, the program that receives a run, the kernel's own modules, the libraries.

It is in the memory of a saved machine, so it has nothing in it that belongs to one run.
"""

import os
import shlex
from pathlib import Path

import host
from collect import MERGED, Collector, guest_path, kept
from common import CHECKOUT, NOTHING_RAN, Failure, cache_folder, digest
from late import Late

sysroot = Late("sysroot")
subprocess = Late("subprocess")
tempfile = Late("tempfile")

GUEST = CHECKOUT / "scripts" / "guest"
INIT = GUEST / "init"
RECEIVE = GUEST / "receive.c"
_EMPTY_FOLDERS = ("dev", "proc", "root", "run", "sys", "tmp", "results")
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
_RECIPE = (__file__, Path(__file__).with_name("cpio.py"))


def _busybox(arch):
    path = sysroot.sysroot(arch) / "bin" / "busybox" if arch.cross else host.busybox()
    if not path.exists():
        raise Failure(f"{path} is missing: run scripts/setup")
    return path


def _compiler(arch):
    if arch.cross:
        return sysroot.compiler(arch).replace("g++", "gcc")
    for name in ("cc", "gcc", "clang"):
        if host.program(name):
            return name
    raise Failure("a C compiler is missing, for the guest's own program: run scripts/setup", NOTHING_RAN)


def _receive(arch):
    """The path of the program, compiled when its source or the compiler changes."""
    compiler = host.program(_compiler(arch))
    used = os.stat(os.path.realpath(compiler))
    inputs = repr((RECEIVE.read_text(), compiler, used.st_size, used.st_mtime_ns))
    program = cache_folder() / "guest" / f"receive-{arch.debian}-{digest(inputs)}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=program.parent) as place:
            output = Path(place, "receive")
            command = [compiler, "-O2", "-s", "-Wall", "-Wextra", "-Werror", "-o", output, RECEIVE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Failure(f"{RECEIVE} does not compile for the guest: {done.stderr.strip()[-400:]}")
            output.rename(program)
    return program


def _add_base(collector, arch, modules):
    archive = collector.archive
    for name in MERGED:
        archive.folder(f"usr/{name}")
        archive.link(name, f"usr/{name}")
    for name in _EMPTY_FOLDERS:
        archive.folder(name)
    for name, content in _ACCOUNTS.items():
        archive.text(name, content)
    archive.character_device("dev/console", 5, 1)
    collector.add(_busybox(arch), "/bin/busybox")
    # Of this machine's own busybox: that of another architecture is the same version.
    applets = subprocess.run([host.busybox(), "--list-full"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if applet not in ("bin/busybox", "linuxrc"):
            archive.link(guest_path(applet), "/bin/busybox")
    collector.add(INIT, "/init")
    collector.add(_receive(arch), "/vm/receive")
    lines = {
        "results_line": arch.results_line,
        "command_line": arch.command_line,
        "modules": " ".join(path.stem for path in modules),
    }
    archive.text("vm/machine", "".join(f"{name}={shlex.quote(value)}\n" for name, value in lines.items()))


def add_modules(collector, release, modules, there=()):
    """Below /lib/modules, with the index by which libkmod finds a module by name, and one that is `there` too."""
    with tempfile.TemporaryDirectory(prefix="ptelab-modules-") as place:
        root = Path(place) / "lib" / "modules" / release
        extra = root / "extra"
        extra.mkdir(parents=True)
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            (root / name).touch()
        for module in (*there, *modules):
            (extra / module.name).symlink_to(module)
            collector.sources.add(str(module))
        command = [*host.depmod(), "-b", place, release]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"depmod: {done.stderr.strip()}")
        left_out = [extra / module.name for module in there]
        for path in sorted(root.rglob("*")):
            if path.is_file() and path not in left_out:
                collector.archive.file(f"usr/{path.relative_to(place)}", path, 0o644)


def collected(arch, release="", modules=(), programs=()):
    """`modules` of the kernel are loaded at the start, and of the programs it has the libraries alone."""
    collector = Collector(arch)
    _add_base(collector, arch, modules)
    if modules:
        add_modules(collector, release, modules)
    for host, _ in programs:
        collector.add_libraries(host)
    return collector


def base(arch, release, modules, programs):
    """The same as an archive that is kept."""
    request = ("base", arch.debian, release, modules, programs, str(RECEIVE), RECEIVE.read_text())
    return kept(request, _RECIPE, lambda: collected(arch, release, modules, programs))
