#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of cells, the check of a built kernel's options, and the cache."""

import lzma
import os
import subprocess
import tempfile
import unittest
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from testing import script, stand_in
import kernels
from cells import Cells
from common import HARNESS, NOTHING_RAN, USAGE, Failure
from buildroot import kernel_packages, make_root, packages
from debian import HOST, KEYRING, Apt, installed_dependency, own_archives, sources
from kernelbuild import asked, make_words, module_words, unmet
from records import replace

PACKAGED = ('[line.l]\nmissing = ["x"]\n[cell.a]\nline = "l"\nheaders = "h"\narch = "x86_64"\nflavour = "f"\narchives = ["bookworm"]\n'
            'compiler = "gcc"\nmemory = 64\n')
BUILT = PACKAGED.replace('headers = "h"', 'source = "s"\nconfig = ["c"]\ncompiler_of = "bookworm"')
START = 'default.other = "a"\n'


class Modules(unittest.TestCase):
    def test_one_is_found_by_its_name_and_kept_unpacked(self):
        with tempfile.TemporaryDirectory() as place:
            kernel = Path(place) / "usr/lib/modules/6.99/kernel/drivers"
            kernel.mkdir(parents=True)
            (kernel / "plain-one.ko").write_bytes(b"plain")
            with lzma.open(kernel / "packed.ko.xz", "wb") as packed:
                packed.write(b"packed")
            for name, content in (("plain_one", b"plain"), ("packed", b"packed")):
                found = kernels._module_file(place, "6.99", name)
                kernels._keep_module(found, Path(place) / "kept")
                self.assertEqual((Path(place) / "kept").read_bytes(), content)
            self.assertIsNone(kernels._module_file(place, "6.99", "plain"))
            self.assertIsNone(kernels._module_file(place, "6.98", "packed"))


class Table(unittest.TestCase):
    def read(self, content):
        with tempfile.TemporaryDirectory() as place:
            table = Path(place) / "kernels.toml"
            table.write_text(content)
            return Cells(table)

    def assert_refused(self, content, *words):
        with self.assertRaises(Failure) as caught:
            self.read(content)
        self.assertEqual(caught.exception.status, USAGE)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_a_cell_is_read(self):
        cells = self.read(START + PACKAGED)
        self.assertEqual(cells.get("a").memory, 64)

    def test_modules_are_those_of_a_packaged_kernel(self):
        self.assertEqual(self.read(START + PACKAGED + 'modules = ["loop"]\n').get("a").modules, ("loop",))
        self.assert_refused(START + BUILT + 'modules = ["loop"]\n', "cell a", "modules")

    def test_each_error_names_the_cell_and_the_key(self):
        start = START
        self.assert_refused("default = ", "not valid TOML")
        self.assert_refused(PACKAGED, "default")
        self.assert_refused('default = "a"\n' + PACKAGED, "default")
        self.assert_refused('default.trixie = "a"\n' + PACKAGED, "default.other")
        self.assert_refused('default.other = "b"\n' + PACKAGED, "default")
        self.assert_refused(start + PACKAGED + "colour = 1\n", "cell a", "'colour'")
        self.assert_refused(start + PACKAGED.replace("= 64", '= "64"'), "cell a", "'memory'", "int")
        self.assert_refused(start + PACKAGED.replace("arch", "#arch"), "cell a", "'arch' is missing")
        self.assert_refused(start + PACKAGED + 'source = "s"\nconfig = ["c"]\n', "cell a", "either")
        self.assert_refused(start + PACKAGED.replace("headers", "source"), "cell a", "config")

    def test_clang_builds_the_kernel_as_well_as_the_module(self):
        clang = PACKAGED.replace('"gcc"', '"clang-19"')
        self.assert_refused(START + clang, "cell a", "clang", "'source'")
        built = self.read(START + BUILT.replace('"gcc"', '"clang-19"')).get("a")
        self.assertEqual(make_words(built), ["LLVM=-19"])
        self.assertEqual(make_words(replace(built, arch="arm64")), ["ARCH=arm64", "LLVM=-19"])
        self.assertEqual(make_words(replace(built, compiler="gcc-12")), ["CC=gcc-12"])

    def test_the_cxx_part_may_have_a_compiler_of_its_own(self):
        cell = self.read(START + PACKAGED + 'cxx = "clang-14"\n').get("a")
        self.assertEqual(module_words(cell), ["CC=gcc", "CXXRT_CC=clang-14"])
        self.assertEqual(make_words(cell), ["CC=gcc"])
        self.assertEqual(cell.compilers, "gcc, clang-14 for C++")
        self.assert_refused(START + PACKAGED.replace("x86_64", "arm64") + 'cxx = "c"\n', "cell a", "'cxx'")

    def test_what_is_missing_is_the_line_s_and_the_cell_s(self):
        start = START + PACKAGED
        self.assertEqual(self.read(start).get("a").missing, ("x",))
        self.assertEqual(self.read(start + 'missing = ["y"]\n').get("a").missing, ("x", "y"))
        self.assert_refused(start.replace('line = "l"', 'line = "m"'), "cell a", "line 'm'", "l")
        self.assert_refused(start.replace('["x"]', '"x"'), "line l", "'missing'")
        self.assert_refused(start.replace('["x"]', '["x"]\nother = 1'), "line l", "'missing'")

    def test_archives_are_a_list_of_names(self):
        start = START + PACKAGED
        named = '["bookworm"]'
        self.assertEqual(self.read(start.replace(named, '["x", "y"]')).get("a").archives, ("x", "y"))
        self.assert_refused(start.replace(named, '"x"'), "cell a", "'archives'", "list")
        self.assert_refused(start.replace(named, "[1]"), "cell a", "'archives'", "names")
        self.assert_refused(start.replace(named, "[]"), "cell a", "'archives' is empty")

    def test_a_kernel_from_source_says_whose_compiler_builds_it(self):
        self.assertEqual(self.read(START + BUILT.replace('compiler_of = "bookworm"', 'compiler_of = "x"')).get("a").suite, "x")
        self.assert_refused(START + BUILT.replace("compiler_of", "#compiler_of"), "cell a", "'compiler_of'")
        self.assert_refused(START + PACKAGED + 'compiler_of = "x"\n', "cell a", "'compiler_of'")

    def test_this_machine_s_own_packages_serve_for_the_default_cell_and_its_own_compilers(self):
        for here, own in (("bookworm", {"debian-6.1", "debian-6.1-clang"}), ("trixie", {"debian-6.12"}), ("forky", set()), ("", set())):
            with self.subTest(here), mock.patch("host.suite", return_value=here):
                cells = Cells()
                self.assertEqual({name for name in cells.named(["packaged"]) if cells.get(name).own}, own)
                for name in cells.named(["built"]):
                    self.assertEqual(cells.get(name).own, cells.get(name).compiler_of == here)

    def test_what_make_check_runs_is_marked(self):
        other = PACKAGED.partition("[cell")[2].replace(".a]", "[cell.b]", 1)
        self.assertEqual(self.read(START + PACKAGED + other).checked(), ["a"])
        self.assertEqual(self.read(START + PACKAGED + other + "check = true\n").checked(), ["a", "b"])

    def test_the_project_s_own_table_is_valid(self):
        self.assertIn(Cells().default, Cells().names())
        self.assertIn(Cells().default, Cells().checked())

    def test_groups_and_names_may_be_mixed(self):
        cells = Cells()
        packaged, built = cells.named(["packaged"]), cells.named(["built"])
        self.assertEqual(sorted(packaged + built), sorted(cells.names()))
        self.assertIn(cells.default, packaged)
        self.assertEqual(cells.named([built[0], "packaged", cells.default]), [built[0], *packaged])
        with self.assertRaises(Failure):
            cells.named(["no-such-cell"])

    def test_an_unknown_cell_is_a_usage_error_that_lists_the_known_ones(self):
        done = script("kernels", "get", "no-such-cell")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("no cell 'no-such-cell'", done.stderr)
        self.assertIn(Cells().default, done.stderr)


class Options(unittest.TestCase):
    def test_what_is_granted_is_silent(self):
        asked = '# why\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=4\nCONFIG_S="text"\n'
        got = 'CONFIG_A=y\nCONFIG_N=4\nCONFIG_S="text"\nCONFIG_OTHER=y\n'
        self.assertEqual(unmet(asked, got), [])

    def test_each_option_that_is_not_granted_is_named(self):
        asked = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=4\n"
        got = "# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_N=2\n"
        self.assertEqual(
            unmet(asked, got), ["CONFIG_A=y (is n)", "CONFIG_B=n (is y)", "CONFIG_N=4 (is 2)"]
        )

    def test_a_cell_s_options_are_those_of_its_files_less_and_also(self):
        with tempfile.TemporaryDirectory() as place:
            one, two = Path(place, "one"), Path(place, "two")
            one.write_text("# why\nCONFIG_A=y\n# CONFIG_B is not set\n")
            two.write_text("CONFIG_AB=4\nCONFIG_C=y\n")
            cell = replace(
                Cells().get(Cells().default), config=(one, two), without=("CONFIG_A", "CONFIG_C"), also=("CONFIG_D=y",)
            )
            self.assertEqual(asked(cell), "CONFIG_AB=4\nCONFIG_B=n\nCONFIG_D=y\n")
            two.unlink()
            with self.assertRaises(Failure) as caught:
                asked(cell)
            self.assertIn(str(two), str(caught.exception))


class Packages(unittest.TestCase):
    def test_a_package_that_is_not_there_says_what_to_do(self):
        for call in (
            lambda: HOST.candidate_version("ptelab-no-such-package"),
            lambda: installed_dependency("ptelab-no-such-package", "linux-headers-"),
        ):
            with self.assertRaises(Failure) as caught:
                call()
            self.assertEqual(caught.exception.status, NOTHING_RAN)
            self.assertIn("run ", str(caught.exception))


class Suites(unittest.TestCase):
    def test_each_archive_has_a_mirror_and_a_keyring(self):
        lines = sources(["trixie", "trixie-security"])
        self.assertEqual([line.split()[-2] for line in lines], ["trixie", "trixie-security"])
        self.assertTrue(all(KEYRING in line for line in lines))
        self.assertNotEqual(lines[0].split()[2], lines[1].split()[2])

    def test_an_archive_with_no_mirror_is_named(self):
        with self.listed(), self.assertRaises(Failure) as caught:
            sources(["trixie"])
        self.assertEqual(caught.exception.status, NOTHING_RAN)
        self.assertIn("bookworm archive", str(caught.exception))

    @contextmanager
    def listed(self, *targets, here="bookworm"):
        """An apt whose sources are these: (URI, release, label)."""
        shown = "".join(f"{uri}|{release}|main|{label}\n" for uri, release, label in targets)
        done = subprocess.CompletedProcess([], 0, stdout=shown, stderr="")
        with mock.patch("debian._run", return_value=done), mock.patch("host.suite", return_value=here):
            yield

    def mirrors(self, *archives):
        return [line.split()[2] for line in sources(archives)]

    def test_a_suite_that_apt_has_is_taken_from_there_and_any_other_from_where_this_machine_s_own_is(self):
        with self.listed(("m:/old/", "bullseye", "Debian"), ("m:/d/", "bookworm", "Debian"), ("m:/s/", "bookworm-security", "x")):
            self.assertEqual(self.mirrors("bullseye", "bookworm", "trixie", "trixie-security"), ["m:/old/", "m:/d/", "m:/d/", "m:/s/"])
            self.assertEqual(own_archives(), ("bookworm", "bookworm-security"))

    def test_sid_has_neither_a_name_nor_a_security_archive_of_its_own(self):
        with self.listed(("m:/d/", "sid", "Debian"), here="forky"):
            self.assertEqual(self.mirrors("trixie", "trixie-security"), ["m:/d/", "m:/d-security/"])
            self.assertEqual(own_archives(), ("sid",))

    def test_an_apt_of_another_distribution_serves_with_a_debian_archive_among_its_sources(self):
        ubuntu = ("u:/", "noble", "Ubuntu")
        with self.listed(ubuntu, ("m:/d/", "trixie", "Debian"), ("m:/s/", "trixie-security", "Debian-Security"), here=""):
            self.assertEqual(self.mirrors("bookworm", "bookworm-security"), ["m:/d/", "m:/s/"])
        with self.listed(ubuntu, here=""), self.assertRaises(Failure) as caught:
            sources(["trixie"])
        self.assertIn("Debian archive", str(caught.exception))

    def test_a_suite_that_has_left_the_mirror_is_named(self):
        with tempfile.TemporaryDirectory() as place:
            said = "E: The repository 'm:/d bullseye Release' does not have a Release file."
            stand_in(place, "apt-get", f'#!/bin/sh\necho "$*" | grep -q update || exit 0\necho "{said}" >&2\nexit 100\n')
            path = f"{place}:{os.environ['PATH']}"
            with mock.patch.dict("os.environ", PATH=path), self.assertRaises(Failure) as caught:
                Apt(Path(place, "apt.conf")).update()
        self.assertEqual(caught.exception.status, NOTHING_RAN)
        self.assertIn("bullseye has left the mirror m:/d", str(caught.exception))

    def test_the_compiler_s_cpp_comes_along(self):
        self.assertIn("g++-10", packages("gcc-10", "headers"))
        self.assertIn("clang-14", packages("gcc-12", "headers", "clang-14"))

    def test_a_kernel_s_root_has_the_linker_and_the_cross_compiler_of_its_compiler(self):
        cells = Cells()
        self.assertLessEqual({"gcc-12", "g++-12", "bc"}, {*kernel_packages(cells.get("debug-6.12"))})
        self.assertLessEqual({"clang-19", "lld-19", "llvm-19"}, {*kernel_packages(cells.get("kcfi-7.3"))})
        self.assertLessEqual({"gcc", "g++-12-aarch64-linux-gnu"}, {*kernel_packages(cells.get("arm64-6.12"))})

    def test_only_root_makes_a_root(self):
        with mock.patch("os.geteuid", return_value=1000), self.assertRaises(Failure) as caught:
            make_root("/nowhere", ["bullseye"], ["make"])
        self.assertIn("sudo", str(caught.exception))


class Cache(unittest.TestCase):
    cell = Cells().get(Cells().default)
    made = {"release": "1.2", "version": "3", "kdir": "/k"}

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.kernels = Path(place.name) / "kernels"
        patch = mock.patch.dict("os.environ", PTELAB_CACHE=place.name)
        patch.start()
        self.addCleanup(patch.stop)

    def test_a_kernel_is_made_once(self):
        make = mock.Mock(return_value=self.made)
        first = kernels._once(self.cell, "i", make)
        self.assertEqual(kernels._once(self.cell, "i", make), first)
        make.assert_called_once()
        self.assertEqual(first["release"], "1.2")

    def test_other_inputs_make_another_kernel(self):
        make = mock.Mock(return_value=self.made)
        kernels._once(self.cell, "i", make)
        kernels._once(self.cell, "j", make)
        self.assertEqual(make.call_count, 2)

    def test_a_kernel_in_the_cache_serves_when_none_can_be_made(self):
        def failing(status):
            return mock.patch("kernels._packaged", side_effect=Failure("no mirror answers", status))

        cell = replace(self.cell, own=True, source="")
        with failing(NOTHING_RAN), self.assertRaises(Failure):
            kernels.ready(cell)
        of_the_line = self.made | {"release": f"{cell.line}.0-1"}
        kernels._once(cell, "i", lambda folder: of_the_line)
        kernels._once(replace(cell, name=f"{cell.name}-other"), "i", lambda folder: of_the_line | {"version": "4"})
        with failing(NOTHING_RAN), mock.patch("kernels.note") as note:
            self.assertEqual(kernels.ready(cell)["version"], "3")
        self.assertIn("no mirror answers", note.call_args.args[0])
        with failing(HARNESS), self.assertRaises(Failure):
            kernels.ready(cell)

    def test_a_kernel_of_another_line_does_not(self):
        kernels._once(self.cell, "i", lambda folder: self.made)
        self.assertIsNone(kernels._in_cache(self.cell))

    def test_what_fails_half_way_leaves_nothing(self):
        def half(folder):
            (folder / "vmlinuz").touch()
            raise Failure("stopped")

        with self.assertRaises(Failure):
            kernels._once(self.cell, "i", half)
        self.assertEqual([path for path in self.kernels.iterdir() if path.is_dir()], [])

    def test_the_rest_of_a_killed_build_is_not_taken_for_a_kernel(self):
        left = self.kernels / f"{self.cell.name}-i"
        left.mkdir(parents=True)
        (left / "vmlinuz").touch()
        make = mock.Mock(return_value=self.made)
        kernels._once(self.cell, "i", make)
        make.assert_called_once()
        self.assertFalse((left / "vmlinuz").exists())


if __name__ == "__main__":
    unittest.main()
