# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that were saved when they were ready to receive a run.

A run starts a QEMU that takes its state, memory and all, from a file, so one machine serves any number of runs at once. Memory is not
mapped from the file: each page that is written would be a fault and a copy, where memory of QEMU's own comes in huge pages.
What is the same in all of them: hash seeds and other random state that the kernel took before the save, and the layout of what runs
already. The clock is set and the random state reseeded before anything of the run is executed.
"""

import json
import os
import re
import shlex
import time
from pathlib import Path

import qemu
from common import Failure, cache_folder, digest, locked, scratch_folder, state_of
from late import Late
from progress import Progress
from records import Record, replace

kernellog = Late("kernellog")
migration = Late("migration")
qmp = Late("qmp")
shutil = Late("shutil")
socket = Late("socket")

# Emulated, by one thread, on a busy machine, a debug kernel takes a minute.
_BOOT_SECONDS = 600
_MONITOR_SECONDS = 60
# QEMU's own limit is for a network.
_BYTES_PER_SECOND = 1 << 40
# All states together; the least recently used go first.
BYTES_KEPT = 4 << 30
# Written last: a folder without it is the rest of something that failed.
_COMPLETE = "machine.json"
# What the guest has come to. Later there may be machines with a module loaded.
_STAGE = "ready"
_NOTHING_BROUGHT = (("brought", os.devnull), ("run", os.devnull))


class CannotReceive(Failure):
    """The kernel has no way for the guest to reach fw_cfg: it is not tried again."""


class Saved(Record):
    folder: Path

    @property
    def state(self):
        return self.folder / "state"

    @property
    def log(self):
        """The kernel's, from its boot to the save."""
        return (self.folder / "kernel.log").read_text(errors="replace")


def folder():
    return cache_folder() / "machines"


def all_saved():
    """(folder, bytes on the disk), the least recently used first."""
    found = [(each.parent, each.stat().st_mtime) for each in folder().glob(f"*/{_COMPLETE}")]
    return [(each, _bytes_on_disk(each)) for each, _ in sorted(found, key=lambda pair: pair[1])]


def _bytes_on_disk(place):
    return sum(path.stat().st_blocks * 512 for path in place.iterdir())


def _identity(machine, kernel, base):
    """Of all that is in the saved memory and state, and of all that a QEMU must have to take them."""
    saving = replace(machine, threads="single")
    words = qemu.command_line(saving, "kernel", "initramfs", qemu.Ends("log", 0, 1), _NOTHING_BROUGHT)
    return digest(repr((_STAGE, words, qemu.identity(machine.arch), kernel["vmlinuz"], state_of(kernel["vmlinuz"]), base.content)))


def ready(cell, machine, kernel, base):
    """The saved machine; made when there is none."""
    place = folder() / f"{cell.name}-{_identity(machine, kernel, base)}"
    complete, never = place / _COMPLETE, place.with_name(f"{place.name}.never")
    if never.exists():
        raise CannotReceive(never.read_text())
    if not complete.exists():
        with locked(folder() / f"{cell.name}.lock"):
            if not complete.exists():
                try:
                    _make(cell, machine, kernel, base, place)
                except CannotReceive as failure:
                    never.write_text(str(failure))
                    raise
        _forget_old(place)
    os.utime(complete)
    return Saved(place)


def forget(saved):
    shutil.rmtree(saved.folder, ignore_errors=True)


def _forget_old(newest):
    found = all_saved()
    total = sum(size for _, size in found)
    for place, size in found:
        if total <= BYTES_KEPT:
            break
        if place != newest:
            shutil.rmtree(place, ignore_errors=True)
            total -= size


def _make(cell, machine, kernel, base, place):
    shutil.rmtree(place, ignore_errors=True)
    progress = Progress(f"machine {cell.name}")
    try:
        with scratch_folder(place.parent) as scratch:
            unfinished = scratch / "machine"
            unfinished.mkdir()
            _save(machine, kernel, base, unfinished, progress)
            complaints = kernellog.scan((unfinished / "kernel.log").read_text(errors="replace"))
            if complaints:
                raise Failure(f"the kernel complains while it boots: {complaints[0].line}")
            described = {"cell": cell.name, "vmlinuz": kernel["vmlinuz"], "stage": _STAGE}
            (unfinished / _COMPLETE).write_text(json.dumps(described) + "\n")
            unfinished.rename(place)
    finally:
        progress.end()


def _save(machine, kernel, base, place, progress):
    """Boot, with one thread for all processors: a kernel patches its code while it boots, and QEMU's threads may see half of that."""
    monitor, their_monitor = socket.socketpair()
    terminal, their_terminal = socket.socketpair()
    results, their_results = os.pipe()
    try:
        ends = qemu.Ends(place / "kernel.log", their_results, their_monitor.fileno())
        words = qemu.command_line(replace(machine, threads="single"), kernel["vmlinuz"], base.path, ends, _NOTHING_BROUGHT)
        with open(place / "qemu.log", "wb") as errors:
            process = qemu.start(words, their_terminal, errors, (their_results, their_monitor.fileno()))
        their_monitor.close()
        their_terminal.close()
        os.close(their_results)
        their_results = None
        try:
            _wait_until_ready(results, place, progress)
            progress.show("saving it")
            _write_state(qmp.Monitor(monitor, _MONITOR_SECONDS), place / "state.whole")
        finally:
            qemu.end(process)
        _keep_what_is_not_zero(place / "state.whole", place / "state", qemu.takes_filled_pages(machine.arch))
    finally:
        os.close(results)
        if their_results is not None:
            os.close(their_results)
        for each in (monitor, their_monitor, terminal, their_terminal):
            each.close()


def _wait_until_ready(results, place, progress):
    os.set_blocking(results, False)
    deadline = time.monotonic() + _BOOT_SECONDS
    said = b""
    while b'{"ready": true}\n' not in said:
        progress.show("booting, to be saved")
        try:
            data = os.read(results, 4096)
        except BlockingIOError:
            data = None
            time.sleep(0.02)
        if data == b"":
            if told := re.search(r"receive: .*", _text(place / "kernel.log")):
                raise CannotReceive(f"in the guest: {told[0].strip()}")
            last = (place / "qemu.log").read_text() or _last_lines(place / "kernel.log")
            raise Failure(f"the machine to save ended before it was ready: {last.strip()}")
        if time.monotonic() > deadline:
            raise Failure(f"the machine to save was not ready after {_BOOT_SECONDS} s: {_last_lines(place / 'kernel.log')}")
        said += data or b""


def _keep_what_is_not_zero(whole, kept, fills):
    try:
        migration.without_zero_pages(whole, kept, fills)
        whole.unlink()
    except migration.NotUnderstood:
        whole.rename(kept)


def _text(log):
    return log.read_text(errors="replace") if log.exists() else ""


def _last_lines(log):
    return "\n".join(_text(log).splitlines()[-3:])


def _write_state(monitor, state):
    """The guest is stopped for it: QEMU 10 and 11 die of an assertion when the memory of an emulated one that runs is written."""
    monitor.execute("stop")
    monitor.execute("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
    monitor.execute("migrate-set-parameters", **{"max-bandwidth": _BYTES_PER_SECOND})
    monitor.execute("migrate", uri=f"exec:cat >{shlex.quote(str(state))}")
    while (status := monitor.wait_for("MIGRATION")["status"]) != "completed":
        if status == "failed":
            raise Failure("QEMU cannot save the machine's state: is the disk full?")
    monitor.execute("quit")
    try:
        migration.let_run(state)
    except migration.NotUnderstood as why:
        raise Failure(f"the state that QEMU has saved is not as it was in any QEMU before: {why}") from why
