# SPDX-License-Identifier: GPL-2.0-or-later
"""A newc archive as the kernel's initramfs wants it, the same bytes for the same content."""

import stat


class Archive:
    """Entries by guest path; parent folders come by themselves."""

    def __init__(self):
        self._entries = {}

    def folder(self, path, mode=0o755):
        self._add(path, stat.S_IFDIR | mode)

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def text(self, path, content, mode=0o644):
        self._add(path, stat.S_IFREG | mode, content.encode())

    def file(self, path, source, mode):
        with open(source, "rb") as content:
            self._add(path, stat.S_IFREG | mode, content.read())

    def character_device(self, path, major, minor, mode=0o600):
        self._add(path, stat.S_IFCHR | mode, device=(major, minor))

    def paths(self):
        return sorted(self._entries)

    def _add(self, path, mode, content=b"", device=(0, 0)):
        name = path.strip("/")
        parent = name.rpartition("/")[0]
        if parent and parent not in self._entries:
            self.folder(parent)
        self._entries[name] = (mode, content, device)

    def write(self, output):
        # Sorted, so that a folder comes before what is in it.
        for number, (name, (mode, content, device)) in enumerate(sorted(self._entries.items()), 1):
            self._write_entry(output, number, name, mode, content, device)
        self._write_entry(output, 0, "TRAILER!!!", 0, b"", (0, 0))

    @staticmethod
    def _write_entry(output, inode, name, mode, content, device):
        raw = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        # ino mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor namesize check
        numbers = (inode, mode, 0, 0, links, 0, len(content), 0, 0, *device, len(raw), 0)
        header = b"070701" + b"".join(b"%08X" % number for number in numbers)
        for part in (header + raw, content):
            output.write(part)
            output.write(b"\0" * (-len(part) % 4))
