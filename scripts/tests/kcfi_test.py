#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kCFI across the seam: C and C++ must give each of its functions the same type id, and check-core-object must see it gone."""

import re
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from testing import SCRIPTS, script
import host
from cells import Cells
from kernelbuild import llvm_version

CHECKOUT = SCRIPTS.parent
# That of the cell with kCFI, else the machine's own.
CLANG = next((name for name in (cell.compiler for cell in map(Cells().get, Cells().names()) if llvm_version(cell)) if shutil.which(name)),
             host.newest("clang") or "clang")
CODE = ["--target=x86_64-linux-gnu", "-O2", "-ffreestanding", "-fno-pic", "-fno-pie", "-mcmodel=kernel",
        "-fno-asynchronous-unwind-tables", "-mretpoline-external-thunk"]
KCFI = "-fsanitize=kcfi"


def has_kcfi():
    command = [CLANG, "--target=x86_64-linux-gnu", KCFI, "-x", "c", "-fsyntax-only", "/dev/null"]
    return bool(shutil.which(CLANG)) and subprocess.run(command, capture_output=True, check=False).returncode == 0


LANGUAGE = {
    # bool is a type of the language, as it is of the kernel's linux/types.h.
    "c": ["-std=c2x", "-D__KERNEL__"],
    "cpp": ["-std=gnu++20", "-nostdinc", "-fno-exceptions", "-fno-rtti", "-I", CHECKOUT / "cxxrt" / "shim"],
}
SEAM = ("kmod/port.h", "kmod/core.h")


def declared(header):
    """The functions that a header of the seam declares."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#.*?$", "", (CHECKOUT / header).read_text(), flags=re.S | re.M)
    return re.findall(r"\b((?:port|ptelab)_\w+)\s*\([^()]*\)\s*;", text)


@unittest.skipUnless(has_kcfi(), f"{CLANG}, the newest here, is missing or has no {KCFI}, which clang 16 brought: scripts/setup all")
class Kcfi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compile(self, language, source, *flags):
        path = self.folder / f"unit.{language}"
        path.write_text(source)
        made = self.folder / f"{language}.o"
        subprocess.run([CLANG, *CODE, *LANGUAGE[language], *flags, "-c", "-o", made, path], cwd=CHECKOUT, check=True)
        return made

    def type_ids(self, language, start, names):
        """{name: type id} of functions that are declared in `start` and defined nowhere."""
        source = start + "".join(f"extern void *const at_{name};\nvoid *const at_{name} = (void *){name};\n" for name in names)
        prefix = "__kcfi_typeid_"
        return {name.removeprefix(prefix): value
                for name, value in symbols(self.compile(language, source, KCFI)) if name.startswith(prefix)}

    def assert_faults(self, path, *words):
        done = script("check-core-object", "--kcfi", "--allow-symbol", "port_*", str(path))
        self.assertEqual(done.returncode, 1 if words else 0, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_both_languages_give_the_seam_s_functions_the_same_ids(self):
        names = sorted({name for header in SEAM for name in declared(header)})
        self.assertGreater(len(names), 100)
        start = "".join(f'#include "{CHECKOUT / header}"\n' for header in SEAM)
        in_c, in_cpp = (self.type_ids(language, start, names) for language in LANGUAGE)
        self.assertEqual(sorted(in_c), names)
        self.assertEqual(in_c, in_cpp)
        self.assertGreater(len(set(in_c.values())), 20)

    def test_enums_bools_and_callbacks_have_the_same_ids(self):
        start = """
            #ifdef __cplusplus
            extern "C" {
            #endif
            enum kind { one, two };
            typedef struct { int x; } unnamed;
            struct page;
            struct ops { enum kind (*turn)(struct page *, enum kind); };
            bool port_a(enum kind, const struct ops *, unnamed *);
            void port_b(void (*)(void *, bool), void *);
            enum kind port_c(struct page *, enum kind);
            #ifdef __cplusplus
            }
            #endif
            """
        in_c, in_cpp = (self.type_ids(language, start, ("port_a", "port_b", "port_c")) for language in LANGUAGE)
        self.assertEqual(len(set(in_c.values())), 3)
        self.assertEqual(in_c, in_cpp)

    def test_a_struct_that_a_namespace_declares_is_another_one_even_in_extern_c(self):
        """What README.md warns of."""
        in_c = self.type_ids("c", "struct page; int port_a(struct page *);", ("port_a",))
        cpp = 'namespace n { extern "C" int port_a(struct page *); }\nusing n::port_a;\n'
        self.assertNotEqual(in_c, self.type_ids("cpp", cpp, ("port_a",)))
        self.assertEqual(in_c, self.type_ids("cpp", "struct page;\n" + cpp, ("port_a",)))

    def test_noexcept_counts_in_a_parameter_alone(self):
        """What README.md warns of."""
        names = ("port_a", "port_b")
        in_c = self.type_ids("c", "void port_a(int); void port_b(void (*)(int));", names)
        cpp = 'extern "C" { void port_a(int) noexcept; void port_b(void (*)(int) noexcept); }\n'
        in_cpp = self.type_ids("cpp", cpp, names)
        self.assertEqual(in_c["port_a"], in_cpp["port_a"])
        self.assertNotEqual(in_c["port_b"], in_cpp["port_b"])

    SOURCE = """
        extern "C" { int port_a(int); void port_keep(int (*)(int)); int entry(int (*)(int)); int other(int); }
        int entry(int (*f)(int)) { port_keep(port_a); return f(1) + 1; }
        int other(int a) { return a + 1; }
        """

    def test_an_object_with_kcfi_is_fit(self):
        path = self.compile("cpp", self.SOURCE, KCFI)
        self.assertIn("__kcfi_typeid_port_a", dict(symbols(path)))
        self.assert_faults(path)

    def test_an_object_that_lost_kcfi_is_not(self):
        path = self.compile("cpp", self.SOURCE)
        self.assert_faults(path, "function entry has no type id", "function other has no type id",
                           "1 calls through a pointer and 0 checks")

    def test_one_call_that_is_not_checked_is_seen(self):
        careless = self.SOURCE.replace("int entry(int (*f)", '__attribute__((no_sanitize("kcfi"))) int entry(int (*f)')
        self.assert_faults(self.compile("cpp", careless, KCFI), "1 calls through a pointer and 0 checks")

    def test_an_object_of_another_machine_cannot_be_told(self):
        path = self.compile("cpp", "int a;")
        with open(path, "r+b") as file:
            file.seek(18)
            file.write(struct.pack("<H", 183))
        self.assertEqual(script("check-core-object", "--kcfi", str(path)).returncode, 2)


def symbols(path):
    """(name, value) of each symbol that an object defines."""
    listed = subprocess.run(["nm", "--portability", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    return [(name, int(value, 16)) for name, _kind, value, *_size in map(str.split, listed.splitlines())]


if __name__ == "__main__":
    unittest.main()
