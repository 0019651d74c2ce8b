# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of the guest: boot, load, command, results, verdict."""

import hashlib
import io
import json
import os
import secrets
import shlex
import shutil
import socket
import tarfile
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import initramfs
import kernellog
import qemu
import terminal
import verdict
from arches import ARCHES
from cells import Cell
from common import START, cache_folder, note
from cpio import Archive

_CANARY_SECONDS = 5
# Emulated, on a busy machine, a debug kernel takes 30. One that hangs or dies has met nothing of ours yet: it is booted again.
_BOOT_SECONDS = 300
_BOOTS = 2


@dataclass(frozen=True)
class Request:
    """What is asked of the guest; no command means a shell for the caller's terminal."""

    cell: Cell
    kernel: dict
    machine: qemu.Machine
    command: tuple | None
    taken: tuple = ()
    modules: tuple = ()
    load: bool = False
    timeout: float | None = None
    scan_leaks: bool = False
    fresh_ivshmem: bool = False


@dataclass
class Outcome:
    verdict: str
    reason: str
    exit: int
    log: str
    said: list = field(default_factory=list)
    files: dict = field(default_factory=dict)
    splats: list = field(default_factory=list)
    tainted: dict = field(default_factory=dict)
    seconds: float = 0.0
    boots: int = 1
    boot_failures: list = field(default_factory=list)


@contextmanager
def _run_folder():
    """A folder that carries its owner's process id, so that a killed run's is found and removed."""
    runs = cache_folder() / "run"
    runs.mkdir(parents=True, exist_ok=True)
    for left in runs.iterdir():
        owner = left.name.partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=runs) as folder:
        yield Path(folder)


def _command_script(command):
    """One word is a line for the shell; several are a program and its arguments."""
    if command is None:
        return 'cd /root; echo "Leave with exit, or with Ctrl-A X."\nexec sh -i\n'
    if len(command) == 1:
        return command[0] + "\n"
    return "exec " + shlex.join(command) + "\n"


def _of_the_kernel(request):
    """Modules of the kernel's own that the cell names: what they do is not built into it."""
    return tuple(Path(path) for path in request.kernel.get("modules", ()))


def _request_script(request, token):
    columns, rows = terminal.size()
    arch = request.machine.arch
    values = {
        "results_line": arch.results_line,
        "command_line": arch.command_line,
        "token": token,
        "load": "yes" if request.load else "",
        "interactive": "yes" if request.command is None else "",
        "rows": rows,
        "columns": columns,
        "scan_leaks": "yes" if request.scan_leaks else "",
        "modules": " ".join(path.stem for path in _of_the_kernel(request)),
        "TERM": terminal.kind(),
        "LC_ALL": terminal.locale(),
    }
    return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())


def _write_initramfs(request, token, path):
    """The cached archive, and behind it what belongs to this run only."""
    base = initramfs.cached(request.machine.arch, request.kernel["release"], request.taken, request.modules + _of_the_kernel(request))
    shutil.copyfile(base, path)
    own = Archive()
    own.text("vm/request", _request_script(request, token))
    own.text("vm/command", _command_script(request.command))
    with open(path, "ab") as output:
        own.write(output)


class Run:
    """The files of one run, and the QEMU line over them."""

    def __init__(self, request, folder):
        self._request = request
        self._folder = folder
        self._token = f"results complete {secrets.token_hex(8)}"
        self._files = qemu.SerialFiles(folder / "kernel.log", folder / "results")

    def prepare(self):
        """Write what the guest reads; returns the QEMU line."""
        machine, kernel = self._request.machine, self._request.kernel
        if self._request.fresh_ivshmem:
            shared = self._folder / "ivshmem"
            with open(shared, "wb") as file:
                file.truncate(qemu.IVSHMEM_SIZE)
            machine = replace(machine, ivshmem=shared)
        image = self._folder / "initramfs"
        _write_initramfs(self._request, self._token, image)
        return qemu.command_line(machine, kernel["vmlinuz"], image, self._files)

    def execute(self, announce=None):
        words = self.prepare()
        if announce:
            announce(words)
        timed_out = left = False
        ours, theirs = socket.socketpair()
        with open(self._folder / "qemu.log", "wb") as errors, ours:
            with theirs:
                process = qemu.start(words, theirs, errors)
            try:
                self._relay(ours)
                process.wait()
            except terminal.DeadlinePassed:
                timed_out = True
            except terminal.Left:
                left = True
            finally:
                qemu.end(process)
        return self._outcome(timed_out, left)

    def came_up(self):
        """Whether the guest's first process has said so."""
        return self._files.results.exists() and self._files.results.stat().st_size > 0

    def boot_failure(self, outcome):
        """How the kernel died or hung before user space, "" if it did not; what the caller cut short is no failure."""
        hung = outcome.verdict == "timeout" and self._request.timeout > _BOOT_SECONDS
        died = outcome.verdict in ("panic", "broken") and outcome.log
        if self.came_up() or not (hung or died):
            return ""
        return kernellog.death(outcome.log) or outcome.reason

    def _relay(self, ours):
        request = self._request
        deadline = None if request.timeout is None else time.monotonic() + request.timeout
        if request.command is None:
            with terminal.raw_mode(0):
                terminal.relay(ours, deadline, keyboard=0)
        elif deadline is None:
            terminal.relay(ours)
        else:
            self._relay_until(deadline, ours)

    def _relay_until(self, deadline, ours):
        try:
            terminal.relay(ours, min(deadline, time.monotonic() + _BOOT_SECONDS))
        except terminal.DeadlinePassed:
            if not self.came_up() or time.monotonic() >= deadline:
                raise
            terminal.relay(ours, deadline)

    def _outcome(self, timed_out, left):
        log = _text(self._files.kernel_log)
        said, files = _results(self._files.results, self._token)
        judged = verdict.judge(files, log, timed_out, left, self._request.timeout)
        if judged.verdict == "timeout" and not self.came_up():
            judged.reason = f"the kernel did not come to user space within {min(self._request.timeout, _BOOT_SECONDS):g} s"
        if judged.verdict == "broken":
            judged.reason += _indented(_text(self._folder / "qemu.log"))
        return Outcome(
            verdict=judged.verdict,
            reason=judged.reason,
            exit=judged.exit,
            log=log,
            said=said,
            files=files or {},
            splats=judged.splats,
            tainted=judged.tainted,
            seconds=time.monotonic() - START,
        )


def _indented(text):
    return "".join(f"\n  {line}" for line in text.splitlines())


def _text(path):
    return path.read_text(errors="replace") if path.exists() else ""


def _results(path, token):
    """What the guest said on the way, a JSON object each, and {name: bytes} of its /results, None if not all came."""
    said, _, archived = (path.read_bytes() if path.exists() else b"").partition(b"archive\n")
    end = f"{token}\n".encode()
    return _objects(said), _unpacked(archived.removesuffix(end)) if archived.endswith(end) else None


def _objects(lines):
    """Those that came whole: the last may be cut short."""
    found = []
    for line in lines.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _unpacked(content):
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            name = os.path.normpath(member.name)
            if member.isfile() and not name.startswith(("/", "..")):
                files[name] = archive.extractfile(member).read()
    return files


def run(request, announce=None, boots=_BOOTS):
    """announce, if any, is called with the words of the QEMU line; boots is how often a kernel may die on its way to user space."""
    failures = []
    while True:
        with _run_folder() as folder:
            this = Run(request, folder)
            outcome = this.execute(announce)
            failure = this.boot_failure(outcome)
        if not failure:
            return replace(outcome, boots=len(failures) + 1, boot_failures=failures)
        failures.append(failure)
        note(f"boot {len(failures)} of at most {boots} failed before user space: {failure}")
        if len(failures) >= boots or request.machine.gdb:
            return replace(outcome, boots=len(failures), boot_failures=failures)


def kvm_works(cell, kernel):
    """Whether this very kernel really boots with KVM: a /dev/kvm that opens proves nothing."""
    arch = ARCHES[cell.arch]
    if arch.cross or not os.access(qemu.KVM, os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    inputs = f"{boot} {qemu.identity(arch)} {kernel['vmlinuz']} {os.stat(kernel['vmlinuz']).st_mtime_ns}"
    name = hashlib.sha256(inputs.encode()).hexdigest()[:16]
    answer = cache_folder() / "kvm" / name
    if not answer.exists():
        machine = qemu.Machine(arch=arch, memory=256, cpus=1, accel="kvm")
        canary = run(Request(cell, kernel, machine, ("true",), timeout=_CANARY_SECONDS), boots=1)
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.write_text("works" if canary.verdict == "pass" else "does not")
    return answer.read_text() == "works"
