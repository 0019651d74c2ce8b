# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of the guest: from a saved machine or a boot, through the command and its results, to the verdict."""

import io
import json
import os
import time
from contextlib import ExitStack
from pathlib import Path

import bundle
import initramfs
import qemu
import saved
import terminal
from arches import ARCHES
from cells import Cell
from common import HARNESS, NO_ROOM, START, Failure, append, cache_folder, no_room_in, note, remembered, scratch_folder, state_of
from late import Late, load
from progress import Progress
from records import Record, replace

gzip = Late("gzip")
kernellog = Late("kernellog")
socket = Late("socket")
tarfile = Late("tarfile")
verdict = Late("verdict")
# What reads a run's results; loaded while the guest is on its way to them.
_TO_JUDGE = (tarfile, gzip, verdict, kernellog)

_CANARY_SECONDS = 5
# Emulated, on a busy machine, a debug kernel takes 30. One that hangs or dies has met nothing of ours yet: it is booted again.
_BOOT_SECONDS = 300
_BOOTS = 2
# From a saved machine it takes half a second.
_START_SECONDS = 60
# Between the results' end and the last line of the kernel's log, which a thread of the kernel's may print.
_LOG_SECONDS = 5


class Request(Record):
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
    # Programs of which every run of the machine has the libraries.
    programs: tuple = ()
    # `saved` lets the run start from a saved machine; what must boot says why.
    start: str = "boot"
    boots_because: str = ""

    @property
    def kernel_modules(self):
        """Modules of the kernel's own that the cell names: what they do is not built into it."""
        return tuple(Path(path) for path in self.kernel.get("modules", ()))


class Outcome(Record):
    verdict: str
    reason: str
    exit: int
    log: str
    # Objects that the guest sent on the way, and {name: content} of its /results.
    said: list = []
    files: dict = {}
    splats: list = []
    tainted: dict = {}
    seconds: float = 0.0
    boots: int = 1
    start: str = "boot"
    boot_failures: list = []


class _Results:
    """What comes over the results' line, through a pipe."""

    def __init__(self, descriptor, token, progress):
        self._descriptor = descriptor
        self._progress = progress
        self._end = f"{token}\n".encode()
        self._received = bytearray()

    def fileno(self):
        return self._descriptor

    def take(self):
        """True when there is nothing more to come."""
        data = os.read(self._descriptor, 1 << 20)
        self._received += data
        self._progress.show_if_told(self._how_far)
        return not data or self._complete()

    def _how_far(self):
        said = self.said()
        planned = next((each["planned"] for each in reversed(said) if "planned" in each), None)
        if planned is None:
            return "running" if self.came_up() else "starting"
        # A rule is told of when it starts and when it ends.
        return f"rule {len({each['id'] for each in said if 'id' in each})} of {planned}"

    def take_the_rest(self):
        """Of a QEMU that has ended."""
        while not self.take():
            pass

    def _complete(self):
        return self._received.endswith(self._end)

    def came_up(self):
        """Whether the guest's first process has said so."""
        return any(each.get("up") for each in self.said())

    def said(self):
        """On the way, a JSON object each; the last may be cut short."""
        return _objects(bytes(self._received).partition(b"archive\n")[0])

    def files(self):
        """{name: bytes} of the guest's /results and of what its first process says at the end, None if not all came."""
        if not self._complete():
            return None
        archived = bytes(self._received).partition(b"archive\n")[2]
        files = _unpacked(archived.removesuffix(self._end)) if archived else {}
        for each in self.said():
            files |= {name: text.encode() for name, text in each.get("ended", {}).items()}
        return files


class Run:
    """One start of QEMU over the files of one run; `machine` is the saved one, or None for a boot."""

    def __init__(self, request, folder, base, machine=None):
        self._request = request
        self._folder = folder
        self._base = base
        self._saved = machine
        self._token = f"results complete {os.urandom(8).hex()}"
        self._log = folder / "kernel.log"
        self._results = None

    def prepare(self, results=1, state=None):
        """Write what the guest reads; returns the QEMU line, with these: a descriptor for results, the file of a saved machine's state."""
        request, kernel = self._request, self._request.kernel["vmlinuz"]
        ends = qemu.Ends(self._log, results)
        brought, own = bundle.brought(request, self._base).path, self._folder / "run"
        bundle.write_own(request, self._token, "saved" if self._saved else "boot", own)
        if self._saved:
            parts = (("brought", brought), ("run", own))
            return qemu.command_line(request.machine, kernel, self._base.path, ends, parts, qemu.incoming(request.machine.arch, state))
        # A kernel that boots unpacks one archive behind the other, and needs to know nothing of fw_cfg.
        image = self._folder / "initramfs"
        with open(image, "wb") as output:
            for part in (self._base.path, brought, own):
                append(output, part)
        return qemu.command_line(request.machine, kernel, image, ends)

    def execute(self, announce=None):
        timed_out = left = False
        with ExitStack() as held:
            ours, theirs = (held.enter_context(each) for each in socket.socketpair())
            state = held.enter_context(open(self._saved.state, "rb")) if self._saved else None
            reading, writing = os.pipe()
            held.callback(os.close, reading)
            try:
                words = self.prepare(writing, state)
                if announce:
                    announce(words)
                with open(self._folder / "qemu.log", "wb") as errors:
                    process = qemu.start(words, theirs, errors, (writing, state.fileno()) if state else (writing,))
            finally:
                os.close(writing)
                theirs.close()
            progress = Progress(f"guest {self._request.cell.name}", elsewhere=None)
            progress.show_if_told(lambda: "starting" if self._saved else "booting")
            self._results = _Results(reading, self._token, progress)
            load(*_TO_JUDGE)
            try:
                self._relay(ours)
                self._wait_for_log(process)
            except terminal.DeadlinePassed:
                timed_out = True
            except terminal.Left:
                left = True
            finally:
                qemu.end(process)
            self._results.take_the_rest()
        return self._outcome(timed_out, left)

    def came_up(self):
        return self._results is not None and self._results.came_up()

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
                terminal.relay(ours, deadline, keyboard=0, results=self._results)
        elif deadline is None:
            terminal.relay(ours, results=self._results)
        else:
            self._relay_until(deadline, ours)

    def _relay_until(self, deadline, ours):
        up = time.monotonic() + (_START_SECONDS if self._saved else _BOOT_SECONDS)
        try:
            terminal.relay(ours, min(deadline, up), results=self._results)
        except terminal.DeadlinePassed:
            if not self.came_up() or time.monotonic() >= deadline:
                raise
            terminal.relay(ours, deadline, results=self._results)

    def _wait_for_log(self, process):
        """The guest is not waited for until it is off; its log is, until the mark behind the results is in it."""
        deadline = time.monotonic() + _LOG_SECONDS
        while self._token not in _text(self._log) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)

    def _outcome(self, timed_out, left):
        log = (self._saved.log if self._saved else "") + _text(self._log)
        files = self._results.files()
        judged = verdict.judge(files, log, timed_out, left, self._request.timeout)
        reason = judged.reason
        if judged.verdict == "timeout" and not self.came_up():
            reason = f"the kernel did not come to user space within {min(self._request.timeout, _BOOT_SECONDS):g} s"
        if judged.verdict == "broken":
            reason += _indented(_text(self._folder / "qemu.log"))
        # QEMU drops what it cannot write to the kernel's log, and says nothing.
        if self._token not in log and no_room_in(self._folder):
            judged, reason = replace(judged, verdict="broken", exit=HARNESS), NO_ROOM
        return Outcome(
            verdict=judged.verdict,
            reason=reason,
            exit=judged.exit,
            log=log,
            said=self._results.said(),
            files=files or {},
            splats=judged.splats,
            tainted=judged.tainted,
            seconds=time.monotonic() - START,
            start="saved" if self._saved else "boot",
        )


def _indented(text):
    return "".join(f"\n  {line}" for line in text.splitlines())


def _text(path):
    return path.read_text(errors="replace") if path.exists() else ""


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


def base_of(request):
    return initramfs.base(request.machine.arch, request.kernel["release"], request.kernel_modules, request.programs)


def run(request, announce=None, boots=_BOOTS):
    """announce, if any, is called with the words of the QEMU line; boots is how often a kernel may die on its way to user space."""
    base = base_of(request)
    outcome = _from_saved(request, base, announce) if request.start == "saved" else None
    return outcome or _booted(request, base, announce, boots)


def _from_saved(request, base, announce):
    """The outcome; None if there is no such machine to be had, which must not keep a run from a boot."""
    try:
        machine = saved.ready(request.cell, request.machine, request.kernel, base)
    except Failure as failure:
        note(f"booting, as no machine could be saved: {failure}")
        return None
    try:
        with scratch_folder(cache_folder() / "run") as folder:
            this = Run(request, folder, base, machine)
            outcome = this.execute(announce)
        if this.came_up() or outcome.verdict == "pass":
            return outcome
        reason = outcome.reason
    except Failure as failure:
        reason = failure
    saved.forget(machine)
    note(f"booting, as the saved machine did not start: {reason}")
    return None


def _booted(request, base, announce, boots):
    failures = []
    while True:
        with scratch_folder(cache_folder() / "run") as folder:
            this = Run(request, folder, base)
            outcome = this.execute(announce)
            failure = this.boot_failure(outcome)
        if not failure:
            return replace(outcome, boots=len(failures) + 1, boot_failures=failures)
        failures.append(failure)
        note(f"boot {len(failures)} of at most {boots} failed before user space: {failure}")
        if len(failures) >= boots or request.machine.gdb:
            return replace(outcome, boots=len(failures), boot_failures=failures)


def no_kvm_because(arch):
    """Why KVM can't be tried; "" if it can."""
    if arch.cross:
        return f"{arch.debian} is another architecture"
    if not qemu.KVM.exists():
        return f"there is no {qemu.KVM}"
    if not os.access(qemu.KVM, os.R_OK | os.W_OK):
        return f"{qemu.KVM} is not for this user"
    return ""


def kvm_works(cell, kernel):
    """Whether this very kernel really boots with KVM: a /dev/kvm that opens proves nothing."""
    arch = ARCHES[cell.arch]
    if no_kvm_because(arch):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def ask():
        machine = qemu.Machine(arch=arch, memory=256, cpus=1, accel="kvm")
        return run(Request(cell, kernel, machine, ("true",), timeout=_CANARY_SECONDS), boots=1).verdict == "pass"

    return remembered("kvm", (boot, qemu.identity(arch), kernel["vmlinuz"], state_of(kernel["vmlinuz"])), ask)
