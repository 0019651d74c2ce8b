# SPDX-License-Identifier: GPL-2.0-or-later
"""The architectures: what Debian, kbuild, the compilers and QEMU call them, and where their kernel image is."""

from records import Record


class Arch(Record):
    debian: str
    kbuild: str
    # Prefix of the compilers' and binutils' names on a machine of another architecture; empty for this one's.
    cross: str
    # The kernel's make target, and what it makes.
    target: str
    image: str
    qemu: str
    machine: tuple
    # What emulates the newest processor that there is.
    cpu: str
    # QEMU's devices behind the chardevs kernel-log, results and command, and the guest's names of them.
    serial_lines: tuple
    console: str
    results_line: str
    command_line: str
    # What else of the tree an external module build reads.
    kept: tuple


ARCHES = {
    "x86_64": Arch(
        debian="amd64", kbuild="x86", cross="", target="bzImage", image="arch/x86/boot/bzImage",
        qemu="qemu-system-x86_64", machine=("-machine", "q35"),
        # erms makes emulated string instructions expensive. QEMU 7.2 loses the flags when an interrupt comes right behind
        # cmpxchg16b: Debian's 6.12.95 then dies of a double fault in kmem_cache_alloc (5 of 6 boots on a busy machine).
        # While the kernel learns what its processor has, it has forgotten that it runs with 5-level page tables: an interrupt at
        # that moment is full of wild accesses to KASAN, whose shadow is elsewhere then (seen once, in identify_cpu of 6.12).
        cpu="max,-erms,-cx16,-la57",
        # ttyS2 would share ttyS0's interrupt.
        serial_lines=(
            "-device", "isa-serial,chardev=kernel-log,index=0",
            "-device", "isa-serial,chardev=results,index=1",
            "-device", "isa-serial,chardev=command,index=2,irq=5",
        ),
        console="ttyS0", results_line="/dev/ttyS1", command_line="/dev/ttyS2",
        kept=("arch/x86/Makefile*", "arch/x86/tools/*"),
    ),
    "arm64": Arch(
        debian="arm64", kbuild="arm64", cross="aarch64-linux-gnu-", target="Image", image="arch/arm64/boot/Image",
        qemu="qemu-system-aarch64", machine=("-machine", "virt,gic-version=3"),
        # Pointer authentication with QEMU's own hash: the architecture's takes half of the emulation's time.
        cpu="max,pauth-impdef=on",
        serial_lines=(
            "-serial", "chardev:kernel-log",
            "-device", "pci-serial,chardev=results",
            "-device", "pci-serial,chardev=command",
        ),
        console="ttyAMA0", results_line="/dev/ttyS0", command_line="/dev/ttyS1",
        kept=("arch/arm64/Makefile*", "arch/arm64/kernel/vdso/*", "arch/arm64/kernel/module.lds*"),
    ),
}  # fmt: skip
