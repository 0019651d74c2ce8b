#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs: read back with busybox's cpio, not with our own code."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from testing import script
import collect
import initramfs
from arches import ARCHES
from common import USAGE

HOST = ARCHES["x86_64"]


class OwnCache(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        patch = mock.patch.dict("os.environ", PTELAB_CACHE=str(self.place / "cache"))
        patch.start()
        self.addCleanup(patch.stop)


class Archive(OwnCache):
    def write(self, *arguments):
        """The script's archive, unpacked."""
        image = self.place / "image.cpio"
        done = script("initramfs", "-o", image, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        root = self.place / "root"
        root.mkdir(exist_ok=True)
        with open(image, "rb") as archive:
            # Without the device node, which only root can make.
            command = ["/bin/busybox", "cpio", "-idmu", "--quiet"]
            names = [name for name in self.names(image) if name != "dev/console"]
            subprocess.run([*command, *names], stdin=archive, cwd=root, check=True)
        return root

    @staticmethod
    def names(image):
        with open(image, "rb") as archive:
            command = ["/bin/busybox", "cpio", "-t", "--quiet"]
            return subprocess.run(
                command, stdin=archive, capture_output=True, text=True, check=True
            ).stdout.splitlines()

    def test_the_base_has_init_a_shell_and_a_console(self):
        root = self.write()
        self.assertTrue(os.access(root / "init", os.X_OK))
        self.assertEqual(os.readlink(root / "bin"), "usr/bin")
        self.assertEqual(os.readlink(root / "usr/bin/sh"), "/bin/busybox")
        self.assertEqual((root / "usr/bin/busybox").read_bytes(), Path("/bin/busybox").read_bytes())
        self.assertIn("dev/console", self.names(self.place / "image.cpio"))

    def test_the_same_content_gives_the_same_bytes(self):
        images = [self.place / name for name in ("one", "two")]
        for image in images:
            self.assertEqual(script("initramfs", "-o", image, "--with", "/etc/passwd:/p").returncode, 0)
        self.assertEqual(images[0].read_bytes(), images[1].read_bytes())

    def test_a_program_comes_with_its_loader_and_libraries(self):
        root = self.write("--with", "/bin/kmod:/opt/kmod")
        self.assertTrue(os.access(root / "opt/kmod", os.X_OK))
        found = {path.name for path in root.rglob("*")}
        self.assertLessEqual({"libc.so.6", "libcrypto.so.3"}, found)
        self.assertTrue(any(name.startswith("ld-linux") for name in found))
        # The proof: it runs, with nothing but what the archive holds.
        if os.geteuid() == 0:
            done = subprocess.run(["chroot", root, "/opt/kmod", "--version"], capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_program_comes_with_what_it_opens_by_itself(self):
        source, program = self.place / "opens.c", self.place / "opens"
        note = r'[{\"feature\":\"x\",\"soname\":[\"libkmod.so.2\",\"libthere-is-none.so.1\"]}]'
        source.write_text(
            '__asm__(".pushsection .note.dlopen, \\"a\\"\\n.balign 4\\n.long 4, 2f - 1f, 0x407c0c0a\\n.asciz \\"FDO\\"\\n"\n'
            f'        "1: .asciz \\"{note.replace(chr(92), chr(92) * 3)}\\"\\n2: .balign 4\\n.popsection");\n'
            "int main(void) { return 0; }\n"
        )
        subprocess.run(["gcc", "-o", program, source], check=True)
        found = {path.name for path in self.write("--with", f"{program}:/opens").rglob("*")}
        # And what that is linked with; what this machine does not have is for the program to miss.
        self.assertLessEqual({"libkmod.so.2", "libzstd.so.1"}, found)
        self.assertNotIn("libthere-is-none.so.1", found)

    def test_a_folder_keeps_its_shape(self):
        source = self.place / "source"
        (source / "deep" / "empty").mkdir(parents=True)
        (source / "deep" / "file").write_text("content")
        (source / "link").symlink_to("deep/file")
        root = self.write("--with", f"{source}:/data")
        self.assertEqual((root / "data/deep/file").read_text(), "content")
        self.assertTrue((root / "data/deep/empty").is_dir())
        self.assertEqual(os.readlink(root / "data/link"), "deep/file")

    def test_a_path_without_another_keeps_its_place(self):
        file = self.place / "file"
        file.write_text("x")
        root = self.write("--with", file)
        self.assertEqual((root / str(file).lstrip("/")).read_text(), "x")

    def test_what_is_not_there_is_a_usage_error(self):
        for arguments, word in (
            (("--with", "/no/such/file"), "no such file"),
            (("--with", "/etc/passwd:relative"), "must start with"),
            (("--module", "/no/such.ko"), "no such file"),
        ):
            with self.subTest(arguments):
                done = script("initramfs", "-o", self.place / "image", *arguments)
                self.assertEqual(done.returncode, USAGE)
                self.assertIn(word, done.stderr)

    def test_the_program_that_receives_a_run_is_there_with_its_libraries(self):
        root = self.write()
        self.assertTrue(os.access(root / "vm/receive", os.X_OK))
        self.assertTrue(any(path.name.startswith("libc.so") for path in root.rglob("*")))


class Kept(OwnCache):
    def setUp(self):
        super().setUp()
        self.file = self.place / "file"
        self.filled = 0

    def fill(self):
        self.filled += 1
        collector = collect.Collector(HOST)
        collector.add(self.file, "/file")
        return collector

    def test_an_unchanged_request_is_answered_from_the_cache(self):
        self.file.write_text("old")
        first = collect.kept("request", (), self.fill)
        again = collect.kept("request", (), self.fill)
        self.assertEqual((first.path, first.content, self.filled), (again.path, again.content, 1))

    def test_a_changed_file_makes_a_new_archive(self):
        contents = set()
        for content in ("old", "newer"):
            self.file.write_text(content)
            kept = collect.kept("request", (), self.fill)
            self.assertIn(content.encode(), kept.path.read_bytes())
            contents.add(kept.content)
        self.assertEqual(len(contents), 2)

    def test_only_so_many_archives_are_kept(self):
        self.file.touch()
        for number in range(3):
            with mock.patch.object(collect, "_IMAGES_KEPT", 2):
                collect.kept(number, (), self.fill)
        self.assertEqual(len(list((self.place / "cache" / "initramfs").glob("*.cpio"))), 2)

    def test_what_the_guest_has_already_does_not_come_again(self):
        base = initramfs.collected(HOST, programs=(("/bin/kmod", "/bin/kmod"),))
        self.assertTrue(any(name.endswith("libc.so.6") for name in base.holds))
        own = collect.Collector(HOST, base.holds)
        own.add(Path("/bin/kmod"), "/opt/kmod")
        self.assertEqual([path for path in own.archive.paths() if "." in path], [])
        self.assertIn("opt/kmod", own.archive.paths())


if __name__ == "__main__":
    unittest.main()
