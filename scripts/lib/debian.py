# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages: those of this machine's suite, as its apt knows them, and those of any other, from the same mirror."""

import fnmatch
import functools
import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import host
from common import NOTHING_RAN, USAGE, Failure, cache_folder, locked

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# As one file: apt reads it after the machine's own configuration, whose proxy and mirror stay.
_APT_CONFIG = """\
Dir::State::Lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "{architecture}";
#clear APT::Architectures;
APT::Architectures {{ "{architecture}"; }};
APT::Default-Release "{prefer}";
"""


_BROUGHT_ALONG = re.compile(r"libc6|libgcc|gcc-|libc-|linux-libc-dev|libcrypt|rpcsvc-proto|libtirpc|libnsl")
# What apt says of a suite that the mirror does not have.
_GONE = re.compile(r"(?:repository '(?P<mirror>\S+) (?P<suite>\S+) Release' (?:does not have|no longer has) a Release file)")


def _run(command, environment=None, folder=None):
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Failure(
            f"{command[0]} is missing: kernels come as Debian packages, so this needs a Debian machine "
            "or one that has apt and dpkg and a Debian archive among apt's sources",
            NOTHING_RAN,
        ) from error


def _newer(one, other):
    return _run(["dpkg", "--compare-versions", one, "gt", other]).returncode == 0


def _last_line(text):
    return (text.strip().splitlines() or ["no reason given"])[-1]


class Apt:
    """This machine's apt, or with a configuration file one that has its own sources and lists."""

    def __init__(self, config=None):
        self._own_lists = config is not None
        self._environment = os.environ | ({"APT_CONFIG": str(config)} if config else {})

    def _output(self, *command):
        done = _run(command, self._environment)
        return done.stdout if done.returncode == 0 else ""

    def update(self):
        # A list that cannot be fetched is an error, and not the one of an hour ago.
        command = ["apt-get", "-q", *_AS_ROOT, "-o", "APT::Update::Error-Mode=any", "update"]
        done = _run(command, self._environment)
        if gone := _GONE.search(done.stderr):
            raise Failure(
                f"{gone['suite']} has left the mirror {gone['mirror']}: what needs its packages is skipped, but for kernels "
                "that are in the cache; a mirror that still has it can be named among apt's sources",
                NOTHING_RAN,
            )
        if done.returncode != 0:
            raise Failure(f"apt-get update: {_last_line(done.stderr)}", NOTHING_RAN)

    def candidate_version(self, package):
        found = re.search(r"^ {2}Candidate: (\S+)$", self._output("apt-cache", "policy", package), re.M)
        if not found or found.group(1) == "(none)":
            raise Failure(
                f"apt knows no package {package}: run 'apt-get update', "
                "and see that the security archive is among apt's sources",
                NOTHING_RAN,
            )
        return found.group(1)

    def newest(self, pattern):
        """The (name, version) of the package with the highest version among those whose names match a shell pattern."""
        names = fnmatch.filter(self._output("apt-cache", "pkgnames").split(), pattern)
        if not names:
            raise Failure(f"apt knows no package {pattern}: has the suite dropped it?", NOTHING_RAN)
        found = [(self.candidate_version(name), name) for name in names]
        highest = functools.reduce(lambda one, other: one if _newer(one[0], other[0]) else other, found)
        return highest[1], highest[0]

    def candidate_dependency(self, package, prefix):
        """The (name, version) of the dependency of a package's candidate that starts with prefix."""
        version = self.candidate_version(package)
        shown = self._output("apt-cache", "show", f"{package}={version}")
        return _dependency(package, shown, prefix)

    def with_dependencies(self, packages):
        """Their names and those of all that they need, but for the C library and the compiler's, which a cross compiler brings."""
        options = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
        shown = self._output("apt-cache", "depends", "--recurse", *options, *packages)
        names = {line for line in shown.splitlines() if re.match(r"\w", line)}
        return sorted({*packages, *(name for name in names if not _BROUGHT_ALONG.match(name))})

    @contextmanager
    def downloaded(self, package, version, folder):
        """The path of the .deb, which is gone afterwards; apt has checked its signature."""
        with tempfile.TemporaryDirectory(prefix="download-", dir=folder) as place:
            command = ["apt-get", "-q", *_AS_ROOT, "download", f"{package}={version}"]
            done = _run(command, self._environment, place)
            if done.returncode != 0 and self._own_lists:
                self.update()
                done = _run(command, self._environment, place)
            files = list(Path(place).glob("*.deb"))
            if done.returncode != 0 or len(files) != 1:
                raise Failure(
                    f"cannot download {package} {version} ({_last_line(done.stderr)}): "
                    "run 'apt-get update && apt-get upgrade' and try again",
                    NOTHING_RAN,
                )
            yield files[0]


_AS_ROOT = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
HOST = Apt()


def _dependency(package, fields, prefix):
    found = re.search(rf"({re.escape(prefix)}\S+) \(= (\S+)\)", fields)
    if not found:
        raise Failure(f"package {package} depends on no {prefix}*: is it the right one?", NOTHING_RAN)
    return found.group(1), found.group(2)


def installed_dependency(package, prefix):
    """The (name, version) of the dependency of an installed package that starts with prefix."""
    fields = _run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Depends}", package]).stdout
    status, _, depends = fields.partition(" ")
    if status != "installed":
        raise Failure(f"package {package} is not installed: run scripts/setup", NOTHING_RAN)
    return _dependency(package, depends, prefix)


class _Mirrors:
    """Where apt's own sources have Debian's archives."""

    def __init__(self):
        form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)"
        shown = _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]).stdout
        self._of, self._labelled = {}, {}
        for uri, release, component, label in (line.split("|") for line in shown.splitlines()):
            if component == "main":
                self._of.setdefault(release, uri)
                self._labelled.setdefault(label, (release, uri))

    def own_archives(self):
        """This machine's suite and its security archive; without a name of its own, as sid's, the suite is the first that apt has."""
        release = host.suite()
        if release not in self._of:
            release, _ = self._labelled.get("Debian", (release, ""))
        return tuple(each for each in (release, f"{release}-security") if each in self._of) or (release,)

    def uri(self, archive):
        """Its own among apt's sources, else that of this machine's suite, else that of whatever apt has of Debian."""
        security = archive.endswith("-security")
        here = f"{host.suite()}-security" if security else host.suite()
        for release in (archive, here):
            if release in self._of:
                return self._of[release]
        if not security and "Debian" in self._labelled:
            return self._labelled["Debian"][1]
        if security and "Debian-Security" in self._labelled:
            return self._labelled["Debian-Security"][1]
        if security and host.suite():
            # sid has none: where a mirror has both, this one stands beside the other.
            return self.uri(archive.removesuffix("-security")).rstrip("/") + "-security/"
        raise Failure(
            f"apt's sources have no {here or 'Debian'} archive, so its mirror of {archive} is unknown, "
            "or 'apt-get update' has never run",
            NOTHING_RAN,
        )


def aptopts():
    """For mmdebstrap: whether this machine's apt takes an archive whose time is up, as that of a frozen mirror is."""
    shown = _run(["apt-config", "dump", "Acquire::Check-Valid-Until", "Acquire::Check-Date"]).stdout
    return [f"--aptopt={line}" for line in shown.splitlines()]


def own_archives():
    return _Mirrors().own_archives()


def sources(archives):
    """Lines for sources.list: each archive, such as trixie or trixie-security, on this machine's mirrors."""
    mirrors = _Mirrors()
    return [f"deb [signed-by={KEYRING}] {mirrors.uri(archive)} {archive} main" for archive in archives]


def apt_of(archives):
    """This machine's own apt if these are its archives, else one with their lists."""
    return HOST if tuple(archives) == own_archives() else suite(archives)


def suite(archives, architecture="amd64"):
    """An apt with the lists of those archives alone; the last one is preferred if it is of backports."""
    if not archives:
        raise Failure("a suite needs at least one archive", USAGE)
    folder = cache_folder() / "suites" / f"{'+'.join(archives)}-{architecture}"
    wanted = "\n".join(sources(archives)) + "\n"
    with locked(folder.with_name(folder.name + ".lock")):
        return Apt(_with_lists(folder, wanted, archives[-1], architecture))


def _with_lists(folder, wanted, last, architecture):
    """apt's configuration, which is there only with the lists of just these sources."""
    listed, config = folder / "sources.list", folder / "apt.conf"
    if not config.exists() or listed.read_text() != wanted:
        config.unlink(missing_ok=True)
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        listed.write_text(wanted)
        prefer = last if last.endswith("-backports") else ""
        unfinished = folder / "apt.conf.unfinished"
        unfinished.write_text(_APT_CONFIG.format(folder=folder, architecture=architecture, prefer=prefer))
        Apt(unfinished).update()
        unfinished.rename(config)
    return config


def unpack(deb, folder, *members):
    """Unpack the whole package, or only what the tar patterns name."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source:
        tar = ["tar", "-x", "-C", folder, "--wildcards", "-f", "-", *members]
        done = subprocess.run(tar, stdin=source.stdout, stderr=subprocess.PIPE, text=True, check=False)
        source.stdout.close()
    if done.returncode != 0:
        raise Failure(f"cannot unpack {deb}: {(done.stderr.strip().splitlines() or ['no reason given'])[0]}")
