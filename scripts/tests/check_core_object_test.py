#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds check-core-object objects with one fault each, made by every C++ compiler that is here."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "check-core-object")
FLAGS = ["-std=gnu++20", "-O2", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-pic", "-fno-pie",
         "-fno-asynchronous-unwind-tables", "-fcf-protection=none"]

KASAN = {
    "g++": ["-fsanitize=kernel-address", "--param=asan-globals=1"],
    "clang++": ["-fsanitize=kernel-address", "-mllvm", "-asan-globals=1"],
}
CLEAN = 'extern "C" int cxxrt_entry(int a) { return a + 1; }'
GLOBAL_CONSTRUCTOR = "extern int source(); int global = source();"


class CompilerTest:
    """The tests; a subclass below says which compiler makes the objects."""

    compiler = None

    def setUp(self):
        if not shutil.which(self.compiler):
            self.skipTest(f"{self.compiler} is not installed")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, source, *flags, name="core"):
        with open(self.path(name + ".cpp"), "w", encoding="utf-8") as file:
            file.write(source + "\n")
        subprocess.run([self.compiler, *FLAGS, *flags, "-c", "-o", self.path(name + ".o"), self.path(name + ".cpp")],
                       check=True)
        return self.path(name + ".o")

    def check(self, *arguments):
        run = subprocess.run([sys.executable, SCRIPT, *arguments], text=True, capture_output=True, check=False)
        return run.returncode, run.stderr

    def assert_fault(self, path, *words, arguments=()):
        """One line of the output has all the words, and the status is 1."""
        status, output = self.check(path, *arguments)
        self.assertEqual(status, 1, output)
        lines = [line for line in output.splitlines() if all(word in line for word in (path + ": ", *words))]
        self.assertTrue(lines, f"no line with {words} in:\n{output}")

    def assert_clean(self, *arguments):
        self.assertEqual(self.check(*arguments), (0, ""))

    def assert_unusable(self, *arguments, says):
        status, output = self.check(*arguments)
        self.assertEqual(status, 2, output)
        self.assertIn(says, output)

    def test_a_clean_object_passes_without_a_word(self):
        self.assert_clean(self.compile(CLEAN))

    def test_the_hooks_and_block_operations_are_allowed(self):
        self.assert_clean(self.compile("""
            struct Large { char bytes[4096]; };
            extern "C" void *cxxrt_alloc(unsigned long);
            extern "C" void *entry(const Large &from) {
                auto to = static_cast<Large *>(cxxrt_alloc(sizeof(Large))); *to = from; return to; }"""))

    def test_a_weak_definition_is_a_fault(self):
        self.assert_fault(self.compile("[[gnu::weak]] int feeble() { return 1; }"),
                          "weak symbol _Z6feeblev in .text", "internal linkage")

    def test_a_weak_reference_is_a_fault_even_if_the_name_is_allowed(self):
        path = self.compile('extern "C" [[gnu::weak]] void maybe(); void entry() { if (maybe) maybe(); }')
        self.assert_fault(path, "weak undefined symbol maybe", ".text", arguments=["--allow-symbol", "maybe"])

    def test_an_emitted_inline_function_is_a_comdat_group_and_a_weak_symbol(self):
        path = self.compile("[[gnu::noinline]] inline int twice(int a) { return 2 * a; }\n"
                            "int entry(int a) { return twice(a); }")
        self.assert_fault(path, "COMDAT group _Z5twicei", ".text._Z5twicei", "always_inline")
        self.assert_fault(path, "weak symbol _Z5twicei in .text._Z5twicei")

    def test_an_inline_variable_is_a_fault(self):
        self.assert_fault(self.compile("inline int shared = 3; int *entry() { return &shared; }"),
                          "COMDAT group shared", ".data.shared")

    def test_a_static_constructor_is_a_fault(self):
        self.assert_fault(self.compile(GLOBAL_CONSTRUCTOR),
                          "constructor or destructor _GLOBAL__sub_I_", "in section .init_array:", "constinit")

    def test_a_constructor_with_a_priority_is_a_fault(self):
        self.assert_fault(self.compile('[[gnu::constructor(101)]] static void early() { asm volatile(""); }'),
                          "_ZL5earlyv in section .init_array.")

    def test_instrumentation_may_have_a_constructor(self):
        path = self.compile("int table[4]; int entry(int i) { return table[i & 3]; }", *KASAN[self.compiler])
        with open(path, "rb") as file:
            self.assertIn(b".init_array", file.read())
        self.assert_clean(path)

    def test_instrumentation_does_not_hide_a_static_constructor(self):
        path = self.compile(GLOBAL_CONSTRUCTOR, *KASAN[self.compiler])
        self.assert_fault(path, "_GLOBAL__sub_I_", "in section .init_array:")

    def test_an_object_is_taken_for_instrumented_if_told_so(self):
        path = self.compile('[[gnu::constructor]] static void _sub_I_1() asm("_sub_I_1");\n'
                            'void _sub_I_1() { asm volatile(""); }')
        self.assert_fault(path, "_sub_I_1 in section .init_array")
        self.assert_clean("--kasan", path)

    def test_a_function_local_static_is_a_fault(self):
        path = self.compile('extern "C" int source(); int entry() { static int once = source(); return once; }')
        self.assert_fault(path, "undefined symbol __cxa_guard_acquire", "from .text", "function-local static",
                          arguments=["--allow-symbol", "source"])

    def test_operator_new_is_a_fault(self):
        self.assert_fault(self.compile("int *entry() { return new int; }"),
                          "undefined symbol _Znwm", "from .text", "cxxrt::Box")

    def test_operator_delete_is_a_fault(self):
        self.assert_fault(self.compile("void entry(int *p) { delete p; }"), "undefined symbol _Zdl", "`delete`")

    def test_a_pure_virtual_function_is_a_fault(self):
        path = self.compile("struct Base { Base(); virtual void f() = 0; virtual void g(); };\n"
                            "Base::Base() {} void Base::g() {}")
        self.assert_fault(path, "undefined symbol __cxa_pure_virtual", "virtual functions", "from ")

    def test_a_global_destructor_is_a_fault(self):
        path = self.compile("struct S { ~S(); }; constinit S global;")
        self.assert_fault(path, "undefined symbol __dso_handle", "has a destructor")
        self.assert_fault(path, "undefined symbol __cxa_atexit", "has a destructor")

    def test_exceptions_are_a_fault(self):
        path = self.compile("void entry() { throw 1; }", "-fexceptions")
        self.assert_fault(path, "undefined symbol __cxa_throw", "cxxrt::Result")

    def test_an_outlined_atomic_is_a_fault(self):
        path = self.compile('extern "C" int __aarch64_ldadd4_acq_rel(int, int *);\n'
                            "int entry(int *p) { return __aarch64_ldadd4_acq_rel(1, p); }")
        self.assert_fault(path, "undefined symbol __aarch64_ldadd4_acq_rel", "atomic")

    def test_floating_point_by_helper_functions_is_a_fault(self):
        path = self.compile('extern "C" int __muldf3(int), __floatsidf(int), __fixdfsi(int);\n'
                            "int entry(int a) { return __fixdfsi(__muldf3(__floatsidf(a))) + 1; }")
        for helper in ("__floatsidf", "__muldf3", "__fixdfsi"):
            self.assert_fault(path, f"undefined symbol {helper}", "floating point")

    def test_thread_local_data_is_a_fault(self):
        self.assert_fault(self.compile("thread_local int mine; int entry() { return ++mine; }"),
                          "thread-local symbol mine")

    def test_an_unknown_symbol_is_a_fault_until_allowed(self):
        path = self.compile('extern "C" int port_zap(int); int entry(int a) { return port_zap(a) + 1; }')
        self.assert_fault(path, "undefined symbol port_zap", "from .text", "allow it by name")
        self.assert_clean(path, "--allow-symbol", "port_*")
        with open(self.path("allow"), "w", encoding="utf-8") as file:
            file.write("# ours\nport_zap  # the only one\n")
        self.assert_clean(path, "--allow", self.path("allow"))

    def test_every_object_is_checked(self):
        clean = self.compile(CLEAN)
        faulty = self.compile("int *entry() { return new int; }", name="other")
        self.assert_fault(faulty, "_Znwm", arguments=[clean])

    def test_a_missing_file_is_an_error_of_usage(self):
        self.assert_unusable(self.path("none.o"), says="none.o: No such file")

    def test_a_missing_allow_list_is_an_error_of_usage(self):
        self.assert_unusable(self.compile(CLEAN), "--allow", self.path("none"), says="can't read the allow-list")

    def test_a_file_that_is_not_elf_is_an_error_of_usage(self):
        self.compile(CLEAN)
        self.assert_unusable(self.path("core.cpp"), says="core.cpp: not an ELF file")

    def test_a_truncated_object_is_an_error_of_usage(self):
        with open(self.compile(CLEAN), "rb") as file:
            data = file.read()
        for length in (20, len(data) // 2, len(data) - 1):
            with open(self.path("short.o"), "wb") as file:
                file.write(data[:length])
            self.assert_unusable(self.path("short.o"), says="truncated or damaged")

    def test_a_32_bit_object_is_an_error_of_usage(self):
        with open(self.compile(CLEAN), "r+b") as file:
            file.seek(4)
            file.write(struct.pack("B", 1))
        self.assert_unusable(self.path("core.o"), says="not a 64-bit")

    def test_no_object_is_an_error_of_usage(self):
        self.assert_unusable(says="OBJECT.o")


class GccTest(CompilerTest, unittest.TestCase):
    compiler = "g++"


class ClangTest(CompilerTest, unittest.TestCase):
    compiler = "clang++"

    def test_bitcode_is_an_error_of_usage(self):
        self.assert_unusable(self.compile(CLEAN, "-flto"), says="LLVM bitcode")

    def test_an_arm64_object_is_read_too(self):
        arm64 = [flag for flag in FLAGS if flag != "-fcf-protection=none"]
        source = self.path("arm64.cpp")
        with open(source, "w", encoding="utf-8") as file:
            file.write("int entry(int *p) { return __atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST); }\n")
        subprocess.run([self.compiler, "--target=aarch64-linux-gnu", "-moutline-atomics", *arm64, "-c", "-o",
                        self.path("arm64.o"), source], check=True)
        self.assert_fault(self.path("arm64.o"), "undefined symbol __aarch64_ldadd4_acq_rel", "from .text", "atomic")


if __name__ == "__main__":
    unittest.main()
