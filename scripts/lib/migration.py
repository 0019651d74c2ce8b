# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's state as QEMU writes it, without the pages that are all zero, and of a machine that runs.

QEMU names each of them, and reads it when it takes the state, which costs as much as if it were used. Memory that is not named is
zero anyway. The format is that of QEMU's migration stream, section `ram` in version 4, of all releases since 2.0.
"""

import mmap
import struct

_RAM = b"\x03ram" + struct.pack(">II", 0, 4)
_START, _PART, _END, _FOOTER = 1, 2, 3, 0x7E
_ZERO, _SIZES, _PAGE, _EOS, _SAME_BLOCK = 2, 4, 8, 16, 32
_FLAGS = (1 << 10) - 1
# Of the emulated machine as QEMU sees it, whatever the guest takes for one.
_PAGE_BYTES = 4096


# QEMU's section on whether the machine runs: its length with the zero behind it, and the word (migration/global_state.c).
_GLOBAL = b"\x0bglobalstate" + struct.pack(">II", 0, 1)
# At least; what is behind differs from one QEMU to the next.
_WORD_BYTES = 16


def _said(word):
    return _GLOBAL + struct.pack(">I", len(word) + 1) + word.ljust(_WORD_BYTES, b"\0")


class NotUnderstood(Exception):
    """The stream is not as described: it is to be kept as it is."""


class _Reader:
    def __init__(self, content, at):
        self.content = content
        self.at = at
        # The last that was named, also in an earlier section.
        self.block = None

    def number(self, form):
        try:
            [value] = struct.unpack_from(form, self.content, self.at)
        except struct.error as error:
            raise NotUnderstood("it ends too early") from error
        self.at += struct.calcsize(form)
        return value

    def name(self):
        size = self.number(">B")
        self.at += size
        return self.content[self.at - size : self.at]


class _Writer:
    def __init__(self, output):
        self._output = output
        self._block = None

    def plain(self, content):
        self._output.write(content)

    def record(self, address, flags, block, content):
        same = block == self._block
        self._block = block
        self.plain(struct.pack(">Q", address | flags & ~_SAME_BLOCK | (_SAME_BLOCK if same else 0)))
        self.plain((b"" if same else bytes([len(block)]) + block) + content)


def let_run(state):
    """Change the state of a stopped machine, in its file: a QEMU that takes it runs at once, and waits for no word."""
    with open(state, "r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        at = content.find(_said(b"paused"))
        if at < 0:
            raise NotUnderstood("no word on whether it runs")
        content[at : at + len(_said(b"paused"))] = _said(b"running")


def without_zero_pages(source, target, fills=False):
    """Copy a state from one file to another. fills: whoever takes it knows pages of any one byte, such as those that page_poison filled."""
    with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, open(target, "wb") as output:
        found = content.find(_RAM)
        if found < 5 or content[found - 5] != _START:
            raise NotUnderstood("no section of memory")
        reader, writer = _Reader(content, found - 4), _Writer(output)
        section = reader.number(">I")
        reader.at = found + len(_RAM)
        memory = _largest_block(reader)
        _end_of_section(reader, section)
        writer.plain(content[: reader.at])
        kind = _START
        while kind != _END:
            begin, kind = reader.at, reader.number(">B")
            if kind not in (_PART, _END) or reader.number(">I") != section:
                raise NotUnderstood(f"section {kind} among those of memory")
            writer.plain(content[begin : reader.at])
            _copy_pages(reader, writer, memory, fills)
            begin = reader.at
            _end_of_section(reader, section)
            writer.plain(content[begin : reader.at])
        writer.plain(content[reader.at :])


def _largest_block(reader):
    """The name of the machine's memory."""
    total = reader.number(">Q")
    if total & _FLAGS != _SIZES:
        raise NotUnderstood("no sizes of memory")
    total &= ~_FLAGS
    sizes = {}
    while sum(sizes.values()) < total:
        name = reader.name()
        sizes[name] = reader.number(">Q")
    if reader.number(">Q") != _EOS:
        raise NotUnderstood("more about memory than its sizes")
    return max(sizes, key=sizes.get)


def _end_of_section(reader, section):
    if reader.number(">B") != _FOOTER or reader.number(">I") != section:
        raise NotUnderstood("a section of memory without an end")


def _copy_pages(reader, writer, memory, fills):
    while (word := reader.number(">Q")) != _EOS:
        flags = word & _FLAGS
        if not flags & _SAME_BLOCK:
            reader.block = reader.name()
        size = {_ZERO: 1, _PAGE: _PAGE_BYTES}.get(flags & ~_SAME_BLOCK)
        if size is None:
            raise NotUnderstood(f"memory with flags {flags:#x}")
        data = reader.content[reader.at : reader.at + size]
        reader.at += size
        if fills and size == _PAGE_BYTES and data == data[:1] * size:
            flags, data = flags & ~_PAGE | _ZERO, data[:1]
        if data != b"\0" or reader.block != memory:
            writer.record(word & ~_FLAGS, flags, reader.block, data)
    writer.plain(struct.pack(">Q", _EOS))
