# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a cell's kernel ready, once, and say where its parts are."""

import json
import os
from pathlib import Path

from arches import ARCHES
from common import CHECKOUT, NOTHING_RAN, Failure, cache_folder, locked, note
from late import Late

buildroot = Late("buildroot")
debian = Late("debian")
hashlib = Late("hashlib")
kernelbuild = Late("kernelbuild")
lzma = Late("lzma")
shutil = Late("shutil")
subprocess = Late("subprocess")
tempfile = Late("tempfile")

# Written last: a folder without it is the rest of something that failed.
_COMPLETE = "cell.json"


def _version(compiler, entered):
    """What it says of itself, behind the words that enter its root."""
    try:
        done = subprocess.run([*entered, compiler, "--version"], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise Failure(f"{compiler} is missing: run scripts/setup all", NOTHING_RAN) from error
    return done.stdout.split("\n")[0]


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
    return {"root": "", "make": " ".join(kernelbuild.module_words(cell))} | json.loads(complete.read_text())


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
        "make": " ".join(kernelbuild.module_words(cell)),
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
                debian.unpack(deb, place)
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
    """With the headers that are installed on this machine. As the other two: the kernel's identity, what makes it in a folder, and what
    is so on this machine whoever made it."""
    headers, version = debian.installed_dependency(cell.headers, "linux-headers-")
    release = headers.removeprefix("linux-headers-")

    def make(folder):
        note(f"kernel {cell.name}: downloading linux-image-{release}")
        _image(debian.HOST, release, version, folder, cell.modules)
        return {"release": release, "version": version, "kdir": f"/usr/src/{headers}"}

    return "_".join((release, version, *cell.modules)), make, {}


def _foreign(cell):
    """With the headers and the compiler of another suite, in a root of their own."""
    inputs = repr((debian.sources(cell.archives), buildroot.packages(cell.compiler, cell.headers, cell.cxx), *cell.modules))

    def make(folder):
        buildroot.can_make_root(cell.archives)
        note(f"kernel {cell.name}: making a root of {cell.archives[0]} to build in, only once")
        apt = debian.suite(cell.archives)
        # The package itself and not the one that names it, which a mirror may have in another version.
        if "*" in cell.headers:
            headers, version = apt.newest(cell.headers)
        else:
            headers, version = apt.candidate_dependency(cell.headers, "linux-headers-")
        release = headers.removeprefix("linux-headers-")
        _image(apt, release, version, folder, cell.modules)
        buildroot.make_root(folder / "root", cell.archives, buildroot.packages(cell.compiler, headers, cell.cxx))
        return {"release": release, "version": version, "kdir": f"/usr/src/{headers}", "root": str(folder / "root")}

    return hashlib.sha256(inputs.encode()).hexdigest()[:16], make, {}


def _built(cell):
    """By this machine's compiler, or by that of another suite in a root of it: the kernel is the same."""
    apt = debian.apt_of(cell.archives)
    version = apt.candidate_version(cell.source)
    wanted = kernelbuild.asked(cell)
    arch = ARCHES[cell.arch]
    root = "" if cell.own else str(buildroot.kernel_root(cell))
    compiler = _version(("" if kernelbuild.llvm_version(cell) else arch.cross) + cell.compiler, buildroot.in_root(root))
    inputs = repr((cell.source, version, wanted, compiler, kernelbuild.recipe(arch)))
    identity = hashlib.sha256(inputs.encode()).hexdigest()[:16]

    def make(folder):
        note(f"kernel {cell.name}: building {cell.source} {version}, several minutes, only once")
        release = kernelbuild.Build(cell, apt, folder, buildroot.in_root(root, folder)).run(version, wanted, folder)
        return {"release": release, "version": version, "kdir": str(folder / "linux")}

    return identity, make, {"root": root}


def _plan(cell):
    return (_built if cell.source else _packaged if cell.own else _foreign)(cell)


def _folders(cell):
    """Of the cell's kernels in the cache, those of other identities too: (folder, description), the youngest last."""
    found = []
    for complete in (cache_folder() / "kernels").glob(f"{cell.name}-*/{_COMPLETE}"):
        description = json.loads(complete.read_text())
        if description["cell"] == cell.name:
            found.append((complete.stat().st_mtime, complete.parent, description))
    return [(folder, description) for _, folder, description in sorted(found, key=lambda each: each[0])]


def _in_cache(cell):
    """What was made last for the cell, None if nothing is left of it."""
    found = [description for _, description in _folders(cell) if description["release"].startswith(f"{cell.line}.")]
    return found[-1] if found else None


def folder_in_use(cell):
    """Where ready() has the cell's kernel, None where there is none yet; a Failure if that cannot be known here."""
    found = [folder for folder, _ in _folders(cell)]
    if not found:
        return None
    identity, *_ = _plan(cell)
    return next((folder for folder in found if folder.name == f"{cell.name}-{identity}"), None)


def _state(path):
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


class _Answer:
    """What ready() said last, which holds until something changes that it depends on: to ask apt takes longer than to start a machine."""

    def __init__(self, cell):
        here = os.path.dirname(__file__)
        apt = ("/var/lib/dpkg/status", "/var/lib/apt/lists", "/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/os-release")
        code = (os.path.join(here, name) for name in os.listdir(here) if name.endswith(".py"))
        suites = cache_folder() / "suites"
        lists = (suites / name / "lists" for name in (os.listdir(suites) if suites.exists() else ()))
        files = sorted(map(str, (*code, *lists, *(CHECKOUT / name for name in cell.config), *apt)))
        self._inputs = repr((cell, [(path, _state(path)) for path in files]))
        self._path = cache_folder() / "kernels" / f"{cell.name}.answer"

    def read(self):
        try:
            kept = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return None
        there = kept["inputs"] == self._inputs and Path(kept["answer"]["vmlinuz"]).with_name(_COMPLETE).exists()
        return kept["answer"] if there else None

    def keep(self, answer):
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps({"inputs": self._inputs, "answer": answer}))
        unfinished.rename(self._path)


def ready(cell):
    """Everything about the cell's kernel; makes it when the cache does not have it."""
    if known := _Answer(cell).read():
        return known
    try:
        identity, make, here = _plan(cell)
        answer = _once(cell, identity, make) | here
    except Failure as failure:
        # No apt, a mirror that is out of reach or has dropped the suite, nobody who may make a root.
        known = _in_cache(cell) if failure.status == NOTHING_RAN else None
        if not known:
            raise
        note(f"kernel {cell.name}: the one in the cache, of {known['version']}, as {failure}")
        return {"root": "", "make": " ".join(kernelbuild.module_words(cell))} | known
    # Asked anew: making it may have fetched lists.
    _Answer(cell).keep(answer)
    return answer
