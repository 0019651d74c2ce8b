# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual machine: QEMU's command line, and a QEMU that dies with its caller."""

import os
import re
from pathlib import Path

import host
from arches import Arch
from common import NOTHING_RAN, USAGE, Failure, remembered
from late import Late
from records import Record

subprocess = Late("subprocess")

KVM = Path("/dev/kvm")
IVSHMEM_SIZE = 16 << 20
# Before it, QEMU reads code that it translates before it watches the page for writes: what another processor writes in between
# is lost, and the old code runs until somebody writes there again. A kernel that patches a jump label so executes an int3
# that is long gone, and dies ("Oops: int3"), or keeps the old jump. Mended in 8.1 (accel/tcg: Always lock pages before
# translation), for code across two pages in 9.1 (Fix typo causing tb->page_addr[1] to not be recorded).
_SEES_CODE_CHANGE = (9, 1)


class Machine(Record):
    """What the caller may choose about the guest."""

    arch: Arch
    memory: int
    cpus: int = 2
    append: str = ""
    icount: bool = False
    gdb: bool = False
    # The shared device memory: a file that the host sees, else memory of the machine's own if it is to have the device.
    ivshmem: Path | None = None
    own_ivshmem: bool = False
    accel: str = "tcg"
    # "single" emulates the processors in turn, "multi" each in a thread of its own; "" is what this QEMU can do without harm.
    threads: str = ""


class Ends(Record):
    """What is behind the machine's lines: a file for the kernel's log, descriptors for results and monitor.

    The command's line is QEMU's stdin and stdout.
    """

    kernel_log: Path
    results: int
    monitor: int | None = None


def binary(arch):
    found = host.program(arch.qemu)
    if not found:
        raise Failure(f"{arch.qemu} is missing: run scripts/setup", NOTHING_RAN)
    return found


def _kernel_command_line(machine):
    words = [f"console={machine.arch.console}", "panic=-1", "cryptomgr.notests"]
    if machine.accel == "tcg":
        # QEMU translates code for the address at which it runs (until 8.0 for that alone): a program that is elsewhere each time
        # is translated each time, and most of what a run's first second does are starts of the same few programs.
        words.append("norandmaps")
    if machine.accel == "tcg" and not machine.icount and not machine.arch.cross:
        # On a busy host the emulated timers are too uneven for the kernel to calibrate its
        # delay loop, which it tries for seconds; any value near a real TSC's will do.
        words.append("lpj=10000000")
        # A host that is busy for a moment makes the emulated timer look dead, and the kernel panics over it.
        words.append("no_timer_check")
    if not machine.arch.cross:
        # 7.3's watchdog over the TSC waits for another CPU with interrupts off, until a time that does not pass while the
        # clock is still jiffies: if that CPU is in stop_machine(), the boot hangs (kernel/time/clocksource.c: watchdog_wait_seq).
        words.append("tsc=nowatchdog")
    if machine.icount or machine.gdb:
        words.append("nokaslr")
    return " ".join(words + machine.append.split())


def threads(machine):
    """How the processors are emulated: "single" or "multi"."""
    if machine.icount:
        return "single"
    return machine.threads or ("multi" if _numbers(version(machine.arch)) >= _SEES_CODE_CHANGE else "single")


def _accelerator(machine):
    if machine.accel == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    options = ["-accel", f"tcg,thread={threads(machine)}", "-cpu", machine.arch.cpu]
    if machine.icount:
        options += ["-icount", "shift=0,sleep=off"]
    return options


def _lines(arch, ends):
    words = [
        "-chardev", f"file,id=kernel-log,path={_escaped(ends.kernel_log)}",
        "-chardev", f"file,id=results,path=/dev/fd/{ends.results}",
        "-chardev", "stdio,id=command,signal=off",
        *arch.serial_lines,
    ]  # fmt: skip
    if ends.monitor is not None:
        words += ["-chardev", f"socket,id=monitor,fd={ends.monitor}", "-mon", "chardev=monitor,mode=control"]
    return words


def _shared_memory(machine):
    if not machine.ivshmem:
        # Of a peer, which is what a machine is without `master`, QEMU saves nothing.
        backend = f"memory-backend-ram,id=ivshmem,size={IVSHMEM_SIZE}"
        return ["-object", backend, "-device", "ivshmem-plain,memdev=ivshmem,master=on"]
    size = machine.ivshmem.stat().st_size
    if size == 0 or size & (size - 1):
        raise Failure(f"--ivshmem {machine.ivshmem}: its size must be a power of two, not {size}", USAGE)
    backend = f"memory-backend-file,id=ivshmem,share=on,mem-path={_escaped(machine.ivshmem)},size={size}"
    return ["-object", backend, "-device", "ivshmem-plain,memdev=ivshmem"]


def _escaped(path):
    return str(path).replace(",", ",,")


def command_line(machine, vmlinuz, initramfs, ends, brought=(), incoming=None):
    """For a machine that is saved or was: the files that /vm/receive unpacks in it, by their names there, and whence its state comes."""
    cpus = 1 if machine.icount else machine.cpus
    words = [
        binary(machine.arch),
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        *machine.arch.machine, "-m", f"{machine.memory}M", *_accelerator(machine),
        "-smp", str(cpus),
        *_lines(machine.arch, ends),
    ]  # fmt: skip
    if machine.ivshmem or machine.own_ivshmem:
        words += _shared_memory(machine)
    if machine.gdb:
        words += ["-s", "-S"]
    for name, path in brought:
        words += ["-fw_cfg", f"name=opt/ptelab/{name},file={_escaped(path)}"]
    if incoming is not None:
        words += ["-incoming", incoming]
    words += ["-kernel", str(vmlinuz), "-initrd", str(initramfs)]
    return words + ["-append", _kernel_command_line(machine)]


def incoming(arch, state):
    """How QEMU is told to take the state that is in an open file; before 8.2 it had no word for a file."""
    return f"file:{state.name}" if _numbers(version(arch)) >= (8, 2) else f"fd:{state.fileno()}"


def takes_filled_pages(arch):
    """Whether a state may have pages of one byte without their bytes; from 8.2 on that byte must be zero."""
    return _numbers(version(arch)) < (8, 2)


# Where this machine is a virtual one itself, a page fault or a system call costs more than what is done in a page: take huge ones,
# and from one heap that grows in large steps.
_ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.top_pad=67108864"}


def start(words, terminal, errors, descriptors=()):
    """The kernel kills this QEMU when the calling thread ends, however it ends."""
    return subprocess.Popen(
        host.dies_with_caller(words),
        pass_fds=descriptors,
        stdin=terminal,
        stdout=terminal,
        stderr=errors,
        env=os.environ | _ENVIRONMENT,
        # Ctrl-C is for the caller to handle; it then ends QEMU.
        process_group=0,
    )


def end(process):
    """At once: all that it was to write is in its files and pipes already, and its own way to the end takes longer."""
    process.kill()
    process.wait()


def identity(arch):
    """Changes when QEMU does; its version would cost a start of QEMU."""
    found = os.stat(binary(arch))
    return f"{found.st_size} {found.st_mtime_ns}"


def version(arch):
    """As QEMU says it; asked once for each QEMU."""

    def ask():
        output = subprocess.run([binary(arch), "--version"], capture_output=True, text=True, check=True)
        return output.stdout.split("\n")[0].removeprefix("QEMU emulator version ")

    return remembered("qemu", (binary(arch), identity(arch)), ask)


def _numbers(text):
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])
