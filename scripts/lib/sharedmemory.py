# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of the device memory that host and guest share (ivshmem-plain).

Before the boot the host writes a text with a nonce; a rule in the guest reads it through the
iomap node, and writes a text with the same nonce elsewhere, which the host reads afterwards.
"""

import secrets

from hostrule import record
from qemu import IVSHMEM_SIZE

HOST_OFFSET = 0x1000
GUEST_OFFSET = 0x2000
HOST_TEXT = b"ptelab host pattern "
GUEST_TEXT = b"ptelab guest pattern "
RULE = "iomap.host_reads_what_guest_wrote"


class SharedMemory:
    def __init__(self, path):
        self.path = path
        self._nonce = secrets.token_hex(8).encode()
        with open(path, "wb") as file:
            file.truncate(IVSHMEM_SIZE)
            file.seek(HOST_OFFSET)
            file.write(HOST_TEXT + self._nonce + b"\0")

    def rule(self, verdict, start):
        """The rule's record, once the guest, whose run got this verdict, is off. Of a saved machine the host sees no device memory."""
        not_run = "" if verdict in ("pass", "fail") else f"the guest's run ended early: {verdict}"
        if start == "saved":
            not_run = "QEMU restores the shared device memory as the guest's own: run it with --start boot"
        expected = GUEST_TEXT + self._nonce
        with open(self.path, "rb") as file:
            file.seek(GUEST_OFFSET)
            observed = file.read(len(expected))
        return record(
            RULE,
            says="What the guest wrote through its mapping of device memory is in that memory when the guest is off",
            source="mm/memory.c:vm_iomap_memory",
            file="scripts/lib/sharedmemory.py",
            observed={
                "the answer is there": observed == expected,
                "the answer": observed.rstrip(b"\0").decode(errors="replace"),
            },
            expected={"the answer is there": True, "the answer": expected.decode()},
            broken=f"the host does not find the guest's answer at {GUEST_OFFSET:#x} of the shared memory",
            not_run=not_run,
            varies=["the answer"],  # it has the nonce
        )
